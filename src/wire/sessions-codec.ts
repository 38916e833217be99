// All sessions as bytes: equal sessions give equal bytes. Snapshots carry them, digests are made of them.
import type { Index } from '../core/types.ts'
import type { Recorded } from '../machine/kept-replies.ts'
import { type SessionRecord, sessionReplyBytesMax, type SessionsView, sessionsMax, sessionWindow } from '../machine/sessions.ts'
import { type ByteReader, ByteWriter, WireError } from './bytes.ts'

/** Without any reply: id, time to live, last sign of life, acknowledged below, last seq, number of replies. */
const sessionBytesMin = 32
/** Seq, index, whether it was kept. */
const replyBytesMin = 13

export function encodeSessions(sessions: SessionsView): Uint8Array {
  const writer = new ByteWriter(4_096)
  writer.u32(sessions.size)
  for (const session of sessions.entries()) writeSession(writer, session)
  return writer.take()
}

/** The same bytes in pieces of about `pieceBytes`: a large session makes its piece larger. */
export function* sessionPieces(sessions: SessionsView, pieceBytes: number): Generator<Uint8Array> {
  const writer = new ByteWriter(4_096)
  writer.u32(sessions.size)
  for (const session of sessions.entries()) {
    writeSession(writer, session)
    if (writer.length >= pieceBytes) yield writer.take()
  }
  if (writer.length > 0) yield writer.take()
}

/** What the sessions of a state may know: nothing beyond the last entry applied, and no sign of life after its time. */
export interface SessionBounds {
  readonly lastApplied: Index
  readonly now: number
}

/** The sessions that follow, for who reads them one by one. */
export function readSessionCount(reader: ByteReader): number {
  const count = reader.count(sessionBytesMin, 'sessions')
  if (count > sessionsMax) throw new WireError(`there are ${count} sessions, at most ${sessionsMax} are allowed`)
  return count
}

/** `last`: the one before, 0 for the first. */
export function checkSessionOrder(id: Index, last: Index): void {
  if (id <= last) throw new WireError(`session ${id} comes after session ${last}`)
}

function writeSession(writer: ByteWriter, { id, ttlMs, lastActive, ackedBelow, lastSeq, replies }: SessionRecord): void {
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

export function readSession(reader: ByteReader, bounds: SessionBounds): SessionRecord {
  const id = reader.positive('id of a session')
  const ttlMs = reader.u32('time to live of a session')
  const lastActive = reader.u48('last sign of life of a session')
  const ackedBelow = reader.positive('acknowledged seq of a session')
  const lastSeq = reader.u48('last seq of a session')
  if (id > bounds.lastApplied) throw new WireError(`session ${id} was opened after entry ${bounds.lastApplied}, the last one applied`)
  if (lastActive > bounds.now) throw new WireError(`session ${id} was active at ${lastActive}, later than log time ${bounds.now}`)
  if (lastSeq >= ackedBelow + sessionWindow) {
    throw new WireError(
      `session ${id} has executed command ${lastSeq}, ${sessionWindow} or more after ${ackedBelow}, its oldest unanswered one`,
    )
  }
  const session = { id, ttlMs, lastActive, ackedBelow, lastSeq }
  return { ...session, replies: readReplies(reader, session, bounds) }
}

function readReplies(
  reader: ByteReader,
  { id, ackedBelow, lastSeq }: Omit<SessionRecord, 'replies'>,
  { lastApplied }: SessionBounds,
): ReadonlyMap<number, Recorded> {
  const count = reader.count(replyBytesMin, 'replies')
  if (count > sessionWindow) throw new WireError(`session ${id} has ${count} replies, at most ${sessionWindow} are kept`)
  const replies = new Map<number, Recorded>()
  let bytes = 0
  let last = { seq: ackedBelow - 1, index: id }
  for (let i = 0; i < count; i++) {
    const seq = reader.u48('seq of a reply')
    const index = reader.u48('index of a reply')
    if (seq <= last.seq || seq > lastSeq) throw new WireError(`session ${id} has a reply to ${seq}, outside ${last.seq + 1} to ${lastSeq}`)
    if (index <= last.index || index > lastApplied) {
      throw new WireError(`session ${id} has a reply of entry ${index}, outside ${last.index + 1} to ${lastApplied}`)
    }
    last = { seq, index }
    // A copy: it outlives what it was read from, and is small beside it.
    const reply = reader.boolean('whether a reply was kept') ? new Uint8Array(reader.bytes('reply')) : undefined
    bytes += reply?.length ?? 0
    replies.set(seq, { index, reply })
  }
  if (bytes > sessionReplyBytesMax)
    throw new WireError(`session ${id} has ${bytes} bytes of replies, at most ${sessionReplyBytesMax} are kept`)
  return replies
}
