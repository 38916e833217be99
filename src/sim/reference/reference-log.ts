// A log as plain as can be: a list after a base, replaced whenever it changes. Nothing is kept that could be counted.
import type { ConfState, Entry, EntryId, Index, LogBase, Persist, Term } from '../../core/types.ts'

export interface ReferenceEntry {
  readonly term: Term
  readonly kind: Entry['kind']
  readonly data: Uint8Array
  readonly conf: ConfState | undefined
}
export interface ReferenceLog {
  readonly base: LogBase
  /** The first has index `base.id.index + 1`. */
  readonly entries: readonly ReferenceEntry[]
}

export const lastIndexOf = ({ base, entries }: ReferenceLog): Index => base.id.index + entries.length

export function lastOf(log: ReferenceLog): EntryId {
  const index = lastIndexOf(log)
  return { term: termAt(log, index) ?? 0, index }
}

/** `undefined` outside the log; the base counts as inside. */
export function termAt({ base, entries }: ReferenceLog, index: Index): Term | undefined {
  return index === base.id.index ? base.id.term : entries[index - base.id.index - 1]?.term
}

export const entryAt = ({ base, entries }: ReferenceLog, index: Index): ReferenceEntry | undefined => entries[index - base.id.index - 1]

/** Whether it holds the entry, or has it in the snapshot that it begins with. */
export const holds = (log: ReferenceLog, { term, index }: EntryId): boolean => index < log.base.id.index || termAt(log, index) === term

/** In force: the newest, committed or not (§4.1). */
export const confIn = ({ base, entries }: ReferenceLog): ConfState => entries.findLast(({ conf }) => conf !== undefined)?.conf ?? base.conf

/** Of the entry that `confIn` is in. */
export function confIndexIn({ base, entries }: ReferenceLog): Index {
  return base.id.index + 1 + entries.findLastIndex(({ conf }) => conf !== undefined)
}

/** In force before the newest. */
export function confBefore(log: ReferenceLog): ConfState {
  return confIn(upTo(log, Math.max(log.base.id.index, confIndexIn(log) - 1)))
}

/** Nothing after `index`. */
export const upTo = ({ base, entries }: ReferenceLog, index: Index): ReferenceLog => ({
  base,
  entries: entries.slice(0, index - base.id.index),
})

export const withEntries = ({ base, entries }: ReferenceLog, more: readonly ReferenceEntry[]): ReferenceLog => ({
  base,
  entries: [...entries, ...more],
})

/** The log begins after `index`, which it holds. */
export function compactedTo(log: ReferenceLog, index: Index): ReferenceLog {
  const { term } = lastOf(upTo(log, index))
  return { base: { id: { term, index }, conf: confIn(upTo(log, index)) }, entries: log.entries.slice(index - log.base.id.index) }
}

/** What is on the disk after a write. */
export function written(
  log: ReferenceLog,
  { reset, truncateFrom, entries }: Pick<Persist, 'reset' | 'truncateFrom' | 'entries'>,
): ReferenceLog {
  const begun = reset === undefined ? log : { base: reset, entries: [] }
  return withEntries(truncateFrom === undefined ? begun : upTo(begun, truncateFrom - 1), entries)
}

/** Up to here two logs of one server hold the same. */
export function commonIndex(one: ReferenceLog, other: ReferenceLog): Index {
  let index = Math.min(lastIndexOf(one), lastIndexOf(other))
  const floor = Math.max(one.base.id.index, other.base.id.index)
  while (index > floor && termAt(one, index) !== termAt(other, index)) index--
  return index
}

export function isSameEntry(one: ReferenceEntry, other: ReferenceEntry): boolean {
  const isSame = one.term === other.term && one.kind === other.kind && one.data.length === other.data.length
  return isSame && one.data.every((byte, i) => byte === other.data[i]) && isSameConf(one.conf, other.conf)
}

const isSameConf = (one: ConfState | undefined, other: ConfState | undefined): boolean =>
  one === other || JSON.stringify(one) === JSON.stringify(other)
