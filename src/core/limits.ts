import { RaftgenError } from '../errors.ts'
import type { CoreLimits, Timing } from './api.ts'
import type { Entry } from './types.ts'

/** What an entry costs beside its data, about: its object, and its header in a message. Bytes. */
export const entryOverheadBytes = 64

/**
 * Terms and indexes of messages beyond this are refused: they can only be garbage, and a term near the end of its range, once adopted,
 * would leave no room for elections. The wire has 48 bits.
 */
export const termMax = 2 ** 47

/** A message unanswered for this many heartbeats, by a follower that answers heartbeats, counts as lost. Fewer punish slow disks. */
export const lostAfterHeartbeats = 3

const mebibyte = 1_048_576

const defaultTiming: Timing = { electionTimeoutMs: 1_000, heartbeatMs: 100 }

const defaultLimits: CoreLimits = {
  messageBytesMax: mebibyte,
  inflightMessagesMax: 8, // beyond this a follower is slow, and larger messages serve it better than more of them
  inflightBytesMax: 8 * mebibyte,
  uncommittedBytesMax: 32 * mebibyte, // a few seconds of writes: what is more would only wait
  cacheBytesMax: 16 * mebibyte,
  readsMax: 65_536,
}

export function bytesOfEntry(entry: Entry): number {
  return entry.data.length + entryOverheadBytes
}

export function bytesOfEntries(entries: readonly Entry[]): number {
  let bytes = 0
  for (const entry of entries) bytes += bytesOfEntry(entry)
  return bytes
}

/** Throws BAD_OPTIONS. */
export function timingOf(given: Partial<Timing> = {}): Timing {
  const timing = { ...defaultTiming, ...given }
  checkWhole(timing)
  if (timing.electionTimeoutMs < 3 * timing.heartbeatMs) {
    throw new RaftgenError(
      'BAD_OPTIONS',
      `heartbeatMs is ${timing.heartbeatMs}, more than a third of electionTimeoutMs, which is ${timing.electionTimeoutMs}`,
    )
  }
  return timing
}

/** Throws BAD_OPTIONS. */
export function limitsOf(given: Partial<CoreLimits> = {}): CoreLimits {
  const limits = { ...defaultLimits, ...given }
  checkWhole(limits)
  return limits
}

function checkWhole(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RaftgenError('BAD_OPTIONS', `${name} is ${value}, not a positive whole number`)
  }
}
