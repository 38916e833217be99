// Space set aside for the day on which there is none: LevelDB needs some to open a database, so that on a full disk a node would not start again.
//
//   data/1/reserve   bytes of no meaning; removed when a start fails for want of space, made again once there is some
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const reserveFile = 'reserve'
const ownerOnly = 0o600
/** Written at once; and drawn at once, at most. */
const pieceBytes = 1_024 * 1_024
const drawnBytes = 65_536
/** A part of the reserve, since it is no use to more than a start: that needs no more than the database's own log, once more. */
const part = 1 / 4
const bytesMax = 64 * 1_024 * 1_024

/** Of a node whose reserve is so large. */
export const reserveFileBytes = (reserveBytes: number): number => Math.min(bytesMax, Math.floor(reserveBytes * part))

/** What the file holds; 0 where there is none. */
export async function heldBytes(dir: string): Promise<number> {
  return await stat(join(dir, reserveFile)).then(
    ({ size }) => size,
    () => 0,
  )
}

/**
 * Fills the file up to `bytes`, in pieces, until it is told to stop; one that is larger is made anew. Not zeros: a file system may keep those
 * without any space. Rejects with the error of the system; what is there of the file then counts.
 */
export async function holdBytes(dir: string, bytes: number, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  const held = await heldBytes(dir)
  if (held === bytes) return
  if (held > bytes) await rm(join(dir, reserveFile), { force: true })
  const piece = noise(Math.min(pieceBytes, bytes))
  const handle = await open(join(dir, reserveFile), 'a', ownerOnly)
  try {
    for (let at = held > bytes ? 0 : held; at < bytes && !signal.aborted; ) {
      const { bytesWritten } = await handle.write(piece, 0, Math.min(piece.length, bytes - at))
      at += bytesWritten
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Gives the space back: so many bytes. */
export async function freeHeldBytes(dir: string): Promise<number> {
  const held = await heldBytes(dir)
  await rm(join(dir, reserveFile), { force: true })
  return held
}

function noise(bytes: number): Uint8Array {
  const piece = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += drawnBytes) crypto.getRandomValues(piece.subarray(at, at + drawnBytes))
  return piece
}
