import type { Ms } from '../core/types.ts'

/** Milliseconds. The defaults suit a data centre; tests give shorter ones. */
export interface PeerTiming {
  /** A dialled connection asks for a sign of life this often. Default 500. */
  readonly pingMs: number
  /** Bytes were sent and the peer has not read more of them for this long: the connection is cut and dialled anew. Default 2,000. */
  readonly pongTimeoutMs: number
  /** From the dial, or from the accept, to the end of the handshake. Default 5,000. */
  readonly handshakeTimeoutMs: number
  /** An accepted connection on which nothing arrives, not even a ping, is cut. Default 10,000. */
  readonly idleTimeoutMs: number
  /**
   * A frame that has begun this long ago, and of which less than 8 KiB have come for each second since, is not one that is large on a slow link: its length was
   * damaged, and swallows what follows. The connection is cut. Default 3,000.
   */
  readonly frameTimeoutMs: number
  /** Pause after a dial that failed; it doubles with each failure. Jittered. A connection that is lost is dialled at once. Default 10. */
  readonly redialMinMs: number
  /** The longest pause. Default 1,000. */
  readonly redialMaxMs: number
  /** A guest is still answered this long after its connection was lost: it comes back within `redialMaxMs`. Default 2,000. */
  readonly guestGraceMs: number
  /** A member that was let in a moment ago has yet to start: that it cannot be reached is not reported for this long. Default 5,000. */
  readonly admittedQuietMs: number
}

export const peerTiming = {
  pingMs: 500,
  pongTimeoutMs: 2_000,
  handshakeTimeoutMs: 5_000,
  idleTimeoutMs: 10_000,
  frameTimeoutMs: 3_000,
  redialMinMs: 10,
  redialMaxMs: 1_000,
  guestGraceMs: 2_000,
  admittedQuietMs: 5_000,
} as const satisfies PeerTiming

/** A sweep that comes this many intervals late says that this process was stalled. */
const lateIntervals = 3

/**
 * Calls `sweep` every `ms`, but only once the input that had arrived by then was read, and not right after a stall of this process: others are
 * judged by what they sent, not by the silence that we slept through. Returns a function that stops it.
 */
export function sweepEvery(ms: number, sweep: (now: Ms) => void): () => void {
  let check: NodeJS.Immediate | undefined
  let lastAt = performance.now()
  const onCheck = (): void => {
    check = undefined
    const now = performance.now()
    const late = now - lastAt > lateIntervals * ms
    lastAt = now
    if (!late) sweep(now)
  }
  // Timers run before the poll for input, immediates after it.
  const timer = setInterval(() => {
    check ??= setImmediate(onCheck)
  }, ms)
  timer.unref()
  return () => {
    clearInterval(timer)
    clearImmediate(check)
  }
}

/** An immediate after the timer: an answer that waited out a stall of this process has been read by then. */
export function afterInput(ms: Ms, run: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(run), ms).unref()
}
