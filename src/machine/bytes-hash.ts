// A hash of bytes by themselves, 64 bits in two words: made once of what is held for long, and part of the hash of each record that it is in. It depends
// on nothing but the bytes, and resists nobody who means harm.

/** Two signed 32-bit integers that what comes in is mixed into, word by word. */
export class WordHash {
  low = 0
  high = 0

  word(word: number): void {
    const low = Math.imul(this.low ^ word, 0x2c1b3c6d)
    this.low = low ^ (low >>> 15)
    const high = Math.imul((this.high + word) | 0, 0x297a2d39)
    this.high = high ^ (high >>> 13) ^ low
  }
}

/** Used again for whatever comes: after `of` it is the hash of that. */
export class BytesHash extends WordHash {
  of(bytes: Uint8Array): void {
    const { length } = bytes
    this.#begin(length)
    let i = 0
    for (; i + 3 < length; i += 4) {
      this.word(((bytes[i] ?? 0) << 24) | ((bytes[i + 1] ?? 0) << 16) | ((bytes[i + 2] ?? 0) << 8) | (bytes[i + 3] ?? 0))
    }
    for (; i < length; i++) this.word(bytes[i] ?? 0)
  }

  /** As `of`, of as many characters below 256. */
  ofLatin1(text: string): void {
    const { length } = text
    this.#begin(length)
    let i = 0
    for (; i + 3 < length; i += 4) {
      this.word((text.charCodeAt(i) << 24) | (text.charCodeAt(i + 1) << 16) | (text.charCodeAt(i + 2) << 8) | text.charCodeAt(i + 3))
    }
    for (; i < length; i++) this.word(text.charCodeAt(i))
  }

  #begin(length: number): void {
    this.low = 0x2545f491
    this.high = 0x3c6ef372
    this.word(length)
  }
}
