// Every replica runs these functions over the same log, so they must answer alike everywhere: time comes from `ctx.now`, identity from
// `ctx.index`, never from Date, Math.random, process or I/O. A handler that fails leaves no trace in the state.
import { Held, type Lease, type Lock, type LocksHandlers, NotHeld, ok } from './generated/index.js'

const holdersMax = 100

export const handlers: LocksHandlers = {
  acquire(state, { name, owner, ttlMs, shared }, ctx) {
    const lock = state.locks.get(name)
    const others = inForce(lock, ctx.now).filter((lease) => lease.owner !== owner)
    const [first] = others
    const isShared = shared && lock?.shared === true && others.length < holdersMax
    if (first !== undefined && !isShared) return Held({ owner: first.owner, expiresAt: first.expiresAt })
    // The log index only grows, and is the same on every replica: all that a fencing token needs.
    const granted = { owner, token: ctx.index, expiresAt: ctx.now + ttlMs }
    state.locks.set(name, { shared, holders: [...others, granted] })
    return ok(granted)
  },

  release(state, { name, owner }) {
    const lock = state.locks.get(name)
    const others = lock?.holders.filter((lease) => lease.owner !== owner) ?? []
    if (lock === undefined || others.length === lock.holders.length) return NotHeld()
    if (others.length === 0) state.locks.delete(name)
    else state.locks.set(name, { shared: lock.shared, holders: others })
    return ok()
  },

  renew(state, { name, owner, ttlMs }, ctx) {
    const lock = state.locks.get(name)
    const lease = inForce(lock, ctx.now).find((one) => one.owner === owner)
    if (lock === undefined || lease === undefined) return NotHeld()
    const renewed = { owner, token: lease.token, expiresAt: ctx.now + ttlMs }
    state.locks.set(name, { shared: lock.shared, holders: lock.holders.map((one) => (one.owner === owner ? renewed : one)) })
    return ok(renewed)
  },

  holder: (state, { name }, ctx) => inForce(state.locks.get(name), ctx.now)[0] ?? null,

  holders: (state, { name }, ctx) => inForce(state.locks.get(name), ctx.now),
}

const inForce = (lock: Lock | undefined, now: number): readonly Lease[] => lock?.holders.filter(({ expiresAt }) => expiresAt > now) ?? []
