// How much a client asks of a server that has more to do than it can: as much in flight as it takes, and nothing that would come too late.
import { Pace } from '../core/pace.ts'
import type { Ms } from '../core/types.ts'
import { sessionWindow } from './limits.ts'

/** For each call that is served, so much more may be in flight: the server's limit is tried again after some round trips. */
const growth = 1 / 16
/** So many are in flight whatever was refused: fewer would only wait. */
const leastWindow = 16
/** A call is taken in when by all that is known it is answered within this share of its time. */
const shareOfPatience = 1 / 2

/** What a call is told that would come too late: it is settled before it is sent. */
export interface TooLate {
  readonly ahead: number
  readonly perSecond: number
  readonly waitMs: number
  readonly patienceMs: number
}

export class Congestion {
  readonly #pace = new Pace()
  #served = 0
  /** In flight at most. Halved when the server refuses for want of room, as TCP does when a packet is lost. */
  #window = sessionWindow

  /** `pending`: sent and not answered. */
  hasRoom(pending: number): boolean {
    return pending < this.#window
  }

  /**
   * For a call that wants to be answered within `patienceMs`, behind `unsent` others, and `pending` that were sent and have no answer. As long as all can be sent
   * nobody knows how many more could be under way.
   */
  tooLate({
    unsent,
    pending,
    patienceMs,
  }: {
    readonly unsent: number
    readonly pending: number
    readonly patienceMs: Ms
  }): TooLate | undefined {
    const { perMs } = this.#pace
    const ahead = unsent + pending
    if (perMs === 0 || ahead < this.#window) return undefined
    const waitMs = ahead / perMs
    return waitMs <= patienceMs * shareOfPatience ? undefined : { ahead, perSecond: perMs * 1_000, waitMs, patienceMs }
  }

  onServed(count: number): void {
    this.#served += count
    this.#window = Math.min(sessionWindow, this.#window + count * growth)
  }

  /** Of `unsent` more than there was room for. */
  onSent({ unsent, pending, now }: { readonly unsent: number; readonly pending: number; readonly now: Ms }): void {
    this.#pace.observe({ waiting: unsent === 0 ? 0 : unsent + pending, done: this.#served, now })
  }

  /** For want of room; once for all that was refused together. `pending`: what was in flight. */
  onRefused(pending: number): void {
    this.#window = Math.max(leastWindow, Math.floor(Math.min(this.#window, pending) / 2))
  }

  /** The connection is gone: the next leader may be slower, or faster. */
  onDisconnected(): void {
    this.#pace.forget()
  }
}
