// Keeps the slots of an open log: one after every write, and one more when there is something else to be kept and no write takes it along.
import { assert } from '../core/invariant.ts'
import type { Ms, Witness } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import { encodeSlot, type HighWater } from './high-water.ts'
import type { SlotPosition, Slots } from './slots.ts'

/** What waits for a write to take it along goes by itself after a while without one. */
const idleMs = 20

/** Runs `task` once, about so many milliseconds from now. */
export type Later = (delayMs: Ms, task: () => void) => void

/** What a write makes of the high water. */
export type NextSlot = Pick<HighWater, 'hardState' | 'last' | 'base' | 'fence' | 'members'>

export interface KeeperOptions {
  readonly slots: Slots
  /** As last written. */
  readonly state: HighWater
  readonly next: SlotPosition
  /** Default: nothing is written between writes. */
  readonly later?: Later | undefined
  readonly onFailure: (error: Error) => void
}

export class HighWaterKeeper {
  readonly #options: KeeperOptions
  #state: HighWater
  #next: SlotPosition
  /** A place is being written. */
  #isBusy = false
  /** Invariant: at most one. The two places are never written at once: torn both, they would tell nothing. */
  #waiting: (() => void) | undefined
  /** From `begin` to `rest`. After a write that failed for good: what reached the disk is unknown, so nothing more is noted. */
  #isWriting = false
  #isArmed = false
  /** A write has ended since the timer was set. */
  #isActive = false
  #isClosed = false
  /** The next slot has it. */
  #witness: readonly Witness[]

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#state = options.state
    this.#next = options.next
    this.#witness = options.state.witness
  }

  /** As last handed over. */
  get state(): HighWater {
    return this.#state
  }

  /** To be kept, with the next write or soon. */
  note(witness: readonly Witness[]): void {
    this.#witness = witness
    this.#arm()
  }

  /** A write begins. `rest` must follow when it has ended well. */
  begin(): void {
    this.#isWriting = true
  }

  write(next: NextSlot, done: Done): void {
    if (this.#isBusy) {
      assert(this.#waiting === undefined, 'one write at a time')
      this.#waiting = () => this.write(next, done)
      return
    }
    this.#isBusy = true
    const { owner, sequence } = this.#state
    this.#state = { ...next, owner, witness: this.#witness, sequence: sequence + 1 }
    const position = this.#next
    this.#next = position === 0 ? 1 : 0
    this.#options.slots.write(position, encodeSlot(this.#state), (error) => {
      this.#isBusy = false
      done(error)
      const waiting = this.#waiting
      this.#waiting = undefined
      waiting?.()
    })
  }

  /** The write has ended. */
  rest(): void {
    this.#isWriting = false
    this.#isActive = true
    this.#arm()
  }

  close(done: Done): void {
    const { slots } = this.#options
    this.#isClosed = true
    const end = (error: Error | undefined): void => slots.close((late) => done(error ?? late))
    if (this.#isBusy) this.#waiting = () => this.close(done)
    else if (this.#isWriting || this.#isSettled) end(undefined)
    else this.#mark(end)
  }

  /** The newest slot says all there is to say. */
  get #isSettled(): boolean {
    return this.#state.witness === this.#witness
  }

  #arm(): void {
    const { later } = this.#options
    if (later === undefined || this.#isArmed || this.#isClosed || this.#isSettled) return
    this.#isArmed = true
    this.#isActive = false
    later(idleMs, () => {
      this.#isArmed = false
      if (this.#isClosed || this.#isSettled) return
      if (this.#isWriting || this.#isActive || this.#isBusy) this.#arm()
      else this.#mark((error) => error !== undefined && this.#options.onFailure(error))
    })
  }

  #mark(done: Done): void {
    this.write(this.#state, done)
  }
}
