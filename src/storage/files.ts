// What the snapshot store needs of a disk: one directory of files that are written once, from front to end, and then only read. A real
// directory is one (`FsFiles`), a map in memory another (`MemoryFiles`). Callbacks, no promises, so that the simulator runs the same logic in
// its own order of events.
import type { Done } from '../ports/log.ts'

export type FileDone<F> = (error: Error | undefined, file: F | undefined) => void

/**
 * Contract: no callback runs before the call that was given it has returned. Calls that overlap may take effect in any order: whoever needs
 * one waits. What a file holds is durable after its `sync`; that it has a name, another name or none, after `syncDir`. Until then a crash
 * leaves of each of these any part: a name may be there without its content, the content without its name. Bytes passed in are not
 * changed before `done`; bytes handed out belong to the receiver. An error whose `code` is EIO means that what was stored cannot be read.
 */
export interface Files {
  /** Names of all files, in no order. */
  list(done: (error: Error | undefined, names: readonly string[]) => void): void
  /** A file that is there, to be read. It stays readable when its name is removed or given to another file. */
  open(name: string, done: FileDone<StoredFile>): void
  /** A new, empty file; fails when there is one of that name. */
  create(name: string, done: FileDone<NewFile>): void
  /** Atomic. A file that has the name `target` loses it. */
  rename(names: { readonly source: string; readonly target: string }, done: Done): void
  /** No error when it is not there. */
  remove(name: string, done: Done): void
  syncDir(done: Done): void
  /** Runs `task` soon, but not before this call has returned. */
  defer(task: () => void): void
}

export interface StoredFile {
  /** Length, when it was opened. */
  readonly bytes: number
  /** From `offset` on, fewer bytes than `length` only where the file ends. */
  read(range: { readonly offset: number; readonly length: number }, done: (error: Error | undefined, bytes: Uint8Array) => void): void
  /** No read may be under way. */
  close(done: Done): void
}

export interface NewFile {
  /** One at a time. After an error the file is good for nothing but `close`. */
  append(bytes: Uint8Array, done: Done): void
  sync(done: Done): void
  close(done: Done): void
}
