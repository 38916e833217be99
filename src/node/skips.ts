// Which commands an operator has skipped, as the log says further on than what is applied: looked at before a command is applied. Of entries of
// earlier lives the log itself says it, or else they are read once, at the start; later ones are looked at as they are written.
import { type Entry, type Index, InvariantError, type Persist } from '../core/index.ts'
import type { Log, Skip } from '../ports/log.ts'
import { skippedBy } from '../wire/envelope-codec.ts'

/** Read at once, bytes. */
const sliceBytes = 1_024 * 1_024

export interface SkipsPorts {
  readonly log: Pick<Log, 'entries' | 'skips'>
  wake(): void
  fail(error: Error): void
}

export class Skips {
  readonly #ports: SkipsPorts
  /** Ascending by index. */
  #found: Skip[]
  /** What an earlier life left behind is read up to here. */
  #end: Index
  /** Everything below was looked at. */
  #next: Index

  /** `firstIndex` to `lastIndex`: what is in the log and not applied. */
  constructor(ports: SkipsPorts, { firstIndex, lastIndex }: { readonly firstIndex: Index; readonly lastIndex: Index }) {
    const { skips } = ports.log
    this.#ports = ports
    this.#found = (skips ?? []).filter(({ index }) => index >= firstIndex)
    this.#next = skips === undefined ? firstIndex : lastIndex + 1
    this.#end = lastIndex
    this.#read()
  }

  /** Nothing may be applied before: what is to be skipped is not known. */
  get isReading(): boolean {
    return this.#next <= this.#end
  }

  get isEmpty(): boolean {
    return this.#found.length === 0
  }

  /** Index of the entry that skips `skipped`, committed or not; the first of several. */
  of(skipped: Index): Index | undefined {
    return this.#found.find((one) => one.skipped === skipped)?.index
  }

  /** The first order up to `committed` of which `isHonoured` is not so. */
  broken(committed: Index, isHonoured: (skipped: Index) => boolean): Skip | undefined {
    return this.#found.find(({ index, skipped }) => index <= committed && !isHonoured(skipped))
  }

  /** An entry further on skips a command before `index`: of the replicas that have come as far some may have applied it. */
  isAmid(index: Index): boolean {
    return this.#found.some((one) => one.skipped < index && index < one.index)
  }

  /** The log is about to change. */
  written({ reset, truncateFrom, entries }: Persist): void {
    const from = reset === undefined ? truncateFrom : 0
    if (from !== undefined) this.#cut(from)
    this.#look(entries)
  }

  /** Everything up to `index` is in the state. */
  applied(index: Index): void {
    while ((this.#found[0]?.index ?? Number.POSITIVE_INFINITY) <= index) this.#found.shift()
  }

  #cut(from: Index): void {
    this.#found = this.#found.filter(({ index }) => index < from)
    this.#end = Math.min(this.#end, from - 1)
  }

  #look(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const skipped = entry.kind === 'command' ? skippedBy(entry.data) : undefined
      if (skipped !== undefined) this.#found.push({ index: entry.index, skipped })
    }
  }

  #read(): void {
    if (!this.isReading) return
    const { log, wake, fail } = this.#ports
    const firstIndex = this.#next
    log.entries({ firstIndex, lastIndex: this.#end, bytesMax: sliceBytes }, (error, entries) => {
      if (error !== undefined) return fail(error)
      // What was truncated meanwhile is no more, and what came in its place was seen as it was written.
      const left = entries.filter(({ index }) => index <= this.#end)
      const last = left.at(-1)
      if (last === undefined && this.isReading) return fail(new InvariantError(`entry ${firstIndex} is not in the log`))
      const newer = this.#found
      this.#found = []
      this.#look(left)
      this.#found = [...this.#found, ...newer].sort((a, b) => a.index - b.index)
      this.#next = (last?.index ?? this.#end) + 1
      if (this.isReading) this.#read()
      else wake()
    })
  }
}
