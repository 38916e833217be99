// A hash of one record of the replicated state, 64 bits in two words. For telling states apart that should be equal, on any machine and any
// version of the engine: it depends on nothing but the values. It resists nobody who means harm.
import { BytesHash, WordHash } from './bytes-hash.ts'
import { HeldBytes } from './held-bytes.ts'

/** Marks before each value, so that values of different types, and lists of different shapes, differ. */
const marks = { null: 0x1f3a, false: 0x2e51, true: 0x3d07, integer: 0x4b91, number: 0x5c2d, string: 0x6a85, bytes: 0x7913, array: 0x88c7 }
const scratch = new DataView(new ArrayBuffer(8))

/** Used again for each record: `begin`, what it consists of, `end`; then `low` and `high` are its hash, as signed 32-bit integers. */
export class RecordHash extends WordHash {
  readonly #bytes = new BytesHash()

  /** `kind` sets records of different kinds apart that hold the same. */
  begin(kind: number): void {
    this.low = 0x2545f491 ^ kind
    this.high = 0x3c6ef372 + kind
  }

  /** A finite number. */
  number(value: number): void {
    const integer = value | 0
    if (integer === value) {
      this.word(marks.integer)
      this.word(integer)
      return
    }
    scratch.setFloat64(0, value)
    this.word(marks.number)
    this.word(scratch.getInt32(0))
    this.word(scratch.getInt32(4))
  }

  string(value: string): void {
    const { length } = value
    this.word(marks.string)
    this.word(length)
    let i = 0
    for (; i + 1 < length; i += 2) this.word((value.charCodeAt(i) << 16) | value.charCodeAt(i + 1))
    if (i < length) this.word(value.charCodeAt(i))
  }

  bytes(value: Uint8Array): void {
    this.#bytes.of(value)
    this.hashed(this.#bytes)
  }

  /** Bytes with this hash of their own. */
  hashed({ low, high }: Readonly<Pick<BytesHash, 'low' | 'high'>>): void {
    this.word(marks.bytes)
    this.word(low)
    this.word(high)
  }

  /** Of what a codec makes of a value on its way to bytes: null, booleans, numbers, strings, bytes (held or not), and lists of them. */
  value(wire: unknown): void {
    switch (typeof wire) {
      case 'string':
        return this.string(wire)
      case 'number':
        return this.number(wire)
      case 'boolean':
        return this.word(wire ? marks.true : marks.false)
      default:
    }
    if (Array.isArray(wire)) {
      this.word(marks.array)
      this.word(wire.length)
      for (let i = 0; i < wire.length; i++) this.value(wire[i])
    } else if (wire instanceof Uint8Array) this.bytes(wire)
    else if (wire instanceof HeldBytes) this.hashed(wire.hash)
    else this.word(marks.null)
  }

  /** Every bit of what came in counts for every bit of both words. */
  end(): void {
    this.low = avalanche((this.low + this.high) | 0)
    this.high = avalanche(this.high ^ this.low)
  }
}

/** The end of MurmurHash3 for 32 bits (A. Appleby, public domain). */
function avalanche(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
