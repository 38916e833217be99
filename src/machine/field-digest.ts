// What the state adds up to: the sum of the hashes of its records, kept up with every change. Equal states have equal sums, whatever way they
// came to be; a change costs the hash of what it takes away and of what it brings.
import type { Digest } from '../core/types.ts'
import { HeldBytes, peek } from './held-bytes.ts'
import { RecordHash } from './record-hash.ts'

export type { Digest }

/** A sum of records, in which their order does not matter. Not an exclusive or: two equal records would cancel each other. */
export class DigestSum implements Digest {
  low = 0
  high = 0

  reset(): void {
    this.low = 0
    this.high = 0
  }

  add({ low, high }: Digest): void {
    this.low = (this.low + low) | 0
    this.high = (this.high + high) | 0
  }

  subtract({ low, high }: Digest): void {
    this.low = (this.low - low) | 0
    this.high = (this.high - high) | 0
  }

  equals({ low, high }: Digest): boolean {
    return this.low === low && this.high === high
  }
}

/** Of one table or cell. The key of a cell is the empty string. */
export class FieldDigest {
  /** Read it; only this class writes it. */
  readonly sum = new DigestSum()
  readonly #position: number
  readonly #toWire: (value: unknown) => unknown
  readonly #hash = new RecordHash()
  #areBytesAsTheyAre: boolean | undefined

  /** `position`: of the field in the state. `toWire`: what is hashed is what the value is on its way to bytes. */
  constructor(position: number, toWire: (value: unknown) => unknown) {
    this.#position = position
    this.#toWire = toWire
  }

  /** Of a table. `undefined`: there was none, or is none. */
  replace(key: string | number, before: unknown, after: unknown): void {
    if (before !== undefined) this.sum.subtract(this.hashOf(key, this.#toWire(before)))
    if (after !== undefined) this.sum.add(this.hashOf(key, this.#toWire(after)))
  }

  /** The same for values with bytes in them, as a table holds them. */
  replaceHeld(key: string | number, before: unknown, after: unknown): void {
    if (before !== undefined) this.sum.subtract(this.hashOf(key, this.#wireOf(before)))
    if (after !== undefined) this.sum.add(this.hashOf(key, this.#wireOf(after)))
  }

  /** Bytes that go on the wire as they are need not be made of what holds them. One value tells: it is a matter of the type. */
  #wireOf(held: unknown): unknown {
    if (!(held instanceof HeldBytes)) return this.#toWire(peek(held))
    if (this.#areBytesAsTheyAre === true) return held
    const bytes = peek(held)
    const wire = this.#toWire(bytes)
    this.#areBytesAsTheyAre ??= wire === bytes
    return wire
  }

  /** Of a cell, at the start of the world: its value may be `undefined` too, where the schema says so. */
  begin(value: unknown): void {
    this.sum.add(this.hashOf('', this.#toWire(value)))
  }

  /** The same, when it is replaced. */
  change(before: unknown, after: unknown): void {
    this.sum.subtract(this.hashOf('', this.#toWire(before)))
    this.sum.add(this.hashOf('', this.#toWire(after)))
  }

  /** Everything is replaced by records with this sum. */
  load(sum: Digest): void {
    this.sum.reset()
    this.sum.add(sum)
  }

  /** Good until the next call. */
  hashOf(key: string | number, wire: unknown): Digest {
    const hash = this.#hash
    hash.begin(this.#position)
    hash.value(key)
    hash.value(wire)
    hash.end()
    return hash
  }
}
