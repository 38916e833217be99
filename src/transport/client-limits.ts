import type { Ms } from '../core/types.ts'

/** What clients may take of a server. Milliseconds and bytes. */
export interface ClientLimits {
  /** Connections that have said hello. More are refused with OVERLOADED. Default 10,000. */
  readonly connectionsMax: number
  /** The same, of one remote address: a single host cannot shut all others out. Default 2,500. */
  readonly connectionsPerAddressMax: number
  /** Connections that have not said hello yet; beyond it the oldest is cut. Default 2,048: what one turn may accept, several times. */
  readonly handshakesMax: number
  /** From the accept to the hello. Default 5,000. */
  readonly handshakeTimeoutMs: Ms
  /** A connection without a whole frame for this long is ended; clients keep theirs alive. Default 60,000. */
  readonly idleTimeoutMs: Ms
  /** Replies that a client does not read: from here on nothing more is read from it. Default 4 MiB. */
  readonly outputPauseBytes: number
  /** From here on it is cut. Default 64 MiB. */
  readonly outputBytesMax: number
  /** Replies unread by all clients together; beyond it the one that holds most is cut. Default 256 MiB. */
  readonly outputTotalBytesMax: number
}

const mebibyte = 1_024 * 1_024

export const clientLimits = {
  connectionsMax: 10_000,
  connectionsPerAddressMax: 2_500,
  handshakesMax: 2_048,
  handshakeTimeoutMs: 5_000,
  idleTimeoutMs: 60_000,
  outputPauseBytes: 4 * mebibyte,
  outputBytesMax: 64 * mebibyte,
  outputTotalBytesMax: 256 * mebibyte,
} as const satisfies ClientLimits
