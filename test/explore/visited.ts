/** Hashes of 64 bits, as two halves. Two states with one hash would be taken for one: of ten million, with a probability of 1 in 400,000. */
export interface Hash {
  low: number
  high: number
}

/** Of a string: two lanes that are mixed apart, then with each other (after cyrb53). */
export function hashOf(text: string): Hash {
  let low = 0xdeadbeef
  let high = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    low = Math.imul(low ^ code, 2_654_435_761)
    high = Math.imul(high ^ code, 1_597_334_677)
  }
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909)
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909)
  return { low: low >>> 0, high: high >>> 0 }
}

/** The states that were seen, each with the one it was first reached from. Open addressing: a `Set` holds 16 million at most, and ten times the memory. */
export class Visited {
  /** By number of the state. */
  #low = new Uint32Array(1_024)
  #high = new Uint32Array(1_024)
  #parents = new Int32Array(1_024)
  #steps = new Uint16Array(1_024)
  #size = 0
  /** Number + 1 of the state whose hash begins to look here; 0: none. At least half of them are 0. */
  #table = new Int32Array(4_096)

  get size(): number {
    return this.#size
  }

  /** The number of a new state, or `undefined` where it is known. `step`: the how-manieth step of its parent it is. */
  add({ low, high }: Hash, { parent, step }: { readonly parent: number; readonly step: number }): number | undefined {
    const mask = this.#table.length - 1
    let at = (low ^ Math.imul(high, 0x9e3779b1)) & mask
    for (let known = this.#table[at] ?? 0; known !== 0; known = this.#table[at] ?? 0) {
      if (this.#low[known - 1] === low && this.#high[known - 1] === high) return undefined
      at = (at + 1) & mask
    }
    const number = this.#size++
    this.#table[at] = number + 1
    if (number >= this.#low.length) this.#grow()
    this.#low[number] = low
    this.#high[number] = high
    this.#parents[number] = parent
    this.#steps[number] = step
    if (2 * this.#size > this.#table.length) this.#rehash()
    return number
  }

  /** The steps that led to a state, from the start. */
  stepsTo(number: number): readonly number[] {
    const steps: number[] = []
    for (let at = number; at > 0; at = this.#parents[at] ?? 0) steps.push(this.#steps[at] ?? 0)
    return steps.reverse()
  }

  #grow(): void {
    const length = this.#low.length * 2
    const grown = <T extends Uint32Array | Int32Array | Uint16Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    this.#low = grown(this.#low, new Uint32Array(length))
    this.#high = grown(this.#high, new Uint32Array(length))
    this.#parents = grown(this.#parents, new Int32Array(length))
    this.#steps = grown(this.#steps, new Uint16Array(length))
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2)
    const mask = table.length - 1
    for (let number = 0; number < this.#size; number++) {
      let at = ((this.#low[number] ?? 0) ^ Math.imul(this.#high[number] ?? 0, 0x9e3779b1)) & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = number + 1
    }
    this.#table = table
  }
}
