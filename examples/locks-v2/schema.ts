import Type from 'typebox'
import { defineMachine, Record } from 'raftgen'

const Name = Type.String({ minLength: 1, maxLength: 128, description: 'What is locked, e.g. "orders/42".' })
const Owner = Type.String({ minLength: 1, maxLength: 64, description: 'Who wants or holds the lock.' })
const TtlMs = Type.Integer({ minimum: 1, maximum: 86_400_000, default: 30_000 })
const EpochMs = Type.Integer({ minimum: 0, description: 'Cluster time, milliseconds since 1970.' })
const Token = Type.Integer({ minimum: 1, description: 'Fencing token: grows with every grant. Refuse writes that carry an older one.' })

/** What a holder is told. Version 1 stored it as well. */
const Lease = Type.Object({ owner: Owner, token: Token, expiresAt: EpochMs })
/** What is stored since version 2: a lock may have several holders. */
const Lock = Type.Object({
  shared: Type.Boolean(),
  holders: Type.Array(Lease, { minItems: 1, maxItems: 100 }),
})

export default defineMachine({
  name: 'locks',
  version: 2,

  state: Type.Object({ locks: Record(Name, Lock, { was: 'leases' }) }),
  initial: { locks: {} },

  errors: {
    Held: Type.Object({ owner: Owner, expiresAt: EpochMs }),
    NotHeld: Type.Object({}),
  },

  commands: {
    /** Takes the lock if it is free, expired, already yours, or shared by all who hold it and by you. */
    acquire: {
      input: Type.Object({ name: Name, owner: Owner, ttlMs: TtlMs, shared: Type.Boolean({ default: false }) }),
      output: Lease,
      errors: ['Held'],
    },
    /** Gives the lock back. Only a holder can. */
    release: { input: Type.Object({ name: Name, owner: Owner }), errors: ['NotHeld'] },
    /** Holds it longer, under the same token. */
    renew: { input: Type.Object({ name: Name, owner: Owner, ttlMs: TtlMs }), output: Lease, errors: ['NotHeld'] },
  },

  queries: {
    /** A lease in force, or null. Linearizable unless the caller asks for less. */
    holder: { input: Type.Object({ name: Name }), output: Type.Union([Lease, Type.Null()]) },
    /** All leases in force. */
    holders: { input: Type.Object({ name: Name }), output: Type.Array(Lease) },
  },
})
