import {
  type Dead,
  type Job,
  Known,
  Lost,
  NotDead,
  ok,
  type QueueHandlers,
  type QueueReadonlyState,
  type QueueState,
  type Ready,
  type Taken,
} from './generated/index.js'

/** A take gets one job, so of those that were lost it need not return all: more than one is enough to keep up. Every replica waits for it. */
const returnedMax = 100
/** A finish adds one that is kept, so two is enough to keep up. */
const forgottenMax = 2
/** How long a finished job is known. Whoever repeats a call later than this cannot be told from a new one. Milliseconds. */
const keptMs = 3_600_000
const priorities = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

export const handlers: QueueHandlers = {
  enqueue(state, { runAt = 0, delayMs, ticket, ...job }, ctx) {
    const known = ticket === undefined ? undefined : state.jobs.by.ticket.get(ticket)
    if (known !== undefined) return Known({ id: known[0] })
    const id = ctx.id()
    const ready = { ...job, status: 'ready', attempts: 0, runAt: Math.max(runAt, ctx.now + delayMs) } as const
    state.jobs.set(id, ticket === undefined ? ready : { ...ready, ticket })
    return ok(id)
  },

  take(state, { queue, forMs }, ctx) {
    returnLost(state, queue, ctx.now)
    const [first] = due(state, { queue, now: ctx.now, limit: 1 })
    if (first === undefined) return null
    const { id, job } = first
    // The index of the log only grows, whatever the job has been through: a receipt never comes again.
    const times = { takenAt: ctx.now, takenUntil: ctx.now + forMs }
    const taken = { ...job, ...times, status: 'taken', attempts: job.attempts + 1, receipt: ctx.index } as const
    state.jobs.set(id, taken)
    return { id, job: taken }
  },

  extend(state, { id, receipt, forMs }, ctx) {
    const job = held(state, id, receipt)
    if (job === undefined) return Lost()
    const takenUntil = ctx.now + forMs
    state.jobs.set(id, { ...job, takenUntil })
    return ok(takenUntil)
  },

  finish(state, { id, receipt }, ctx) {
    const job = state.jobs.get(id)
    // Asked again: the first answer was lost.
    if (job?.status === 'finished' && job.receipt === receipt) return ok()
    const taken = held(state, id, receipt)
    if (taken === undefined) return Lost()
    const { body, maxAttempts, takenAt, takenUntil, ...rest } = taken
    state.jobs.set(id, { ...rest, status: 'finished', keptUntil: ctx.now + keptMs })
    for (const old of state.jobs.by.keptUntil.range({ lte: ctx.now, limit: forgottenMax })) state.jobs.delete(old[0])
    return ok()
  },

  giveBack(state, { id, receipt, delayMs }, ctx) {
    const job = held(state, id, receipt)
    if (job === undefined) return Lost()
    const returned = { ...returnedFrom(job), runAt: ctx.now + delayMs }
    state.jobs.set(id, returned)
    return ok(returned.status)
  },

  revive(state, { id }, ctx) {
    const job = state.jobs.get(id)
    if (job?.status !== 'dead') return NotDead()
    state.jobs.set(id, { ...job, status: 'ready', attempts: 0, runAt: ctx.now })
    return ok()
  },

  discard(state, { id }) {
    if (state.jobs.get(id)?.status !== 'dead') return NotDead()
    state.jobs.delete(id)
    return ok()
  },

  get(state, { id }) {
    const job = state.jobs.get(id)
    return job === undefined ? null : { id, job }
  },

  peek: (state, { queue, limit }, ctx) => due(state, { queue, now: ctx.now, limit }),

  // The place is given, not only the job that was there: it may be elsewhere by now.
  page(state, { queue, status, after, limit }) {
    const prefix = [queue, status] as const
    const { next } = state.jobs.by
    const part =
      after === undefined ? next.range({ prefix, limit }) : next.range({ prefix, gt: [after.priority, after.runAt, after.id], limit })
    return [...part].map(([id, job]) => ({ id, job }))
  },

  counts(state, { queue }) {
    const { next } = state.jobs.by
    return {
      ready: next.count(queue, 'ready'),
      taken: next.count(queue, 'taken'),
      dead: next.count(queue, 'dead'),
      finished: next.count(queue, 'finished'),
    }
  },
}

/**
 * The job, if this receipt is the one it was taken with last, and it was not returned since. It may be late: as long as nobody else has got it, to
 * refuse would only do the work twice.
 */
function held(state: QueueState, id: string, receipt: number): Taken | undefined {
  const job = state.jobs.get(id)
  return job?.status === 'taken' && job.receipt === receipt ? job : undefined
}

/** Makes those ready again whose time is over, the longest over first. They keep their place. */
function returnLost(state: QueueState, queue: string, now: number): void {
  // The range is that of this moment: what the loop writes does not move under it.
  for (const [id, job] of state.jobs.by.timeout.range({ prefix: queue, lte: now, limit: returnedMax })) {
    if (job.status === 'taken') state.jobs.set(id, returnedFrom(job))
  }
}

function returnedFrom({ receipt, takenAt, takenUntil, ...job }: Taken): Ready | Dead {
  return { ...job, status: job.attempts < job.maxAttempts ? 'ready' : 'dead' }
}

/** Of each priority those that are due, so that a delayed job stands in nobody's way. */
function due(
  state: QueueReadonlyState,
  { queue, now, limit }: { readonly queue: string; readonly now: number; readonly limit: number },
): readonly { readonly id: string; readonly job: Ready }[] {
  const found: { readonly id: string; readonly job: Ready }[] = []
  for (const priority of priorities) {
    const left = limit - found.length
    for (const [id, job] of state.jobs.by.next.range({ prefix: [queue, 'ready', priority], lte: now, limit: left })) {
      if (isReady(job)) found.push({ id, job })
    }
  }
  return found
}

const isReady = (job: Job): job is Ready => job.status === 'ready'
