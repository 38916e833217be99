import { defineMachine, Record } from 'raftgen'
import Type from 'typebox'

const Key = Type.String({ minLength: 1, maxLength: 256, description: 'Where a value is kept, e.g. "users/42".' })
const Value = Type.String({ maxLength: 65_536 })
const Version = Type.Integer({ minimum: 0, description: 'Grows with every change of the key. 0: there is no value.' })

const Entry = Type.Object({
  value: Value,
  version: Version,
  changedAt: Type.Integer({ minimum: 0, description: 'Cluster time, milliseconds since 1970.' }),
})

export default defineMachine({
  name: 'store',
  version: 1,

  state: Type.Object({ entries: Record(Key, Entry) }),

  /** What is always true of the state: `raftgen check` and the simulator look after every command. */
  invariants: {
    versionsAreIndexes: (state) => {
      const versions = [...state.entries.values()].map(({ version }) => version)
      return new Set(versions).size === versions.length || 'two entries have the same version'
    },
  },

  errors: {
    /** Someone else changed the key first. `version` is the one it has now. */
    Conflict: Type.Object({ version: Version }),
  },

  commands: {
    /** Sets a key; with `expectedVersion` only if nobody else has changed it since it was read. */
    put: {
      input: Type.Object({ key: Key, value: Value, expectedVersion: Type.Optional(Version) }),
      output: Entry,
      errors: ['Conflict'],
    },
    /** Removes a key. Removing what is not there is fine. */
    remove: {
      input: Type.Object({ key: Key, expectedVersion: Type.Optional(Version) }),
      errors: ['Conflict'],
    },
  },

  queries: {
    /** The entry of a key, or null. */
    get: { input: Type.Object({ key: Key }), output: Type.Union([Entry, Type.Null()]) },
  },
})
