import { defineMachine, Record } from 'raftgen'
import Type from 'typebox'

const Id = Type.String({ minLength: 1, maxLength: 26 })
const Queue = Type.String({ minLength: 1, maxLength: 40, description: 'Comes into being with its first job.' })
const Body = Type.String({ maxLength: 10_000 })
const Priority = Type.Integer({ minimum: 0, maximum: 9, description: '0 is first.' })
const Attempts = Type.Integer({ minimum: 0, description: 'How often it was taken.' })
const MaxAttempts = Type.Integer({ minimum: 1, maximum: 100, description: 'Once it was taken so often, and not finished, it is dead.' })
const Ticket = Type.String({ minLength: 1, maxLength: 64, description: 'Of the caller: no two jobs have the same.' })
const EpochMs = Type.Integer({ minimum: 0, description: 'Log time, milliseconds since 1970.' })
const ForMs = Type.Integer({ minimum: 1, maximum: 86_400_000 })
const Receipt = Type.Integer({
  minimum: 1,
  description: 'Of one take, greater than all before: a fencing token for what the work writes to, too.',
})
const Limit = Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })

const always = { queue: Queue, priority: Priority, runAt: EpochMs, attempts: Attempts, ticket: Type.Optional(Ticket) }
const open = { ...always, body: Body, maxAttempts: MaxAttempts }
const Ready = Type.Object({ status: Type.Literal('ready'), ...open })
const Taken = Type.Object({ status: Type.Literal('taken'), ...open, receipt: Receipt, takenAt: EpochMs, takenUntil: EpochMs })
const Dead = Type.Object({ status: Type.Literal('dead'), ...open })
/** Kept without its body, so that its ticket and its receipt still mean something when they come again. */
const Finished = Type.Object({ status: Type.Literal('finished'), ...always, receipt: Receipt, keptUntil: EpochMs })
const Job = Type.Union([Ready, Taken, Dead, Finished])

const Status = Type.Enum(['ready', 'taken', 'dead', 'finished'])
const Found = Type.Object({ id: Id, job: Job })
const Grant = Type.Object({ id: Id, job: Taken })
const Tally = Type.Object({ ready: Type.Integer(), taken: Type.Integer(), dead: Type.Integer(), finished: Type.Integer() })

export default defineMachine({
  name: 'queue',
  version: 1,

  state: Type.Object({ jobs: Record(Id, Job) }),
  indexes: {
    jobs: {
      /** What is to be done, in this order. */
      next: ['queue', 'status', 'priority', 'runAt'],
      /** Only those that are taken have it. */
      timeout: ['queue', 'takenUntil'],
      /** Only those that are finished have it. */
      keptUntil: 'keptUntil',
      ticket: { on: 'ticket', unique: true },
    },
  },

  errors: {
    /** The ticket has been used, for this job. */
    Known: Type.Object({ id: Id }),
    /** The receipt is not that of whoever holds the job: it was given to another, given back, or has ended. */
    Lost: Type.Object({}),
    NotDead: Type.Object({}),
  },

  commands: {
    /** Adds a job, which is due at `runAt`, and not before `delayMs` from now. With a ticket it is safe to ask again. */
    enqueue: {
      input: Type.Object({
        queue: Queue,
        body: Body,
        priority: Type.Integer({ minimum: 0, maximum: 9, default: 5 }),
        runAt: Type.Optional(EpochMs),
        delayMs: Type.Integer({ minimum: 0, maximum: 31_536_000_000, default: 0 }),
        maxAttempts: Type.Integer({ minimum: 1, maximum: 100, default: 5 }),
        ticket: Type.Optional(Ticket),
      }),
      output: Id,
      errors: ['Known'],
    },
    /**
     * Takes the first job that is due, for some time: whoever does not finish or extend it by then may lose it to the next one who takes.
     * That is log time, from before the answer: extend it early, since it may pass a tenth faster, and faster still when a leader is
     * replaced. `null`: nothing is due, or more than a hundred were lost and have to be looked through: ask again.
     */
    take: {
      input: Type.Object({ queue: Queue, forMs: Type.Integer({ minimum: 1, maximum: 86_400_000, default: 30_000 }) }),
      output: Type.Union([Grant, Type.Null()]),
    },
    /** Holds it for so long from now on. Gives the log time at which that ends. */
    extend: { input: Type.Object({ id: Id, receipt: Receipt, forMs: ForMs }), output: EpochMs, errors: ['Lost'] },
    /** It is done. Safe to ask again, for an hour. */
    finish: { input: Type.Object({ id: Id, receipt: Receipt }), errors: ['Lost'] },
    /** It could not be done: another may try, after some time. Gives what has become of it. */
    giveBack: {
      input: Type.Object({ id: Id, receipt: Receipt, delayMs: Type.Integer({ minimum: 0, maximum: 31_536_000_000, default: 0 }) }),
      output: Type.Enum(['ready', 'dead']),
      errors: ['Lost'],
    },
    /** A dead job gets all its attempts again. */
    revive: { input: Type.Object({ id: Id }), errors: ['NotDead'] },
    /** Deletes a dead job. */
    discard: { input: Type.Object({ id: Id }), errors: ['NotDead'] },
  },

  queries: {
    get: { input: Type.Object({ id: Id }), output: Type.Union([Found, Type.Null()]) },
    /** Those that are ready and due, in the order in which they will be taken. */
    peek: { input: Type.Object({ queue: Queue, limit: Limit }), output: Type.Array(Found) },
    /** Those of one status, in their order: the first, or those that follow one. */
    page: {
      input: Type.Object({
        queue: Queue,
        status: Status,
        after: Type.Optional(Type.Object({ priority: Priority, runAt: EpochMs, id: Id })),
        limit: Limit,
      }),
      output: Type.Array(Found),
    },
    /** How many there are. One that nobody holds any more counts as taken until somebody takes. */
    counts: { input: Type.Object({ queue: Queue }), output: Tally },
  },
})
