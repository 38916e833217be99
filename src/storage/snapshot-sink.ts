import type { ConfState, EntryId } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import { checksum } from './checksum.ts'
import type { Files, NewFile } from './files.ts'
import * as format from './snapshot-format.ts'

/** Handed to the disk at once, bytes of content. */
const appendedBytes = 16 * format.pieceBytes

/** The file of a snapshot while it is written: cuts what comes in into pieces. Errors are those of the disk; after one, only `discard`. */
export class SnapshotSink {
  readonly name: string
  readonly #files: Files
  readonly #header: Uint8Array
  readonly #seal: number
  #file: NewFile | undefined
  /** Content that does not fill a piece yet. */
  readonly #rest = Buffer.allocUnsafe(format.pieceBytes)
  #restBytes = 0
  /** Pieces handed to the disk. */
  #pieces = 0
  #bytes = 0
  #checksum = 0

  constructor(files: Files, { name, id, conf }: { name: string; id: EntryId; conf: ConfState }) {
    this.#files = files
    this.name = name
    this.#header = format.encodeHeader({ id, conf })
    this.#seal = format.sealOf(this.#header)
  }

  /** Of the content so far. */
  get bytes(): number {
    return this.#bytes
  }
  get checksum(): number {
    return this.#checksum
  }

  append(data: Uint8Array, done: Done): void {
    this.#open((error, file) => {
      if (file === undefined) return done(error)
      this.#appendFrom(0, data, file, (error) => {
        if (error !== undefined) return done(error)
        this.#bytes += data.length
        this.#checksum = checksum(data, this.#checksum)
        done(undefined)
      })
    })
  }

  /** Everything is durable after it, but the name. */
  end(done: Done): void {
    this.#open((error, file) => {
      if (file === undefined) return done(error)
      const footer = format.encodeFooter({ bytes: this.#bytes, checksum: this.#checksum }, this.#seal)
      const last = Buffer.concat([this.#encode(this.#rest.subarray(0, this.#restBytes)), footer])
      file.append(last, (error) => {
        if (error !== undefined) return done(error)
        file.sync((error) => {
          if (error !== undefined) return done(error)
          this.#file = undefined
          file.close(done)
        })
      })
    })
  }

  /** Nothing is left of it, as far as the disk allows; what is gets removed at the next start. */
  discard(done: () => void): void {
    const file = this.#file
    this.#file = undefined
    const remove = (): void => this.#files.remove(this.name, done)
    if (file === undefined) remove()
    else file.close(remove)
  }

  /** The file, made when it is needed first. One that an earlier writer could not remove is in its way. */
  #open(done: (error: Error | undefined, file: NewFile | undefined) => void): void {
    const file = this.#file
    if (file !== undefined) return this.#files.defer(() => done(undefined, file))
    this.#files.remove(this.name, (error) => {
      if (error !== undefined) return done(error, undefined)
      this.#files.create(this.name, (error, file) => {
        if (file === undefined) return done(error, undefined)
        this.#file = file
        file.append(this.#header, (error) => done(error, error === undefined ? file : undefined))
      })
    })
  }

  #appendFrom(at: number, data: Uint8Array, file: NewFile, done: Done): void {
    const left = data.length - at
    if (left === 0) return done(undefined)
    if (this.#restBytes > 0 || left < format.pieceBytes) {
      const taken = Math.min(left, format.pieceBytes - this.#restBytes)
      this.#rest.set(data.subarray(at, at + taken), this.#restBytes)
      this.#restBytes += taken
      if (this.#restBytes < format.pieceBytes) return done(undefined)
      this.#restBytes = 0
      return file.append(this.#encode(this.#rest), (error) => {
        if (error !== undefined) return done(error)
        this.#appendFrom(at + taken, data, file, done)
      })
    }
    const taken = Math.min(left - (left % format.pieceBytes), appendedBytes)
    file.append(this.#encode(data.subarray(at, at + taken)), (error) => {
      if (error !== undefined) return done(error)
      this.#appendFrom(at + taken, data, file, done)
    })
  }

  #encode(content: Uint8Array): Buffer {
    const bytes = format.encodePieces(content, { number: this.#pieces, seal: this.#seal })
    this.#pieces += Math.ceil(content.length / format.pieceBytes)
    return bytes
  }
}
