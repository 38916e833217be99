// Written once by `raftgen init`; yours from then on. raftgen inserts stubs for new operations and never changes or deletes a line.
//
// Every replica runs these functions over the same log, so they must answer alike everywhere: take time from `ctx.now`, identity
// from `ctx.index` or `ctx.id()` and chance from `ctx.random()`, never from Date, Math.random, process or I/O. `npm run check` looks for them.
import { Conflict, ok, type StoreHandlers } from './generated/index.js'

export const handlers: StoreHandlers = {
  put(state, { key, value, expectedVersion }, ctx) {
    const version = state.entries.get(key)?.version ?? 0
    if (expectedVersion !== undefined && expectedVersion !== version) return Conflict({ version })
    // The index of a command in the log only grows, and is the same on every replica: all that a version needs.
    const entry = { value, version: ctx.index, changedAt: ctx.now }
    state.entries.set(key, entry)
    return ok(entry)
  },

  remove(state, { key, expectedVersion }) {
    const version = state.entries.get(key)?.version ?? 0
    if (expectedVersion !== undefined && expectedVersion !== version) return Conflict({ version })
    state.entries.delete(key)
    return ok()
  },

  get(state, { key }) {
    return state.entries.get(key) ?? null
  },
}
