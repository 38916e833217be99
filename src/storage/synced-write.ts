// Writes at a place in a file that is there in its whole length: durable when they are done (O_DSYNC), without a second call for the sync.
import * as fs from 'node:fs'
import type { Done } from '../ports/log.ts'

/** For `open`. Systems without it sync after each write. */
export const dataSync = fs.constants.O_DSYNC ?? 0

export interface SyncedWrite {
  /** Opened with `dataSync`. */
  readonly descriptor: number
  /** Not changed before `done`. */
  readonly bytes: Uint8Array
  readonly at: number
}

/** Errors: those of the system. */
export function writeSynced({ descriptor, bytes, at }: SyncedWrite, done: Done): void {
  fs.write(descriptor, bytes, 0, bytes.length, at, (error, written) => {
    if (error !== null) return done(error)
    // The system may take less than it was given.
    if (written < bytes.length) return writeSynced({ descriptor, bytes: bytes.subarray(written), at: at + written }, done)
    if (dataSync !== 0) return done(undefined)
    fs.fdatasync(descriptor, (error) => done(error ?? undefined))
  })
}
