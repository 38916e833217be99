import { defineMachine } from 'raftgen'
import Type from 'typebox'

export default defineMachine({
  name: 'counter',
  version: 1,
  state: Type.Object({ value: Type.Integer({ default: 0 }) }),

  commands: {
    /** Adds to the counter and returns what it holds then. */
    add: { input: Type.Object({ amount: Type.Integer({ minimum: 1, maximum: 1_000, default: 1 }) }), output: Type.Integer() },
  },
  queries: {
    /** What the counter holds. */
    value: { input: Type.Object({}), output: Type.Integer() },
  },
})
