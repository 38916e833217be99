import type { SnapshotMeta } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import { WireError } from '../wire/bytes.ts'
import { checksum } from './checksum.ts'
import type { Files, StoredFile } from './files.ts'
import * as format from './snapshot-format.ts'

/** Read at once while all of it is verified, bytes of content: a dozen pieces, a millisecond of checksums. */
const verifiedBytes = 16 * format.pieceBytes
const nothing = new Uint8Array(0)

/**
 * A snapshot on the disk, open. Header and footer were verified when it was opened; pieces are as they are read. Damage is a `WireError`,
 * anything else comes from the disk.
 */
export class SnapshotFile {
  readonly meta: SnapshotMeta
  readonly name: string
  readonly #file: StoredFile
  readonly #header: format.SnapshotHeader
  #reading = 0
  #closing: Done | undefined

  static open(
    files: Pick<Files, 'open'>,
    name: string,
    done: (error: Error | undefined, snapshot: SnapshotFile | undefined) => void,
  ): void {
    files.open(name, (error, file) => {
      if (file === undefined) return done(error, undefined)
      readEnds(file, name, (damage, ends) => {
        if (ends === undefined) return file.close(() => done(damage, undefined))
        done(undefined, new SnapshotFile(file, name, ends))
      })
    })
  }

  /** For `open`. */
  constructor(file: StoredFile, name: string, { header, content }: Ends) {
    this.#file = file
    this.name = name
    this.#header = header
    this.meta = { id: header.id, conf: header.conf, bytes: content.bytes, checksum: content.checksum }
  }

  /** At most `bytesMax` bytes from `offset`, verified; fewer only at the end. */
  read({ offset, bytesMax }: { offset: number; bytesMax: number }, done: (error: Error | undefined, data: Uint8Array) => void): void {
    const end = Math.min(offset + bytesMax, this.meta.bytes)
    const number = Math.floor(offset / format.pieceBytes)
    const start = number * format.pieceBytes
    const pieces = { number, bytes: Math.min(Math.ceil(end / format.pieceBytes) * format.pieceBytes, this.meta.bytes) - start }
    this.#reading++
    this.#readPieces(pieces, (error, content) => {
      if (error !== undefined) done(error, nothing)
      else done(undefined, (content.length === 1 ? (content[0] ?? nothing) : Buffer.concat(content)).subarray(offset - start, end - start))
      this.#reading--
      this.#maybeClose()
    })
  }

  /** Reads all of it, a part at a time. */
  verify(done: Done): void {
    this.#verifyFrom(0, 0, done)
  }

  /** Waits for reads under way. */
  close(done: Done): void {
    this.#closing = done
    this.#maybeClose()
  }

  #verifyFrom(number: number, sum: number, done: Done): void {
    const bytes = Math.min(verifiedBytes, this.meta.bytes - number * format.pieceBytes)
    if (bytes <= 0) return done(sum === this.meta.checksum ? undefined : new WireError('its content does not match its checksum'))
    this.#readPieces({ number, bytes }, (error, content) => {
      if (error !== undefined) return done(error)
      let next = sum
      for (const piece of content) next = checksum(piece, next)
      this.#verifyFrom(number + content.length, next, done)
    })
  }

  #readPieces(pieces: { number: number; bytes: number }, done: (error: Error | undefined, content: readonly Uint8Array[]) => void): void {
    const place = format.placeOf(pieces, this.#header.bytes)
    this.#file.read(place, (error, bytes) => {
      if (error !== undefined) return done(error, [])
      const decode = (): readonly Uint8Array[] => {
        checkLength(bytes, place)
        return format.decodePieces(bytes, { number: pieces.number, seal: this.#header.seal, contentBytes: this.meta.bytes })
      }
      decoded(decode, (damage, content) => done(damage, content ?? []))
    })
  }

  #maybeClose(): void {
    const done = this.#closing
    if (done === undefined || this.#reading > 0) return
    this.#closing = undefined
    this.#file.close(done)
  }
}

interface Ends {
  readonly header: format.SnapshotHeader
  readonly content: { readonly bytes: number; readonly checksum: number }
}
type EndsDone = (error: Error | undefined, ends: Ends | undefined) => void

/** Header and footer, and that the file is exactly as long as they say. */
function readEnds(file: StoredFile, name: string, done: EndsDone): void {
  readDecoded(file, { offset: 0, length: format.prefixBytes }, format.readHeaderBytes, (error, headerBytes) => {
    if (headerBytes === undefined) return done(error, undefined)
    readDecoded(file, { offset: 0, length: headerBytes }, format.decodeHeader, (error, header) => {
      if (header === undefined) return done(error, undefined)
      const decode = (bytes: Uint8Array): Ends => ends(bytes, { file, name, header })
      readDecoded(file, { offset: Math.max(0, file.bytes - format.footerBytes), length: format.footerBytes }, decode, done)
    })
  })
}

function ends(footer: Uint8Array, { file, name, header }: { file: StoredFile; name: string; header: format.SnapshotHeader }): Ends {
  const content = format.decodeFooter(footer, header.seal)
  const bytes = format.fileBytes(content.bytes, header.bytes)
  if (bytes !== file.bytes) throw new WireError(`it has ${file.bytes} bytes instead of ${bytes}`)
  if (format.nameOf(header.id) !== name) throw new WireError(`it is ${format.titleOf(header)}`)
  return { header, content }
}

function readDecoded<T>(
  file: StoredFile,
  range: { offset: number; length: number },
  decode: (bytes: Uint8Array) => T,
  done: (error: Error | undefined, value: T | undefined) => void,
): void {
  file.read(range, (error, bytes) => {
    if (error !== undefined) return done(error, undefined)
    const decodeWhole = (): T => {
      checkLength(bytes, range)
      return decode(bytes)
    }
    decoded(decodeWhole, done)
  })
}

function checkLength(bytes: Uint8Array, { offset, length }: { offset: number; length: number }): void {
  if (bytes.length < length) throw new WireError(`it ends after ${offset + bytes.length} bytes`)
}

/** Calls `done` outside of the `try`: what it throws is not damage. */
function decoded<T>(decode: () => T, done: (error: Error | undefined, value: T | undefined) => void): void {
  let value: T
  try {
    value = decode()
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
    return done(thrown, undefined)
  }
  done(undefined, value)
}
