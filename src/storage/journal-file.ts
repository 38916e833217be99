// The file `journal` of a data directory. It has its size from the beginning, so a write changes nothing but what it writes: it is durable when it
// returns (O_DSYNC), and costs the disk one write.
import * as fs from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Done } from '../ports/log.ts'
import { syncDir } from './checked-file.ts'
import { storeError } from './damage.ts'
import { journalBytes, sectorBytes } from './journal-record.ts'
import type { JournalContent, JournalSpan, NewJournal } from './journal-space.ts'
import { dataSync, writeSynced } from './synced-write.ts'

const ownerOnly = 0o600
/** What is read at once, into memory that serves again: a page that is touched for the first time costs more than reading it. */
const pieceBytes = 1_048_576
/** What is left out where all of it is zeros. */
const partBytes = 65_536
const zeros = Buffer.alloc(partBytes)

/** Errors: those of the system, but for what the disk cannot read. */
export async function readJournal(path: string): Promise<JournalContent> {
  const bytes = Buffer.alloc(journalBytes)
  const missing = { bytes, written: [], isWhole: false }
  const file = await open(path, 'r').catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'EIO') return undefined
    throw cause
  })
  if (file === undefined) return missing
  try {
    const { size } = await file.stat()
    const piece = Buffer.allocUnsafeSlow(pieceBytes)
    const written: JournalSpan[] = []
    let read = 0
    for (let at = 0; at < journalBytes; at += pieceBytes) {
      const got = await readInto(file, piece, at)
      if (got === 0) continue
      read += got
      keepParts(bytes, piece, at, written)
    }
    return { bytes, written, isWhole: size === journalBytes && read > 0 }
  } catch (cause) {
    if (codeOf(cause) === 'EISDIR') return missing
    throw cause
  } finally {
    await file.close()
  }
}

/** Those of `piece`, which stands at the byte `start` of the journal, that are not zeros. */
function keepParts(bytes: Uint8Array, piece: Buffer, start: number, written: JournalSpan[]): void {
  for (let at = 0; at < piece.length; at += partBytes) {
    const part = piece.subarray(at, at + partBytes)
    if (part.equals(zeros)) continue
    bytes.set(part, start + at)
    const from = start + at
    const last = written.at(-1)
    if (last?.to === from) written[written.length - 1] = { from: last.from, to: from + partBytes }
    else written.push({ from, to: from + partBytes })
  }
}

/** All of `memory`, zeros where there is nothing, and sector by sector where it cannot be read at once. Returns how many bytes could be. */
async function readInto(file: fs.promises.FileHandle, memory: Buffer, start: number): Promise<number> {
  let at = 0
  try {
    while (at < memory.length) {
      const { bytesRead } = await file.read(memory, at, memory.length - at, start + at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    memory.fill(0, at)
    return at
  } catch (cause) {
    if (codeOf(cause) !== 'EIO') throw cause
  }
  if (memory.length <= sectorBytes) return memory.fill(0) && 0
  let read = 0
  for (let from = 0; from < memory.length; from += sectorBytes) {
    read += await readInto(file, memory.subarray(from, from + sectorBytes), start + from)
  }
  return read
}

export class JournalFile implements NewJournal {
  readonly name: string
  readonly bytes = journalBytes
  #descriptor: number | undefined

  constructor(path: string) {
    this.name = path
  }

  async make(): Promise<void> {
    const next = `${this.name}.new`
    const handle = await open(next, 'w', ownerOnly)
    try {
      // Written, not only reserved: what a file system has yet to note of a block, it would have to note with the first write to it.
      await handle.writeFile(Buffer.alloc(journalBytes))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(next, this.name)
    await syncDir(dirname(this.name))
  }

  open(): void {
    this.#descriptor = fs.openSync(this.name, fs.constants.O_RDWR | dataSync)
  }

  write(at: number, bytes: Uint8Array, done: Done): void {
    const written: Done = (error) => done(error === undefined ? undefined : storeError(this.name, 'write', error))
    if (this.#descriptor === undefined) return queueMicrotask(() => written(new Error('it is not open')))
    writeSynced({ descriptor: this.#descriptor, bytes, at }, written)
  }

  close(done: Done): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return queueMicrotask(() => done(undefined))
    this.#descriptor = undefined
    fs.close(descriptor, (error) => done(error ?? undefined))
  }
}

const codeOf = (thrown: unknown): unknown => (thrown instanceof Error && 'code' in thrown ? thrown.code : undefined)
