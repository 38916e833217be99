import type { Index, Term } from '../core/types.ts'
import type { ApplyContext, HandlerFailure } from './state-machine.ts'

/** What is known of the entry that is being applied. */
export interface EntryFacts {
  readonly index: Index
  readonly term: Term
  readonly now: number
  readonly version: number
}

/** One object serves all entries of a replica: `enter` before each, `leave` after it. In between it is the handler's. */
export interface EntryContext extends ApplyContext {
  enter(entry: EntryFacts): void
  /** From here on every use throws: a handler that goes on after it has returned would not do so at the same time on every replica. */
  leave(): void
}

export const createContext = (report: (failure: HandlerFailure) => void): EntryContext => new ReusedContext(report)

/** Crockford's base 32: no I, L, O and U; sorts like the numbers. */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Identifiers one handler can make in one call: six digits. */
const idsMax = 32 ** 6
const wordSize = 2 ** 32

class ReusedContext implements EntryContext {
  readonly #report: (failure: HandlerFailure) => void
  #entered = false
  #index: Index = 0
  #term: Term = 0
  #now = 0
  #version = 0
  /** Time and index of this entry as digits, made when the first identifier is asked for. */
  #idPrefix = ''
  #idCount = 0
  #random: Random | undefined
  #seeded = false

  constructor(report: (failure: HandlerFailure) => void) {
    this.#report = report
  }

  get index(): Index {
    if (!this.#entered) throw usedLate('index')
    return this.#index
  }

  get term(): Term {
    if (!this.#entered) throw usedLate('term')
    return this.#term
  }

  get now(): number {
    if (!this.#entered) throw usedLate('now')
    return this.#now
  }

  get version(): number {
    if (!this.#entered) throw usedLate('version')
    return this.#version
  }

  random(): number {
    if (!this.#entered) throw usedLate('random')
    this.#random ??= new Random()
    if (!this.#seeded) {
      this.#random.seed({ term: this.#term, index: this.#index })
      this.#seeded = true
    }
    return this.#random.next()
  }

  /** Ten digits of time, ten of the index, six of the count within the entry: sorted as they were made, and used only once. */
  id(): string {
    if (!this.#entered) throw usedLate('id')
    if (this.#idCount === 0) this.#idPrefix = base32(this.#now, 10) + base32(this.#index, 10)
    if (this.#idCount >= idsMax) throw new RangeError(`ctx.id was called more than ${idsMax} times for one command`)
    return this.#idPrefix + base32(this.#idCount++, 6)
  }

  report(failure: HandlerFailure): void {
    this.#report(failure)
  }

  enter({ index, term, now, version }: EntryFacts): void {
    this.#index = index
    this.#term = term
    this.#now = now
    this.#version = version
    this.#idCount = 0
    this.#seeded = false
    this.#entered = true
  }

  leave(): void {
    this.#entered = false
  }
}

const usedLate = (what: string): Error => new TypeError(`ctx.${what} was used after its handler returned: handlers are synchronous`)

function base32(value: number, width: number): string {
  let text = ''
  let rest = value
  for (let i = 0; i < width; i++) {
    text = digits.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** sfc32, C. Doty-Humphrey's small fast counting generator (PractRand). Bits for handlers, not for secrets. */
class Random {
  #a = 0
  #b = 0
  #c = 0
  #counter = 0

  /** Term and index have 48 bits each, the generator takes 96: no two entries share a sequence. */
  seed({ term, index }: { readonly term: Term; readonly index: Index }): void {
    this.#a = index | 0
    this.#b = term | 0
    this.#c = (Math.floor(index / wordSize) << 16) | (Math.floor(term / wordSize) & 0xffff)
    this.#counter = 1
    // Neighbours start nearly alike; after twelve rounds, as its author has it, nothing of that is left.
    for (let i = 0; i < 12; i++) this.#word()
  }

  /** All 53 bits of a double in [0, 1). */
  next(): number {
    const high = this.#word() >>> 5
    const low = this.#word() >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  #word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return sum
  }
}
