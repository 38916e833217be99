import { bytes, defineMachine, Record } from 'raftgen'
import Type from 'typebox'

const Key = Type.String({ minLength: 1, maxLength: 64 })
const Value = bytes({ maxLength: 4_096 })

/** The machine that the benchmark drives: the least that is still a typed, validated, replicated command. */
export default defineMachine({
  name: 'bench-kv',
  version: 1,
  state: Type.Object({ values: Record(Key, Value) }),
  commands: {
    /** Stores a value. */
    put: { input: Type.Object({ key: Key, value: Value }) },
  },
  queries: {
    /** The value, or null. */
    get: { input: Type.Object({ key: Key }), output: Type.Union([Value, Type.Null()]) },
  },
})
