// Which server to try next. It knows addresses and what came of them, nothing of messages.
import { broken } from '../core/invariant.ts'
import type { Ms } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import type { LeaderHint } from '../wire/client-messages.ts'
import { Backoff } from './backoff.ts'
import type { SessionLimits, SessionTiming } from './limits.ts'

/** Why a server, or all of them, will not have this client. */
export interface Barred {
  readonly code: ErrorCode
  readonly message: string
}
export type Route =
  | { readonly kind: 'dial'; readonly address: string }
  | { readonly kind: 'wait'; readonly until: Ms }
  | ({ readonly kind: 'barred' } & Barred)

interface Place {
  readonly address: string
  /** What came of the last attempt, in words. */
  status: string
  /** When it was last found that nobody, or nobody alive, is there. */
  unreachableAt: Ms | undefined
  barred: Barred | undefined
}

const untried = 'not tried'
/** Addresses that a message about what was tried names. */
const namedMax = 8

export class Router {
  readonly #limits: SessionLimits
  readonly #timing: SessionTiming
  readonly #given: readonly Place[]
  readonly #backoff: Backoff
  /** The given ones, then those that servers told of. */
  #places: readonly Place[]
  /** Index of the place that was tried last. */
  #cursor: number
  /** Where to go next, before the rotation goes on. */
  #hinted: string | undefined
  #leader: LeaderHint | undefined
  /** Hints followed since a server last served us. */
  #hops = 0
  /** Servers that failed since a round began. */
  #failures = 0
  #retryAt: Ms = 0
  /** When servers began to fail, since one last served us. */
  #searchingSince: Ms | undefined

  constructor(options: {
    readonly servers: readonly string[]
    readonly limits: SessionLimits
    readonly timing: SessionTiming
    readonly random: () => number
    /** `random`: not all clients to the first server of the same list. */
    readonly start: 'first' | 'random'
  }) {
    this.#limits = options.limits
    this.#timing = options.timing
    this.#given = [...new Set(options.servers)].map(newPlace)
    this.#places = this.#given
    this.#backoff = new Backoff(options.timing.roundBackoffMs, options.random)
    this.#cursor = options.start === 'first' ? this.#places.length - 1 : Math.floor(options.random() * this.#places.length)
  }

  /** The last that any server named. */
  get leader(): LeaderHint | undefined {
    return this.#leader
  }

  /** For messages: each server with what came of it, and who was last known to lead. */
  get tried(): string {
    const leader =
      this.#leader === undefined ? 'no leader is known' : `node ${this.#leader.id} at ${this.#leader.client} was last known to lead`
    return `${this.triedServers}; ${leader}`
  }

  /** The same without the leader, for those who want none. */
  get triedServers(): string {
    const places = this.#places.slice(0, namedMax).map(({ address, status }) => `${address} (${status})`)
    if (this.#places.length > namedMax) places.push(`${this.#places.length - namedMax} more`)
    return places.join(', ')
  }

  /** Where to go now. */
  next(now: Ms): Route {
    const allBarred = this.#allBarred()
    if (allBarred !== undefined) return { kind: 'barred', ...allBarred }
    if (now < this.#retryAt) return { kind: 'wait', until: this.#retryAt }
    const hinted = this.#places.findIndex(({ address, barred }) => address === this.#hinted && barred === undefined)
    this.#hinted = undefined
    if (hinted >= 0) return this.#dial(hinted)
    for (let step = 1; step <= this.#places.length; step++) {
      const index = (this.#cursor + step) % this.#places.length
      if (this.#places[index]?.barred === undefined) return this.#dial(index)
    }
    return { kind: 'wait', until: now + this.#backoff.nextMs() }
  }

  /** A member named all members: they are tried as well, as long as it says so. Unknown addresses beyond `addressesMax` are left out. */
  learn(addresses: readonly string[]): void {
    const places = [...this.#given]
    for (const address of addresses) {
      if (places.length >= this.#limits.addressesMax) break
      if (!places.some((place) => place.address === address)) places.push(this.#find(address) ?? newPlace(address))
    }
    this.#places = places
    this.#cursor %= places.length
  }

  /**
   * A server names another one as leader. True when it is to be left for that one, or, after too many hints in a row, for a pause. False
   * when that one was unreachable just now, so that the server that names it has not noticed yet; `news`: it has, and says so unasked.
   */
  follow(leader: LeaderHint, { now, news }: { readonly now: Ms; readonly news: boolean }): boolean {
    this.#leader = leader
    if (this.#find(leader.client) === undefined)
      this.#places = [...this.#places.slice(0, this.#limits.addressesMax - 1), newPlace(leader.client)]
    const place = this.#find(leader.client)
    if (place === undefined || place.barred !== undefined) return false
    const distrusted = place.unreachableAt !== undefined && now < place.unreachableAt + this.#timing.distrustMs
    if (distrusted && !news) return false
    this.#hops += 1
    if (this.#hops <= this.#places.length + 1) this.#hinted = leader.client
    else this.#pause(now)
    return true
  }

  /** The rotation begins anew with the first address. */
  restart(): void {
    this.#cursor = this.#places.length - 1
  }

  leads(leader: LeaderHint): void {
    this.#leader = leader
  }

  /** Try this address next, before the rotation goes on. */
  retry(address: string): void {
    this.#hinted = address
  }

  /** Says in words how it stands with a server. */
  note(address: string, status: string): void {
    const place = this.#find(address)
    if (place !== undefined) place.status = status
  }

  /** Nobody answered there, or nobody does any more. */
  unreachable(address: string, { now, status }: { readonly now: Ms; readonly status: string }): void {
    const place = this.#find(address)
    if (place !== undefined) place.unreachableAt = now
    this.note(address, status)
    this.useless(now)
  }

  /** A server was of no use, for whatever reason. After a whole round of them comes a pause. */
  useless(now: Ms): void {
    this.#failures += 1
    if (this.#failures >= this.#places.filter(({ barred }) => barred === undefined).length) this.#pause(now)
  }

  /** A server refused this client for good. */
  bar(address: string, barred: Barred): void {
    const place = this.#find(address)
    if (place === undefined) return
    place.barred = barred
    place.status = barred.message
  }

  /** All servers may be asked again. */
  unbar(): void {
    for (const place of this.#places) place.barred = undefined
  }

  /** A server did something for us. */
  served(): void {
    this.#hops = 0
    this.#failures = 0
    this.#searchingSince = undefined
    this.#backoff.reset()
  }

  #dial(index: number): Route {
    const place = this.#places[index]
    if (place === undefined) broken(`there is no server ${index}`)
    // The words about an earlier failure are worth more.
    if (place.status === untried) place.status = 'did not answer yet'
    // The rotation goes on after it: a server that fails is not the next one to be tried.
    this.#cursor = index
    return { kind: 'dial', address: place.address }
  }

  #pause(now: Ms): void {
    this.#hops = 0
    this.#failures = 0
    this.#searchingSince ??= now
    const { maxMs, forMs } = this.#timing.brisk
    const pauseMs = this.#backoff.nextMs()
    this.#retryAt = now + (now < this.#searchingSince + forMs ? Math.min(pauseMs, maxMs) : pauseMs)
  }

  #find(address: string | undefined): Place | undefined {
    return this.#places.find((place) => place.address === address)
  }

  #allBarred(): Barred | undefined {
    return this.#places.every(({ barred }) => barred !== undefined) ? this.#places.at(-1)?.barred : undefined
  }
}

const newPlace = (address: string): Place => ({ address, status: untried, unreachableAt: undefined, barred: undefined })
