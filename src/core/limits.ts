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

/** Ids of nodes are 1 to this, incarnations too: all 48 bits of the wire, since nothing is added to an id. */
export const nodeIdMax = 2 ** 48 - 1
export const incarnationMax = 2 ** 48 - 1

/** Nonces are below this: the wire has 48 bits. */
export const nonceMax = 2 ** 48

/** Members of one configuration, those of both halves of a joint one. Each is one more connection and one more copy of every message. */
export const membersMax = 64

/** Ids of former members that a configuration remembers: it is copied into each change and each snapshot. */
export const removedMax = 65_536

/** The longest lease of a leader: so long nobody can be elected after it died. Milliseconds. */
export const leaseMsMax = 60_000

/**
 * A leader trusts this part of a lease. The rest is for clocks that do not run alike: while one counts `leaseMs`, another may count no less
 * than this part of it. So lease reads are linearizable while the monotonic clocks of any two servers differ in speed by at most 10 % of
 * the faster one, and no process is suspended between looking at its clock and answering (§6.4.1).
 */
export const leaseShare = 0.9

/** A leader keeps entries for a follower that fetches a snapshot until it was silent for this many election timeouts. */
export const pinnedElectionTimeouts = 10

/** A message unanswered for this many heartbeats, by a follower that answers heartbeats, counts as lost. Fewer punish slow disks. */
export const lostAfterHeartbeats = 3

const mebibyte = 1_048_576

const defaultTiming: Timing = { electionTimeoutMs: 1_000, heartbeatMs: 100 }

const defaultLimits: CoreLimits = {
  messageBytesMax: mebibyte,
  inflightMessagesMax: 8, // beyond this a follower is slow, and larger messages serve it better than more of them
  inflightBytesMax: 8 * mebibyte,
  uncommittedBytesMax: 32 * mebibyte, // a few seconds of writes: what is more would only wait
  cacheBytesMax: mebibyte, // what lives for long is dear: kept for seconds, entries cost the garbage collector a tenth of all CPU
  readsMax: 65_536,
  pinnedEntriesMax: 4_000_000, // at 300 bytes each about a gigabyte of disk, or minutes of writes at full speed
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
