// What the bare path says to its clients and followers: nothing but bytes of a known length.

/** Of a put, as a client sends it: 256 bytes of a value, and about as much beside them as raftgen's has. */
export const putBytes = 300
/** Of an answer to one. */
export const answerBytes = 24
/** Before each batch to a follower: its length. And each acknowledgement: how many batches are durable. */
export const countBytes = 4

export const encodeCount = (count: number): Buffer => {
  const bytes = Buffer.allocUnsafe(countBytes)
  bytes.writeUInt32LE(count)
  return bytes
}

/** Gives out what has come in whole, and keeps the rest. */
export class Arriving {
  #rest: Buffer = Buffer.alloc(0)

  /** `take`: how many of the bytes from `at` on are whole, 0 for none yet. */
  add(bytes: Buffer, take: (all: Buffer, at: number) => number): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    for (let taken = take(all, at); taken > 0; taken = take(all, at)) at += taken
    this.#rest = all.subarray(at)
  }
}
