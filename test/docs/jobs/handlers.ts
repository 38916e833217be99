import { Gone, type JobsHandlers, Known, ok } from './generated/index.ts'

export const handlers: JobsHandlers = {
  add(state, { queue, body, priority, ticket }, ctx) {
    const known = ticket === undefined ? undefined : state.jobs.by.ticket.get(ticket)
    if (known !== undefined) return Known({ id: known[0] })
    const id = ctx.id()
    const job = { queue, body, priority, status: 'ready', runAt: ctx.now } as const
    state.jobs.set(id, ticket === undefined ? job : { ...job, ticket })
    return ok(id)
  },

  take(state, { queue, forMs }, ctx) {
    // The range is that of this moment: what the loop writes does not move under it.
    for (const [id, { takenUntil, ...job }] of state.jobs.by.takenUntil.range({ lte: ctx.now, limit: 100 })) {
      state.jobs.set(id, { ...job, status: 'ready' })
    }
    const [first] = state.jobs.by.next.range({ prefix: [queue, 'ready'], limit: 1 })
    if (first === undefined) return null
    const [id, job] = first
    const taken = { ...job, status: 'taken', takenUntil: ctx.now + forMs } as const
    state.jobs.set(id, taken)
    return { id, job: taken }
  },

  finish: (state, { id }) => (state.jobs.delete(id) ? ok() : Gone()),

  waiting: (state, { queue }) => state.jobs.by.next.count(queue, 'ready'),

  page(state, { queue, after }) {
    const last = after === undefined ? undefined : state.jobs.get(after)
    const { next } = state.jobs.by
    const part =
      last === undefined || after === undefined
        ? next.range({ prefix: queue, limit: 2 })
        : next.range({ prefix: queue, gt: [last.status, last.priority, last.runAt, after], limit: 2 })
    return [...part].map(([id, job]) => ({ id, job }))
  },
}
