// Slots in memory that fail on demand, as `MemoryKeyValue` does: for tests and for the simulator.
import type { Done } from '../ports/log.ts'
import type { SlotPosition, Slots, SlotsDone } from './slots.ts'

/** What becomes of a write. `torn`: its first half is stored, and it is reported as failed. */
export type SlotFate = 'stored' | 'refused' | 'refusedButStored' | 'torn'

export interface MemorySlotsOptions {
  /** Default `memory slots`. */
  readonly name?: string
  /** How callbacks come back. Default `queueMicrotask`. */
  readonly defer?: (task: () => void) => void
  /** Asked for every write as it comes in. Default: all are stored. */
  readonly fate?: (position: SlotPosition) => SlotFate
}

/** Of a write that was under way at a crash. */
export type PendingSlot = 'lost' | 'stored' | 'torn'

export class MemorySlots implements Slots {
  readonly name: string
  readonly #options: MemorySlotsOptions
  readonly #places: [Uint8Array, Uint8Array]
  #pending: { readonly position: SlotPosition; readonly bytes: Uint8Array; readonly fate: SlotFate } | undefined
  #dead = false

  constructor(options: MemorySlotsOptions = {}, places: readonly [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)]) {
    this.name = options.name ?? 'memory slots'
    this.#options = options
    this.#places = [Uint8Array.from(places[0]), Uint8Array.from(places[1])]
  }

  read(done: SlotsDone): void {
    this.#defer(() => done(undefined, [this.peek(0), this.peek(1)]))
  }

  write(position: SlotPosition, bytes: Uint8Array, done: Done): void {
    const fate = this.#options.fate?.(position) ?? 'stored'
    this.#pending = { position, bytes: Uint8Array.from(bytes), fate }
    this.#defer(() => {
      const pending = this.#pending
      this.#pending = undefined
      if (pending !== undefined && fate !== 'refused') this.#store(pending, fate === 'torn')
      done(fate === 'stored' ? undefined : new Error('the disk refused the slot'))
    })
  }

  close(done: Done): void {
    this.#defer(() => done(undefined))
  }

  /** A copy of what a place holds. */
  peek(position: SlotPosition): Uint8Array {
    return Uint8Array.from(this.#places[position])
  }

  /** Changes a place behind the log's back. */
  poke(position: SlotPosition, bytes: Uint8Array): void {
    this.#places[position] = Uint8Array.from(bytes)
  }

  /** Ends these, and gives what their disk holds; `pending` says what became of the write under way, if there was one. */
  crash(pending: PendingSlot = 'lost', options: MemorySlotsOptions = this.#options): MemorySlots {
    this.#dead = true
    if (this.#pending !== undefined && pending !== 'lost') this.#store(this.#pending, pending === 'torn')
    return new MemorySlots(options, this.#places)
  }

  /** Slots that have crashed answer nothing any more. */
  #defer(task: () => void): void {
    const { defer = queueMicrotask } = this.#options
    defer(() => {
      if (!this.#dead) task()
    })
  }

  #store({ position, bytes }: { readonly position: SlotPosition; readonly bytes: Uint8Array }, torn: boolean): void {
    if (!torn) return this.poke(position, bytes)
    const half = bytes.length >> 1
    this.poke(position, Buffer.concat([bytes.subarray(0, half), this.#places[position].subarray(half)]))
  }
}
