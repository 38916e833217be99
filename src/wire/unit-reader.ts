// Bytes that come in parts, cut in any way, read unit by unit: each as soon as all of it is there.
import { ByteReader, WireError } from './bytes.ts'

const nothing = new Uint8Array(0)

export class UnitReader {
  readonly #what: string
  readonly #read: (reader: ByteReader) => boolean
  /** What has come and was not read. */
  #parts: Uint8Array[] = []
  #bytes = 0
  /** As many bytes are needed for the next unit, at least. */
  #needs = 1
  #isDone = false

  /**
   * `what`: for messages. `read` reads one unit, and changes nothing before it has all of it: a `WireError` that says how much is `missing` means that it is called again with
   * more. It gives false where no unit follows.
   */
  constructor(what: string, read: (reader: ByteReader) => boolean) {
    this.#what = what
    this.#read = read
  }

  /** No unit follows. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Reads what is whole by now. Keeps no part of `part`, only copies. Gives what is behind the last unit. Throws what `read` throws. */
  write(part: Uint8Array): Uint8Array {
    this.#parts.push(part)
    this.#bytes += part.length
    if (this.#bytes < this.#needs && !this.#isDone) {
      this.#parts[this.#parts.length - 1] = new Uint8Array(part)
      return nothing
    }
    const bytes = this.#parts.length === 1 ? part : Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return this.#readFrom(bytes)
  }

  /** Nothing more comes. Throws a `WireError` where something is missing, or is too much. */
  end(): void {
    // Where no byte stands behind what came, the last look has not found out that it was the last.
    const rest = this.write(nothing)
    if (!this.#isDone) this.#readRest()
    if (rest.length > 0) throw new WireError(`${this.#what} is followed by ${rest.length} bytes too many`)
  }

  #readFrom(bytes: Uint8Array): Uint8Array {
    let at = 0
    while (!this.#isDone) {
      const reader = new ByteReader(bytes.subarray(at))
      try {
        if (!this.#read(reader)) this.#isDone = true
        at = bytes.length - reader.remaining
      } catch (error) {
        if (!(error instanceof WireError) || error.missing === undefined) throw error
        this.#keep(bytes.subarray(at), error.missing)
        return nothing
      }
    }
    return bytes.subarray(at)
  }

  #keep(rest: Uint8Array, missing: number): void {
    this.#parts = [new Uint8Array(rest)]
    this.#bytes = rest.length
    this.#needs = rest.length + missing
  }

  /** What is missing is told by the unit that lacks it. */
  #readRest(): void {
    const bytes = Buffer.concat(this.#parts)
    this.#read(new ByteReader(bytes))
    throw new WireError(`${this.#what} ends too soon`)
  }
}
