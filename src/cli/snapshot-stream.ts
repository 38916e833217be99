// The replicated state in a snapshot, read from front to end. Never more of it is in memory than a window, and what was decoded last.
import { isSameId } from '../storage/snapshot-format.ts'
import type { OpenSnapshot, SeenSnapshot } from '../storage/snapshot-look.ts'
import { ByteReader, WireError } from '../wire/bytes.ts'
import { checkMachineBytes, type ReplicaHead, readReplicaHead, readReplicaTrailer, replicaTrailerBytes } from '../wire/replica-codec.ts'

/** Read at once, bytes: enough for a disk to be busy. */
const windowBytes = 1_024 * 1_024

/** Told how far it is, each time that more of it was read. */
export type OnRead = (content: Pick<SnapshotStream, 'seen' | 'position' | 'bytes'>) => void

/** A file, or what is in memory. */
export type StreamedSnapshot = Omit<OpenSnapshot, 'meta'> & { readonly meta: Pick<OpenSnapshot['meta'], 'bytes'> }

export class SnapshotStream {
  readonly seen: SeenSnapshot
  readonly #snapshot: StreamedSnapshot
  readonly #onRead: OnRead
  /** Without the trailer. */
  readonly #end: number
  /** What was read and not decoded yet. */
  #window: Buffer = Buffer.alloc(0)
  /** Of what comes behind the window. */
  #next = 0

  /** Throws a `WireError` where the snapshot holds no state that this version can read. It then is for the caller to close. */
  static async open(
    seen: SeenSnapshot,
    snapshot: StreamedSnapshot,
    onRead: OnRead,
  ): Promise<{ readonly content: SnapshotStream; readonly head: ReplicaHead }> {
    const content = new SnapshotStream(seen, snapshot, onRead)
    const head = await content.read(readReplicaHead)
    const { index, term } = head.lastApplied
    if (!isSameId(head.lastApplied, seen.id)) throw new WireError(`it holds the state after entry ${index} of term ${term}`)
    return { content, head }
  }

  /** For `open`. */
  constructor(seen: SeenSnapshot, snapshot: StreamedSnapshot, onRead: OnRead) {
    this.seen = seen
    this.#onRead = onRead
    this.#snapshot = snapshot
    this.#end = Math.max(0, snapshot.meta.bytes - replicaTrailerBytes)
  }

  /** Of the whole content, bytes. */
  get bytes(): number {
    return this.#end
  }

  get position(): number {
    return this.#next - this.#window.length
  }

  /** Bytes that are still to come. */
  get left(): number {
    return this.#end - this.position
  }

  /** What `decode` makes of the next bytes. It may be called several times, until it has as many as it needs. */
  async read<T>(decode: (reader: ByteReader) => T): Promise<T> {
    for (;;) {
      try {
        const reader = new ByteReader(this.#window)
        const value = decode(reader)
        this.#window = this.#window.subarray(reader.position)
        return value
      } catch (thrown) {
        const missing = thrown instanceof WireError ? thrown.missing : undefined
        if (missing === undefined || missing > this.#end - this.#next) throw thrown
        // What needs much more than there is gets it at once: it is decoded from its beginning each time.
        await this.#extend(Math.max(missing, windowBytes, this.#window.length))
      }
    }
  }

  /** The next bytes, as they are: `bytesMax` at most, none at the end. */
  async take(bytesMax: number): Promise<Uint8Array> {
    const bytes = Math.min(bytesMax, this.left)
    return await this.read((reader) => reader.raw(bytes, 'the state'))
  }

  /** From here on everything is the state of the machine. Throws a `WireError` where the trailer says otherwise. */
  async checkMachineState(): Promise<void> {
    const trailer = await this.#snapshot.read({ offset: this.#end, bytesMax: replicaTrailerBytes })
    checkMachineBytes(readReplicaTrailer(new ByteReader(trailer)), this.left)
  }

  seek(position: number): void {
    this.#window = Buffer.alloc(0)
    this.#next = position
  }

  close(): Promise<void> {
    return this.#snapshot.close()
  }

  async #extend(bytes: number): Promise<void> {
    const more = await this.#snapshot.read({ offset: this.#next, bytesMax: Math.min(bytes, this.#end - this.#next) })
    this.#next += more.length
    this.#window = Buffer.concat([this.#window, more])
    this.#onRead(this)
  }
}
