// What sessions, the replies that are kept for them, and log time add to the digest of a replica. What is given is good until the next call.
import type { Digest } from './field-digest.ts'
import { RecordHash } from './record-hash.ts'
import type { Recorded } from './kept-replies.ts'

/** Beyond the positions that fields of a state have. */
const kinds = { session: 1_000_001, reply: 1_000_002, time: 1_000_003 }
const hash = new RecordHash()

export function hashOfSession(id: number, ttlMs: number): Digest {
  hash.begin(kinds.session)
  hash.number(id)
  hash.number(ttlMs)
  hash.end()
  return hash
}

export function hashOfReply(session: number, seq: number, { index, reply }: Recorded): Digest {
  hash.begin(kinds.reply)
  hash.number(session)
  hash.number(seq)
  hash.number(index)
  if (reply === undefined) hash.number(-1)
  else hash.bytes(reply)
  hash.end()
  return hash
}

export function hashOfTime(now: number, ceiling: number): Digest {
  hash.begin(kinds.time)
  hash.number(now)
  hash.number(ceiling)
  hash.end()
  return hash
}
