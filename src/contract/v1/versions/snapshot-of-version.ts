// A state out of a snapshot that says in its first bytes which version it is of.
import type { SnapshotReceiver } from '../../../machine/state-machine.ts'
import { ByteReader } from '../../../wire/bytes.ts'
import { readSnapshotVersion, snapshotVersionBytes } from '../snapshot.ts'

interface Reception {
  readonly receiver: SnapshotReceiver
  /** Puts what was read in the place of what was there. */
  install(): void
}

export class SnapshotOfVersion implements SnapshotReceiver {
  /** Throws for a version that nobody here knows. */
  readonly #open: (version: number) => Reception
  #reception: Reception | undefined
  #head: Uint8Array = new Uint8Array(0)

  constructor(open: (version: number) => Reception) {
    this.#open = open
  }

  write(part: Uint8Array): void {
    if (this.#reception !== undefined) return this.#reception.receiver.write(part)
    this.#head = Buffer.concat([this.#head, part])
    if (this.#head.length < snapshotVersionBytes) return
    this.#reception = this.#open(readSnapshotVersion(new ByteReader(this.#head)))
    this.#reception.receiver.write(this.#head)
  }

  end(): () => void {
    // Too short to say what it is: the reader of its first field says so.
    if (this.#reception === undefined) readSnapshotVersion(new ByteReader(this.#head))
    const load = this.#reception?.receiver.end()
    return () => {
      load?.()
      this.#reception?.install()
    }
  }
}
