/** Sums up bytes and numbers, quickly. It tells different runs and states apart; it resists nobody who means harm. */
export class Digest {
  #low = 0x811c9dc5
  #high = 0x9e3779b9

  number(value: number): void {
    this.#mix(value | 0)
    // Fractions and what is above 32 bits.
    this.#mix(Math.floor(value / 0x1_0000_0000) ^ Math.floor((value % 1) * 0x4000_0000))
  }

  bytes(bytes: Uint8Array): void {
    this.#mix(bytes.length)
    let word = 0
    for (let i = 0; i < bytes.length; i++) {
      word = (word << 8) | (bytes[i] ?? 0)
      if ((i & 3) === 3) this.#mix(word)
    }
    this.#mix(word)
  }

  /** 16 hexadecimal digits. */
  get hex(): string {
    return hex(this.#low) + hex(this.#high)
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193) ^ (this.#high >>> 15)
    this.#high = Math.imul(this.#high ^ (word + 0x7f4a7c15), 0x85ebca6b) ^ (this.#low >>> 13)
  }
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')

export function digestOf(parts: readonly Uint8Array[]): string {
  const digest = new Digest()
  for (const part of parts) digest.bytes(part)
  return digest.hex
}
