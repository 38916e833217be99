import Type from 'typebox'
import { defineMachine, Record } from 'raftgen'

const Name = Type.String({ minLength: 1, maxLength: 128, description: 'What is locked, e.g. "orders/42".' })
const Owner = Type.String({ minLength: 1, maxLength: 64, description: 'Who wants or holds the lock.' })
const TtlMs = Type.Integer({ minimum: 1, maximum: 86_400_000, default: 30_000 })
const EpochMs = Type.Integer({ minimum: 0, description: 'Cluster time, milliseconds since 1970.' })

const Lease = Type.Object({
  owner: Owner,
  token: Type.Integer({ minimum: 1, description: 'Fencing token: grows with every grant. Refuse writes that carry an older one.' }),
  expiresAt: EpochMs,
})

export default defineMachine({
  name: 'locks',
  version: 1,

  state: Type.Object({ leases: Record(Name, Lease) }),
  initial: { leases: {} },

  errors: {
    Held: Type.Object({ owner: Owner, expiresAt: EpochMs }),
    NotHeld: Type.Object({}),
  },

  commands: {
    /** Takes the lock if it is free, expired, or already yours. */
    acquire: {
      input: Type.Object({ name: Name, owner: Owner, ttlMs: TtlMs }),
      output: Lease,
      errors: ['Held'],
    },
    /** Gives the lock back. Only the holder can. */
    release: { input: Type.Object({ name: Name, owner: Owner }), errors: ['NotHeld'] },
  },

  queries: {
    /** The lease in force, or null. Linearizable unless the caller asks for less. */
    holder: { input: Type.Object({ name: Name }), output: Type.Union([Lease, Type.Null()]) },
  },
})
