import { defineMachine, Record } from 'raftgen'
import Type from 'typebox'

const Id = Type.String({ minLength: 1, maxLength: 26 })
const Queue = Type.String({ minLength: 1, maxLength: 40 })
const EpochMs = Type.Integer({ minimum: 0 })

const Job = Type.Object({
  queue: Queue,
  body: Type.String({ maxLength: 10_000 }),
  status: Type.Enum(['ready', 'taken']),
  priority: Type.Integer({ minimum: 0, maximum: 9, description: '0 is first.' }),
  runAt: EpochMs,
  takenUntil: Type.Optional(EpochMs),
  ticket: Type.Optional(Type.String({ maxLength: 64, description: 'Of the caller: no two jobs have the same.' })),
})
const Found = Type.Object({ id: Id, job: Job })

export default defineMachine({
  name: 'jobs',
  version: 1,

  state: Type.Object({ jobs: Record(Id, Job) }),
  indexes: {
    jobs: {
      /** What is to be done, in this order. */
      next: ['queue', 'status', 'priority', 'runAt'],
      /** Only those that are taken have it. */
      takenUntil: 'takenUntil',
      ticket: { on: 'ticket', unique: true },
    },
  },

  errors: {
    Known: Type.Object({ id: Id }),
    Gone: Type.Object({}),
  },

  commands: {
    add: {
      input: Type.Object({
        queue: Queue,
        body: Type.String({ maxLength: 10_000 }),
        priority: Type.Integer({ minimum: 0, maximum: 9, default: 5 }),
        ticket: Type.Optional(Type.String({ maxLength: 64 })),
      }),
      output: Id,
      errors: ['Known'],
    },
    /** Takes the first job that is due, for some time: whoever does not finish it by then has lost it. */
    take: {
      input: Type.Object({ queue: Queue, forMs: Type.Integer({ minimum: 1, default: 30_000 }) }),
      output: Type.Union([Found, Type.Null()]),
    },
    finish: { input: Type.Object({ id: Id }), errors: ['Gone'] },
  },

  queries: {
    waiting: { input: Type.Object({ queue: Queue }), output: Type.Integer() },
    /** Two at a time, in their order: the page after `after`. */
    page: {
      input: Type.Object({ queue: Queue, after: Type.Optional(Id) }),
      output: Type.Array(Found),
    },
  },
})
