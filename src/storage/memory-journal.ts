// A journal in memory that fails on demand: for tests.
import type { Done } from '../ports/log.ts'
import { journalBytes, sectorBytes } from './journal-record.ts'
import type { NewJournal } from './journal-space.ts'

export interface MemoryJournalOptions {
  /** How callbacks come back. Default `queueMicrotask`. */
  readonly defer?: (task: () => void) => void
  /** Asked for every write as it comes in: whether it is refused. Default: none is. */
  readonly isRefused?: () => boolean
}

export class MemoryJournal implements NewJournal {
  readonly name = 'memory journal'
  readonly #content: Buffer
  readonly #options: MemoryJournalOptions
  #pending: { readonly at: number; readonly bytes: Uint8Array } | undefined
  #dead = false

  constructor(options: MemoryJournalOptions = {}, content: Uint8Array = Buffer.alloc(journalBytes)) {
    this.#options = options
    this.#content = Buffer.from(content)
  }

  get bytes(): number {
    return this.#content.length
  }

  /** What is in it, not a copy. */
  get content(): Buffer {
    return this.#content
  }

  /** Sectors that are being written. */
  get pendingSectors(): number {
    return (this.#pending?.bytes.length ?? 0) / sectorBytes
  }

  make(): Promise<void> {
    this.#content.fill(0)
    return Promise.resolve()
  }

  open(): void {}

  write(at: number, bytes: Uint8Array, done: Done): void {
    const isRefused = this.#options.isRefused?.() ?? false
    if (!isRefused) this.#pending = { at, bytes: Uint8Array.from(bytes) }
    this.#defer(() => {
      if (this.#pending !== undefined) this.#content.set(this.#pending.bytes, this.#pending.at)
      this.#pending = undefined
      done(isRefused ? new Error('the disk refused the record') : undefined)
    })
  }

  close(done: Done): void {
    this.#defer(() => done(undefined))
  }

  /** Ends this one, and gives what its disk holds; of the sectors of the write under way those for which `isStored` says so. */
  crash(isStored: (sector: number) => boolean = () => false, options: MemoryJournalOptions = this.#options): MemoryJournal {
    this.#dead = true
    const { at, bytes } = this.#pending ?? { at: 0, bytes: new Uint8Array(0) }
    for (let from = 0; from < bytes.length; from += sectorBytes) {
      if (isStored(from / sectorBytes)) this.#content.set(bytes.subarray(from, from + sectorBytes), at + from)
    }
    return new MemoryJournal(options, this.#content)
  }

  /** One that has crashed answers nothing any more. */
  #defer(task: () => void): void {
    const { defer = queueMicrotask } = this.#options
    defer(() => {
      if (!this.#dead) task()
    })
  }
}
