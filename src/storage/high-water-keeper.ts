// Keeps the slots of an open log: one after every write, in their places or where its store keeps them.
import { assert } from '../core/invariant.ts'
import type { Done } from '../ports/log.ts'
import { encodeSlot, encodeSlotContent, type HighWater } from './high-water.ts'
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
  /** What was committed last is not in the places yet. */
  #isAhead = false
  #hasFailed = false

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
    const { owner, sequence } = this.#state
    this.#state = withNumber(next, owner, sequence + 1)
    const position = this.#next
    this.#next = position === 0 ? 1 : 0
    this.#isAhead = false
    this.#begin(done, (written) => this.#slots.write(position, encodeSlot(this.#state), written))
  }

  /**
   * As `write`, but `keep` makes the slot, without the zeros at its end, durable, and the places stay as they are. So does the sequence, which counts what is written there: the
   * slot has the next one, as if it were.
   */
  commit(next: NextSlot, keep: (slot: Uint8Array, done: Done) => void, done: Done): void {
    assert(!this.#isWriting, 'one slot at a time')
    const { owner, sequence } = this.#state
    this.#state = withNumber(next, owner, sequence)
    this.#isAhead = true
    this.#begin(done, (kept) => keep(encodeSlotContent(withNumber(next, owner, sequence + 1)), kept))
  }

  /** Nothing is being written. What was committed is in the places afterwards, unless a write has failed. */
  close(done: Done): void {
    const close = (late: Error | undefined): void => this.#slots.close((error) => done(late ?? error))
    if (this.#isAhead && !this.#hasFailed) this.write(this.#state, close)
    else close(undefined)
  }

  #begin(done: Done, write: (done: Done) => void): void {
    this.#isWriting = true
    write((error) => {
      this.#isWriting = false
      if (error !== undefined) this.#hasFailed = true
      done(error)
    })
  }
}

/** Not by a spread: whoever reads what that makes has to look up each field anew, and this is done for every write. */
function withNumber(
  { hardState, last, base, baseConf, fence, reached, members }: NextSlot,
  owner: HighWater['owner'],
  sequence: number,
): HighWater {
  return { sequence, owner, hardState, last, base, baseConf, fence, reached, members }
}
