// The handlers of version 1, copied by raftgen when the state got another shape. Entries from before are applied by them, on every
// replica: what they do, and what they import, must go on doing what it did. Delete this file once version 1 is in `retired.versions`.

// Every replica runs these functions over the same log, so they must answer alike everywhere: time comes from `ctx.now`, identity from
// `ctx.index`, never from Date, Math.random, process or I/O. A handler that fails leaves no trace in the state.
import { Held, type LocksHandlers, NotHeld, ok } from './generated/v1/index.js'

export const handlers: LocksHandlers = {
  acquire(state, { name, owner, ttlMs }, ctx) {
    const lease = state.leases.get(name)
    if (lease !== undefined && lease.owner !== owner && lease.expiresAt > ctx.now) {
      return Held({ owner: lease.owner, expiresAt: lease.expiresAt })
    }
    // The log index only grows, and is the same on every replica: all that a fencing token needs.
    const granted = { owner, token: ctx.index, expiresAt: ctx.now + ttlMs }
    state.leases.set(name, granted)
    return ok(granted)
  },

  release(state, { name, owner }) {
    if (state.leases.get(name)?.owner !== owner) return NotHeld()
    state.leases.delete(name)
    return ok()
  },

  holder(state, { name }, ctx) {
    const lease = state.leases.get(name)
    return lease !== undefined && lease.expiresAt > ctx.now ? lease : null
  },
}
