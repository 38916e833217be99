// Every queue and every wait of the client side, by name.
import type { Ms } from '../core/types.ts'

/**
 * How far ahead of its oldest unsettled command a session may number: `seq < ackedBelow + sessionWindow`. Clients wait beyond it, servers
 * refuse. It bounds the replies that a server keeps for one session. A power of two: the window is a ring.
 */
export const sessionWindow = 8_192

/**
 * Servers close a connection that is quiet for 60 s, however long they let sessions live. Three keep-alives fit into that, whatever the
 * Welcome asks for.
 */
export const keepAliveMsMax = 20_000

export interface SessionLimits {
  /** Calls that are not settled, in flight or waiting; one more is refused with OVERLOADED. Default 65,536. */
  readonly callsMax: number
  /** Bytes of their inputs. Default 64 MiB. It also bounds what a stopped server lets pile up in the heap. */
  readonly queueBytesMax: number
  /** Addresses kept: the given ones and those that servers told. Default 64. */
  readonly addressesMax: number
}

export const defaultLimits: SessionLimits = {
  callsMax: 65_536,
  queueBytesMax: 64 * 1_024 * 1_024,
  addressesMax: 64,
}

export interface SessionTiming {
  /** From the decision to connect to the server's Welcome. Default 1,000. */
  readonly connectTimeoutMs: number
  /** How long to stay with a server that knows no leader, in the hope that it hears of one. Default 300. */
  readonly leaderWaitMs: number
  /** A server owes an answer and nothing at all comes: then it is asked for a sign of life, which it gives without the log. Default 500. */
  readonly probeAfterMs: number
  /**
   * It was asked for a sign of life and nothing at all comes: then it is given up. However long its backlog is, a server that is alive
   * answers; to leave it would send it everything a second time. Default 2,000.
   */
  readonly silenceMs: number
  /** A server that could not be reached is not believed to lead for this long, whoever says so in his Welcome. Default 1,000. */
  readonly distrustMs: number
  /** Between two rounds over all servers that failed: grows from the one to the other, jittered. Default 10 and 500. */
  readonly roundBackoffMs: Range
  /**
   * A leader is usually replaced within a fraction of a second: no pause is longer than `maxMs` until this search for it has lasted `forMs`.
   * Default 50 and 2,000.
   */
  readonly brisk: { readonly maxMs: Ms; readonly forMs: Ms }
  /** Before something that a server refused for now is sent to it again. Default 5 and 100. */
  readonly refusedBackoffMs: Range
  /** All servers refused this client for good: calls fail at once for this long, then the servers are asked again. Default 1,000. */
  readonly barredMs: number
}
export interface Range {
  readonly minMs: number
  readonly maxMs: number
}

export const defaultTiming: SessionTiming = {
  connectTimeoutMs: 1_000,
  leaderWaitMs: 300,
  probeAfterMs: 500,
  silenceMs: 2_000,
  distrustMs: 1_000,
  roundBackoffMs: { minMs: 10, maxMs: 500 },
  brisk: { maxMs: 50, forMs: 2_000 },
  refusedBackoffMs: { minMs: 5, maxMs: 100 },
  barredMs: 1_000,
}
