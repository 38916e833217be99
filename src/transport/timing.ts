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
  /** Pause before the first redial; it doubles with each failure. Jittered. Default 10. */
  readonly redialMinMs: number
  /** The longest pause. Default 1,000. */
  readonly redialMaxMs: number
}

export const peerTiming = {
  pingMs: 500,
  pongTimeoutMs: 2_000,
  handshakeTimeoutMs: 5_000,
  idleTimeoutMs: 10_000,
  redialMinMs: 10,
  redialMaxMs: 1_000,
} as const satisfies PeerTiming

/**
 * Calls `sweep` every `ms`, but only once the input that had arrived by then was read: after a stall of this process its peers are judged
 * by what they sent meanwhile, not by the silence that it slept through. Returns a function that stops it.
 */
export function sweepEvery(ms: number, sweep: (now: Ms) => void): () => void {
  // Timers run before the poll for input, immediates after it.
  let check: NodeJS.Immediate | undefined
  const timer = setInterval(() => {
    check ??= setImmediate(() => {
      check = undefined
      sweep(performance.now())
    })
  }, ms)
  timer.unref()
  return () => {
    clearInterval(timer)
    if (check !== undefined) clearImmediate(check)
  }
}
