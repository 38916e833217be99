import type { Witness } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import type { SlotPosition, Slots } from './slots.ts'
import { encodeWitness, type WitnessSlot } from './witness-slot.ts'

export interface WitnessKeeperOptions {
  readonly slots: Slots
  /** As last written. */
  readonly state: WitnessSlot
  readonly next: SlotPosition
  readonly onFailure: (error: Error) => void
}

/** Keeps what is known of others: the newest, written when the one before it is, in the other place. */
export class WitnessKeeper {
  readonly #options: WitnessKeeperOptions
  #state: WitnessSlot
  #next: SlotPosition
  #isBusy = false
  #waiting: readonly Witness[] | undefined
  #closing: Done | undefined

  constructor(options: WitnessKeeperOptions) {
    this.#options = options
    this.#state = options.state
    this.#next = options.next
  }

  /** Nothing more is written after one that failed. */
  note(witness: readonly Witness[]): void {
    if (this.#closing !== undefined) return
    this.#waiting = witness
    if (!this.#isBusy) this.#write()
  }

  /** Waits for what was noted. */
  close(done: Done): void {
    this.#closing = done
    if (!this.#isBusy) this.#options.slots.close(done)
  }

  #write(): void {
    const witness = this.#waiting
    if (witness === undefined) return
    this.#waiting = undefined
    this.#isBusy = true
    const { owner, sequence } = this.#state
    this.#state = { sequence: sequence + 1, owner, witness }
    const position = this.#next
    this.#next = position === 0 ? 1 : 0
    this.#options.slots.write(position, encodeWitness(this.#state), (error) => this.#written(error))
  }

  #written(error: Error | undefined): void {
    const { slots, onFailure } = this.#options
    if (error !== undefined) {
      this.#waiting = undefined
      onFailure(error)
    }
    this.#isBusy = false
    this.#write()
    if (!this.#isBusy && this.#closing !== undefined) slots.close(this.#closing)
  }
}
