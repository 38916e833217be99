// A store in memory that fails on demand: what a disk may do to a log, without a disk. For tests and for the simulator.
import type { Done } from '../ports/log.ts'
import type { KeyRange, KeyValue, Operation, ValueDone } from './kv.ts'

/** What becomes of a batch: stored; refused and not stored; refused and stored all the same, as a failed sync may leave it. */
export type BatchFate = 'stored' | 'refused' | 'refusedButStored'

export interface MemoryKeyValueOptions {
  /** How callbacks come back. Default `queueMicrotask`. */
  readonly defer?: (task: () => void) => void
  /** Asked for every batch as it comes in. Default: all are stored. */
  readonly fate?: (operations: readonly Operation[]) => BatchFate
}

interface Batch {
  readonly operations: readonly Operation[]
  readonly fate: BatchFate
}

export class MemoryKeyValue implements KeyValue {
  /** Values by key; keys as Latin-1, whose order is that of the bytes. Durable. */
  readonly #records = new Map<string, Uint8Array>()
  readonly #options: MemoryKeyValueOptions
  /** Batches that have come in and are not answered. */
  readonly #pending: Batch[] = []
  #dead = false

  constructor(options: MemoryKeyValueOptions = {}) {
    this.#options = options
  }

  get keys(): readonly Uint8Array[] {
    return [...this.#records.keys()].sort().map((key) => Buffer.from(key, 'latin1'))
  }

  get(key: Uint8Array, done: ValueDone): void {
    this.defer(() => done(undefined, this.peek(key)))
  }

  batch(operations: readonly Operation[], done: Done): void {
    const batch = { operations, fate: this.#options.fate?.(operations) ?? 'stored' }
    this.#pending.push(batch)
    this.defer(() => {
      this.#pending.shift()
      if (batch.fate !== 'refused') this.#store(operations)
      done(batch.fate === 'stored' ? undefined : new Error('the disk refused the batch'))
    })
  }

  range({ firstKey, lastKey }: KeyRange, each: (key: Uint8Array, value: Uint8Array) => boolean, done: Done): void {
    this.defer(() => {
      let failure: Error | undefined
      try {
        for (const key of this.keys) {
          if (Buffer.compare(key, firstKey) < 0 || Buffer.compare(key, lastKey) > 0) continue
          if (!each(key, this.peek(key) ?? new Uint8Array(0))) break
        }
      } catch (thrown) {
        failure = thrown instanceof Error ? thrown : new Error(String(thrown))
      }
      done(failure)
    })
  }

  /** A store that has crashed answers nothing any more. */
  defer(task: () => void): void {
    const { defer = queueMicrotask } = this.#options
    defer(() => {
      if (!this.#dead) task()
    })
  }

  close(done: Done): void {
    this.defer(() => done(undefined))
  }

  /** A copy of what is stored under `key`. */
  peek(key: Uint8Array): Uint8Array | undefined {
    const value = this.#records.get(name(key))
    return value === undefined ? undefined : Buffer.from(value)
  }

  /** Changes what is stored behind the log's back. */
  poke(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value === undefined) this.#records.delete(name(key))
    else this.#records.set(name(key), Buffer.from(value))
  }

  /** Ends this store, and gives what its disk holds: what completed, and the first `pendingStored` of the batches under way. */
  crash(pendingStored = 0, options: MemoryKeyValueOptions = this.#options): MemoryKeyValue {
    this.#dead = true
    const disk = new MemoryKeyValue(options)
    for (const [key, value] of this.#records) disk.#records.set(key, value)
    for (const { operations, fate } of this.#pending.slice(0, pendingStored)) if (fate !== 'refused') disk.#store(operations)
    return disk
  }

  #store(operations: readonly Operation[]): void {
    for (const operation of operations) this.poke(operation.key, operation.kind === 'put' ? operation.value : undefined)
  }
}

const name = (key: Uint8Array): string => Buffer.from(key).toString('latin1')
