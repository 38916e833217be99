// What a user may say about time and sizes, checked before anything is opened: a limit that cannot hold is found at the start, not under load.
import type { CoreLimits } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import { defaultNodeLimits, type NodeLimits } from '../node/index.ts'

interface Bounds {
  readonly min: number
  readonly max: number
}
export type Limits = NodeLimits & CoreLimits

const kibibyte = 1_024
const mebibyte = 1_024 * kibibyte

/**
 * Of each limit, the least and the most, whole numbers. A frame (`frameBytesMax`, 4 MiB) bounds the two that end up in one: a command, with its
 * envelope and the headers of entry and message, and the entries of a message; what is larger than `messageBytesMax` travels alone. Both
 * leave a quarter of the frame to whatever comes around them.
 */
export const limitBounds = {
  commandBytesMax: { min: 1, max: 3 * mebibyte },
  pendingCommandsMax: { min: 1, max: mebibyte },
  /** At least `commandBytesMax`: else its largest command would be refused for ever as if the server were busy. */
  pendingBytesMax: { min: 1, max: 1_024 * mebibyte },
  pendingMsMax: { min: 100, max: 60_000 },
  pendingQueriesMax: { min: 1, max: mebibyte },
  /** At most the heartbeat interval. */
  applySliceMs: { min: 1, max: 1_000 },
  sessionTtlMs: { min: 1_000, max: 86_400_000 },
  messageBytesMax: { min: kibibyte, max: 3 * mebibyte },
  inflightMessagesMax: { min: 1, max: kibibyte },
  inflightBytesMax: { min: kibibyte, max: 256 * mebibyte },
  uncommittedBytesMax: { min: kibibyte, max: 256 * mebibyte },
  cacheBytesMax: { min: kibibyte, max: 1_024 * mebibyte },
  readsMax: { min: 1, max: mebibyte },
  pinnedEntriesMax: { min: 1, max: 1_000_000_000 },
  snapshotEntries: { min: 1, max: 1_000_000_000 },
  snapshotLogBytes: { min: kibibyte, max: 1_024 * 1_024 * mebibyte },
  logTailEntries: { min: 0, max: 1_000_000_000 },
  snapshotBytesPerSecond: { min: 64 * kibibyte, max: 16 * 1_024 * mebibyte },
  /** 0: free space is not looked at. */
  diskReserveBytes: { min: 0, max: 1_024 * 1_024 * mebibyte },
  /** At most half of what is remembered of digests; 0: replicas are never compared. */
  digestEntries: { min: 0, max: 32_768 },
} as const satisfies Readonly<Record<keyof Limits, Bounds>>

/** Milliseconds, whole ones: the core counts in them. */
export interface CheckedTiming {
  readonly electionTimeoutMs: number
  readonly heartbeatMs: number
  readonly tickMs: number
}

const timingDefaults: CheckedTiming = { electionTimeoutMs: 1_000, heartbeatMs: 100, tickMs: 10 }

/** Throws BAD_OPTIONS with the option and its bounds. */
export function checkTiming(given: unknown): CheckedTiming {
  const said = whatIsSaid('timing', given, timingDefaults)
  const { electionTimeoutMs, heartbeatMs, tickMs } = { ...timingDefaults, ...said }
  checkWhole('timing.electionTimeoutMs', electionTimeoutMs, { min: 50, max: 60_000 })
  const heartbeatMax = Math.floor(electionTimeoutMs / 3)
  checkWhole('timing.heartbeatMs', heartbeatMs, { min: 5, max: heartbeatMax, maxIs: 'a third of timing.electionTimeoutMs' })
  const tickMax = Math.max(1, Math.floor(heartbeatMs / 5))
  checkWhole('timing.tickMs', tickMs, { min: 1, max: tickMax, maxIs: 'a fifth of timing.heartbeatMs' })
  return { electionTimeoutMs, heartbeatMs, tickMs }
}

/** The limits that were given. Throws BAD_OPTIONS with the limit and its bounds. */
export function checkLimits(given: unknown, { heartbeatMs }: CheckedTiming): Partial<Limits> {
  const limits: Partial<Limits> = whatIsSaid('limits', given, limitBounds)
  for (const [name, value] of Object.entries(limits)) if (isLimit(name)) checkWhole(`limits.${name}`, value, limitBounds[name])
  const { commandBytesMax, pendingBytesMax, applySliceMs } = { ...defaultNodeLimits, ...limits }
  const pending = { ...limitBounds.pendingBytesMax, min: commandBytesMax, minIs: 'limits.commandBytesMax' }
  checkWhole('limits.pendingBytesMax', pendingBytesMax, pending)
  checkWhole('limits.applySliceMs', applySliceMs, { ...limitBounds.applySliceMs, max: heartbeatMs, maxIs: 'timing.heartbeatMs' })
  return limits
}

/** Those that are the core's business; it knows no others. */
export function coreLimitsOf(limits: Partial<Limits>): Partial<CoreLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => !Object.hasOwn(defaultNodeLimits, name)))
}

/** Refuses names that nobody knows: a limit with a letter wrong would silently not be one. */
export function checkNames(place: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) bad(`${place}${name} is unknown, known are ${known.join(', ')}`)
  }
}

/** What of `known` has a value; `undefined` counts as not given. The values are not checked yet. */
function whatIsSaid(place: string, given: unknown, known: object): Readonly<Record<string, number>> {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null) return bad(`${place} is ${show(given)}, it must be an object`)
  checkNames(`${place}.`, given, Object.keys(known))
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function checkWhole(
  name: string,
  value: number,
  { min, minIs, max, maxIs }: Bounds & { readonly minIs?: string; readonly maxIs?: string },
): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  const from = minIs === undefined ? grouped(min) : `${grouped(min)}, which is ${minIs},`
  const to = maxIs === undefined ? grouped(max) : `${grouped(max)}, which is ${maxIs}`
  bad(`${name} is ${show(value)}, it must be a whole number from ${from} to ${to}`)
}

export function bad(message: string): never {
  throw new RaftgenError('BAD_OPTIONS', message)
}

export function show(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return `a ${typeof value}`
  return JSON.stringify(value) ?? String(value)
}

const isLimit = (name: string): name is keyof Limits => Object.hasOwn(limitBounds, name)
const grouped = (value: number): string => value.toLocaleString('en')
