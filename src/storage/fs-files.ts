import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Done } from '../ports/log.ts'
import type { FileDone, Files, NewFile, StoredFile } from './files.ts'

const ownerOnly = 0o600

/** A directory of the file system, which must be there. Only its owner may read the files made in it. */
export class FsFiles implements Files {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  list(done: (error: Error | undefined, names: readonly string[]) => void): void {
    fs.readdir(this.#dir, (error, names) => done(error ?? undefined, error === null ? names : []))
  }

  open(name: string, done: FileDone<StoredFile>): void {
    fs.open(this.#path(name), 'r', (error, descriptor) => {
      if (error !== null) return done(error, undefined)
      fs.fstat(descriptor, (error, stats) => {
        if (error !== null) return fs.close(descriptor, () => done(error, undefined))
        done(undefined, new FsStoredFile(descriptor, stats.size))
      })
    })
  }

  create(name: string, done: FileDone<NewFile>): void {
    fs.open(this.#path(name), 'wx', ownerOnly, (error, descriptor) => {
      if (error !== null) return done(error, undefined)
      done(undefined, new FsNewFile(descriptor))
    })
  }

  rename({ source, target }: { readonly source: string; readonly target: string }, done: Done): void {
    fs.rename(this.#path(source), this.#path(target), (error) => done(error ?? undefined))
  }

  remove(name: string, done: Done): void {
    fs.unlink(this.#path(name), (error) => done(error === null || error.code === 'ENOENT' ? undefined : error))
  }

  syncDir(done: Done): void {
    fs.open(this.#dir, 'r', (error, descriptor) => {
      if (error !== null) return done(error)
      fs.fsync(descriptor, (error) => {
        // Windows cannot sync a directory; it keeps names without being asked.
        const failure = process.platform === 'win32' ? undefined : (error ?? undefined)
        fs.close(descriptor, (error) => done(failure ?? error ?? undefined))
      })
    })
  }

  defer(task: () => void): void {
    queueMicrotask(task)
  }

  #path(name: string): string {
    return join(this.#dir, name)
  }
}

class FsStoredFile implements StoredFile {
  readonly bytes: number
  readonly #descriptor: number

  constructor(descriptor: number, bytes: number) {
    this.#descriptor = descriptor
    this.bytes = bytes
  }

  read({ offset, length }: { offset: number; length: number }, done: (error: Error | undefined, bytes: Uint8Array) => void): void {
    const buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, this.bytes - offset)))
    this.#readFrom(0, buffer, offset, done)
  }

  close(done: Done): void {
    fs.close(this.#descriptor, (error) => done(error ?? undefined))
  }

  /** The system may give less than was asked for, before the end too. */
  #readFrom(at: number, buffer: Buffer, offset: number, done: (error: Error | undefined, bytes: Uint8Array) => void): void {
    fs.read(this.#descriptor, buffer, at, buffer.length - at, offset + at, (error, bytes) => {
      if (error !== null) return done(error, buffer.subarray(0, 0))
      const end = at + bytes
      if (bytes === 0 || end === buffer.length) return done(undefined, buffer.subarray(0, end))
      this.#readFrom(end, buffer, offset, done)
    })
  }
}

class FsNewFile implements NewFile {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** The system may take less than it was given. */
  append(bytes: Uint8Array, done: Done): void {
    fs.write(this.#descriptor, bytes, (error, written) => {
      if (error !== null) return done(error)
      if (written === bytes.length) return done(undefined)
      this.append(bytes.subarray(written), done)
    })
  }

  sync(done: Done): void {
    fs.fsync(this.#descriptor, (error) => done(error ?? undefined))
  }

  close(done: Done): void {
    fs.close(this.#descriptor, (error) => done(error ?? undefined))
  }
}
