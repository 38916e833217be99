// Limits of the batches of commands, queries and replies. A sender splits, a reader refuses.
import { type ByteReader, WireError } from './bytes.ts'
import { type FrameWriter, frameBytesMax } from './frame.ts'

/** A batch goes on in another frame beyond this many bytes: what waits behind it on the connection need not wait for all of it. */
export const batchBytesMax = 1_024 * 1_024
/** Items of one frame. Bounds what a frame of tiny items can make its reader allocate. */
export const batchItemsMax = 16_384
/** The largest single command or query that fits a frame. A server's `commandBytesMax` stays below. */
export const itemBytesMax = frameBytesMax - 64

/** Whether one more item of `bytes` still belongs in a frame that holds `count` items. One always does, else nothing would ever be sent. */
export const fitsBatch = (frames: FrameWriter, count: number, bytes: number): boolean =>
  count === 0 || (count < batchItemsMax && frames.bodyLength + bytes <= batchBytesMax)

/** Counts that a frame may have. */
export function readBatchCount(reader: ByteReader, bytesEach: number, what: string): number {
  const count = reader.count(bytesEach, what)
  if (count > batchItemsMax) throw new WireError(`a frame holds ${count} ${what}, at most ${batchItemsMax} are allowed`)
  return count
}
