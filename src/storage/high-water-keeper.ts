// Keeps the slots of an open log: one after every write.
import { assert } from '../core/invariant.ts'
import type { Done } from '../ports/log.ts'
import { encodeSlot, type HighWater } from './high-water.ts'
import type { SlotPosition, Slots } from './slots.ts'

/** What a write makes of the high water. */
export type NextSlot = Omit<HighWater, 'owner' | 'sequence'>

export interface KeeperOptions {
  readonly slots: Slots
  /** As last written. */
  readonly state: HighWater
  readonly next: SlotPosition
}

export class HighWaterKeeper {
  readonly #slots: Slots
  #state: HighWater
  #next: SlotPosition
  #isWriting = false

  constructor({ slots, state, next }: KeeperOptions) {
    this.#slots = slots
    this.#state = state
    this.#next = next
  }

  /** As last handed over. */
  get state(): HighWater {
    return this.#state
  }

  /** One at a time: the two places are never written at once. Torn both, they would tell nothing. */
  write(next: NextSlot, done: Done): void {
    assert(!this.#isWriting, 'one slot at a time')
    this.#isWriting = true
    const { owner, sequence } = this.#state
    this.#state = { ...next, owner, sequence: sequence + 1 }
    const position = this.#next
    this.#next = position === 0 ? 1 : 0
    this.#slots.write(position, encodeSlot(this.#state), (error) => {
      this.#isWriting = false
      done(error)
    })
  }

  /** Nothing is being written. */
  close(done: Done): void {
    this.#slots.close(done)
  }
}
