import { defineMachine, Record } from 'raftgen'
import Type from 'typebox'

const Key = Type.String({ minLength: 1, maxLength: 16 })
const Value = Type.Integer({ minimum: 1, description: 'Never given twice: it names the command that brought it.' })
const Count = Type.Integer({ minimum: 0 })

const List = Type.Object({
  count: Count,
  last: Type.Array(Value, { maxItems: 8, description: 'The newest values, in the order in which they came.' }),
})

/** What the chaos suite replicates: for each key a list and a register. What a command is answered with tells what came before it. */
export default defineMachine({
  name: 'chaos',
  version: 1,

  state: Type.Object({ lists: Record(Key, List), registers: Record(Key, Value), appended: Type.Integer({ default: 0 }) }),

  errors: {
    Mismatch: Type.Object({ actual: Type.Union([Value, Type.Null()]) }),
  },

  commands: {
    /** Adds a value to the list of a key. Gives the list as it is then. */
    append: { input: Type.Object({ key: Key, value: Value }), output: List },
    /** Gives the register of a key another value, if it holds the one expected; null: none yet. */
    cas: { input: Type.Object({ key: Key, expected: Type.Union([Value, Type.Null()]), value: Value }), errors: ['Mismatch'] },
  },

  queries: {
    /** The list and the register of a key. */
    read: { input: Type.Object({ key: Key }), output: Type.Object({ list: List, register: Type.Union([Value, Type.Null()]) }) },
    /** Of all keys together: how many values were appended, and what the registers add up to. */
    sum: { input: Type.Object({}), output: Type.Object({ appended: Count, registers: Count }) },
  },
})
