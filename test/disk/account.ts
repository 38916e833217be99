// What clients were told, held against what the cluster says later. Pure. A number names its writer, so that the order of each is known.
import type { Page } from './ledger.ts'

/** Numbers of one writer: from `writer * writerNumbers` on, rising. */
export const writerNumbers = 10_000_000

/** Missed by a read, or in the end, though it was acknowledged before; and whatever else contradicts. In sentences. */
export interface Verdict {
  readonly lost: readonly string[]
  readonly wrong: readonly string[]
}

/** What is known of a number whose call did not end well. */
export type Outcome = 'unknown' | 'notApplied'

export class Account {
  readonly #lost: string[] = []
  readonly #wrong: string[] = []
  /** Numbers that were acknowledged, by position, which is counted from 1. */
  readonly #atPosition = new Map<number, number>()
  readonly #open = new Set<number>()
  readonly #notApplied = new Set<number>()
  #acknowledgedPosition = 0

  /** `before`: all that the cluster held when the account was opened. */
  constructor(before: readonly number[] = []) {
    for (const [i, number] of before.entries()) this.acknowledged(number, i + 1)
  }

  get verdict(): Verdict {
    return { lost: [...this.#lost], wrong: [...this.#wrong] }
  }

  /** Positions of which at least this one was acknowledged: a read that begins now must reach it. */
  get floor(): number {
    return this.#acknowledgedPosition
  }

  called(number: number): void {
    this.#open.add(number)
  }

  acknowledged(number: number, position: number): void {
    this.#open.delete(number)
    if (position === 0) return void this.#wrong.push(`number ${number} was applied with another text than its own`)
    const other = this.#atPosition.get(position)
    if (other !== undefined) this.#wrong.push(`numbers ${other} and ${number} were both acknowledged at position ${position}`)
    this.#atPosition.set(position, number)
    this.#acknowledgedPosition = Math.max(this.#acknowledgedPosition, position)
  }

  failed(number: number, outcome: Outcome): void {
    if (outcome === 'unknown') return
    this.#open.delete(number)
    this.#notApplied.add(number)
  }

  /** A linearizable read from position `from`, counted from 0, that began when `floor` was what it says. */
  read({ count, numbers }: Page, { from, floor }: { readonly from: number; readonly floor: number }): void {
    if (count < floor) this.#lost.push(`a read saw ${count} numbers after ${floor} had been acknowledged`)
    for (const [i, number] of numbers.entries()) this.#compare(number, from + i + 1)
  }

  /** Seen by others than the clients. */
  contradicted(how: string): void {
    this.#wrong.push(how)
  }

  /** All numbers in the end, when no call is under way. */
  close(all: readonly number[]): Verdict {
    for (const [position, number] of this.#atPosition) {
      if (position > all.length) this.#lost.push(`number ${number} was acknowledged at position ${position}, and there are ${all.length}`)
    }
    const last = new Map<number, number>()
    const seen = new Set<number>()
    for (const [i, number] of all.entries()) {
      this.#compare(number, i + 1)
      if (seen.has(number)) this.#wrong.push(`number ${number} was applied twice, the second time at position ${i + 1}`)
      seen.add(number)
      const writer = Math.floor(number / writerNumbers)
      const before = last.get(writer) ?? -1
      if (number < before) this.#wrong.push(`number ${number} stands behind ${before} of the same writer`)
      last.set(writer, number)
    }
    return this.verdict
  }

  /** What stands at a position, against what was said of it. */
  #compare(number: number, position: number): void {
    const told = this.#atPosition.get(position)
    if (told === number) return
    if (told !== undefined) this.#lost.push(`position ${position} holds ${number}, and ${told} was acknowledged there`)
    else if (this.#notApplied.has(number)) this.#wrong.push(`number ${number} is there, and its client was told that it was not applied`)
    else if (!this.#open.has(number))
      this.#wrong.push(`position ${position} holds ${number}, which was acknowledged elsewhere or never sent`)
  }
}
