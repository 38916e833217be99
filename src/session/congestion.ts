// How much a client asks of a server that has more to do than it can: as much in flight as it takes, and nothing that would come too late.
import { Pace } from '../core/pace.ts'
import type { Ms } from '../core/types.ts'
import type { ReplyItem } from '../wire/client-messages.ts'
import { sessionWindow } from './limits.ts'

/** For each call that is served, so much more may be in flight: the server's limit is tried again after some round trips. */
const growth = 1 / 16
/** So many are in flight whatever was refused, or takes long: fewer would only wait. */
const leastWindow = 16
/** A round trip may take so long, or twice of the shortest: what takes longer waits somewhere on its way, where it only makes others wait. Milliseconds. */
const roundTripMs = 200
/** That a round trip took long with fewer in flight than this and half of the window free says nothing of how many more there could be. */
const fewInFlight = 256
/** What is left of the window where it took longer. */
const shrinkage = 3 / 4
/** The shortest round trip comes nearer to those of now by that: a leader may have become slower for good. */
const drift = 1 / 16
/** A call is taken in when by all that is known it is answered within this share of its time. */
const shareOfPatience = 1 / 2

/** Of what will be, a pace tells little before some wait for so long a share of that time: a cluster that has just been started is slow at first. */
const shareSeen = 1 / 8

/** When a call is made, and within what time it wants to be answered. */
export interface Wish {
  readonly now: Ms
  readonly patienceMs: Ms
}

/** Of all that waits, sent or not. `oldest`: when that was made which has waited for longest; asked for only where not all can be sent. */
export interface Waiting {
  readonly ahead: number
  oldest(): Ms
}

/** Why a call would come too late. */
export interface Lateness {
  readonly ahead: number
  readonly patienceMs: Ms
  /** For so long the oldest has waited; or so long all of them will take, at the pace `perSecond`. */
  readonly waitMs: Ms
  readonly perSecond: number | undefined
}

export class Congestion {
  readonly #pace = new Pace()
  #served = 0
  /** In flight at most. Halved when the server refuses for want of room, as TCP does when a packet is lost. */
  #window = sessionWindow
  /** Of one command at a time it is measured how long it takes to its answer. */
  #probe: { readonly seq: number; readonly sentAt: Ms } | undefined
  #shortestMs = Number.POSITIVE_INFINITY

  /** `inFlight`: sent and not answered. */
  hasRoom(inFlight: number): boolean {
    return inFlight < this.#window
  }

  /** As long as all can be sent nobody knows how many more could be under way, and none is too late. */
  lateness({ now, patienceMs }: Wish, { ahead, oldest }: Waiting): Lateness | undefined {
    if (ahead < this.#window) return undefined
    const longestMs = patienceMs * shareOfPatience
    const waitMs = now - oldest()
    if (waitMs > longestMs) return { ahead, patienceMs, waitMs, perSecond: undefined }
    const { perMs } = this.#pace
    const isSlow = perMs > 0 && ahead / perMs > longestMs && waitMs > patienceMs * shareSeen
    return isSlow ? { ahead, patienceMs, waitMs: ahead / perMs, perSecond: perMs * 1_000 } : undefined
  }

  /** `waiting`: sent or not, and not answered. */
  observe(waiting: number, now: Ms): void {
    this.#pace.observe({ waiting, done: this.#served, now })
  }

  /** The last of those that were sent together. */
  onSent(seq: number, now: Ms): void {
    this.#probe ??= { seq, sentAt: now }
  }

  /** Whether anybody still waits for them or not. */
  onReplies(items: readonly ReplyItem[], { inFlight, now }: { readonly inFlight: number; readonly now: Ms }): void {
    let served = 0
    for (const { seq, refused } of items) {
      if (refused === undefined) served += 1
      if (seq === this.#probe?.seq) this.#onProbe(refused === undefined ? now - this.#probe.sentAt : undefined, inFlight)
    }
    this.#served += served
    this.#window = Math.min(sessionWindow, this.#window + served * growth)
  }

  /** For want of room; once for all that was refused together. */
  onRefused(inFlight: number): void {
    this.#window = Math.max(leastWindow, Math.floor(Math.min(this.#window, inFlight) / 2))
  }

  /** The connection is gone: the next leader may be slower, or faster. */
  onDisconnected(): void {
    this.#pace.forget()
    this.#probe = undefined
    this.#shortestMs = Number.POSITIVE_INFINITY
  }

  #onProbe(roundTrip: Ms | undefined, inFlight: number): void {
    this.#probe = undefined
    if (roundTrip === undefined) return
    const shortest = this.#shortestMs
    this.#shortestMs = roundTrip < shortest ? roundTrip : shortest + (roundTrip - shortest) * drift
    if (roundTrip <= Math.max(roundTripMs, 2 * this.#shortestMs)) return
    if (inFlight < fewInFlight && inFlight * 2 < this.#window) return
    this.#window = Math.max(leastWindow, Math.floor(Math.min(this.#window, inFlight) * shrinkage))
  }
}
