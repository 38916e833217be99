// All sessions as bytes: equal sessions give equal bytes. For digests now; snapshots carry the same.
import type { Sessions } from '../machine/sessions.ts'
import { ByteWriter } from './bytes.ts'

export function encodeSessions(sessions: Sessions): Uint8Array {
  const writer = new ByteWriter(4_096)
  writer.u32(sessions.size)
  for (const { id, ttlMs, lastActive, ackedBelow, lastSeq, replies } of sessions.entries()) {
    writer.u48(id)
    writer.u32(ttlMs)
    writer.u48(lastActive)
    writer.u48(ackedBelow)
    writer.u48(lastSeq)
    writer.u32(replies.size)
    for (const [seq, { index, reply }] of replies) {
      writer.u48(seq)
      writer.u48(index)
      writer.u8(reply === undefined ? 0 : 1)
      if (reply !== undefined) writer.bytes(reply)
    }
  }
  return writer.take()
}
