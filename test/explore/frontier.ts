/** States that wait to be looked at, each a list of small numbers, one after the other in one array: a million of them take some hundred megabytes less. */
export class Frontier {
  #data = new Int32Array(1_024)
  readonly #ends: number[] = []
  readonly #numbers: number[] = []
  #length = 0

  get count(): number {
    return this.#numbers.length
  }

  push(number: number, state: readonly number[]): void {
    if (this.#length + state.length > this.#data.length) {
      const data = new Int32Array(this.#data.length * 2 + state.length)
      data.set(this.#data)
      this.#data = data
    }
    this.#data.set(state, this.#length)
    this.#length += state.length
    this.#ends.push(this.#length)
    this.#numbers.push(number)
  }

  at(position: number): { readonly number: number; readonly state: readonly number[] } {
    const start = position === 0 ? 0 : (this.#ends[position - 1] ?? 0)
    return { number: this.#numbers[position] ?? 0, state: [...this.#data.subarray(start, this.#ends[position] ?? 0)] }
  }
}
