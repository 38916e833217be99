// What peers say to each other, as bytes: kind (1), from, to, term (6 each), then what the kind has. Entries travel as `encodeEntries` made
// them, once for all peers and the disk.
import { unreachable } from '../core/invariant.ts'
import type { AppendEntries, AppendEntriesReply, Entry, EntryId, Message, NodeId, Term } from '../core/types.ts'
import { ByteReader, type ByteWriter, WireError } from './bytes.ts'
import { decodeEntries, encodeEntries } from './entry-codec.ts'
import { compact } from './frame.ts'
import { bodyKinds } from './kinds.ts'

/** Writes `message` as the body of a frame. */
export function writeMessage(writer: ByteWriter, message: Message): void {
  writer.u8(bodyKinds[message.kind])
  writer.u48(message.from)
  writer.u48(message.to)
  writer.u48(message.term)
  switch (message.kind) {
    case 'PreVote':
      writeEntryId(writer, message.last)
      break
    case 'RequestVote':
      writeEntryId(writer, message.last)
      writer.u8(message.transfer ? 1 : 0)
      break
    case 'PreVoteReply':
    case 'RequestVoteReply':
      writer.u8(message.granted ? 1 : 0)
      break
    case 'AppendEntries':
      writeEntryId(writer, message.prev)
      writer.u48(message.commitIndex)
      writer.raw(encodeEntries(message.entries))
      break
    case 'AppendEntriesReply':
      writeAppendEntriesReply(writer, message)
      break
    case 'Heartbeat':
      writer.u48(message.commitIndex)
      writer.u48(message.round)
      break
    case 'HeartbeatReply':
      writer.u48(message.round)
      break
    default:
      unreachable(message)
  }
}

/** The message in the body of a frame. Throws a `WireError` on anything that no node of ours would have written. Its entries may be kept. */
export function decodeMessage(body: Uint8Array): Message {
  const isAppend = body[0] === bodyKinds.AppendEntries
  // Only entries outlive the turn in which they arrive.
  const reader = new ByteReader(isAppend ? compact(body) : body)
  const kind = reader.u8('kind of a message')
  const header = { from: reader.positive('sender'), to: reader.positive('receiver'), term: reader.u48('term') }
  const message = readMessage(reader, kind, header)
  reader.end(message.kind)
  return message
}

interface Header {
  readonly from: NodeId
  readonly to: NodeId
  readonly term: Term
}

function readMessage(reader: ByteReader, kind: number, header: Header): Message {
  const { from, to, term } = header
  switch (kind) {
    case bodyKinds.PreVote:
      return { kind: 'PreVote', from, to, term, last: readLast(reader, term) }
    case bodyKinds.PreVoteReply:
      return { kind: 'PreVoteReply', from, to, term, granted: reader.boolean('granted') }
    case bodyKinds.RequestVote:
      return { kind: 'RequestVote', from, to, term, last: readLast(reader, term), transfer: reader.boolean('transfer') }
    case bodyKinds.RequestVoteReply:
      return { kind: 'RequestVoteReply', from, to, term, granted: reader.boolean('granted') }
    case bodyKinds.AppendEntries:
      return readAppendEntries(reader, header)
    case bodyKinds.AppendEntriesReply:
      return readAppendEntriesReply(reader, header)
    case bodyKinds.Heartbeat:
      checkElected(term)
      return { kind: 'Heartbeat', from, to, term, commitIndex: reader.u48('commit index'), round: reader.u48('round') }
    case bodyKinds.HeartbeatReply:
      return { kind: 'HeartbeatReply', from, to, term, round: reader.u48('round') }
    default:
      throw new WireError(`kind ${kind} is not one of a message between peers`)
  }
}

function readAppendEntries(reader: ByteReader, { from, to, term }: Header): AppendEntries {
  checkElected(term)
  const prev = readEntryId(reader, 'previous entry')
  if (prev.term > term) throw new WireError(`the previous entry has term ${prev.term}, its message ${term}`)
  const commitIndex = reader.u48('commit index')
  const entries = decodeEntries(reader)
  checkFollow(prev, entries, term)
  return { kind: 'AppendEntries', from, to, term, prev, entries, commitIndex }
}

/** Entries are contiguous and their terms never fall: `decodeEntries` saw to it. What is left are the two ends. */
function checkFollow(prev: EntryId, entries: readonly Entry[], term: Term): void {
  const first = entries[0]
  const last = entries[entries.length - 1]
  if (first === undefined || last === undefined) return
  if (first.index !== prev.index + 1)
    throw new WireError(`entries start at index ${first.index}, the one before them has index ${prev.index}`)
  if (first.term === 0) throw new WireError(`entry ${first.index} has term 0`)
  if (first.term < prev.term) throw new WireError(`entry ${first.index} has term ${first.term}, the one before it ${prev.term}`)
  if (last.term > term) throw new WireError(`entry ${last.index} has term ${last.term}, its message ${term}`)
}

function writeAppendEntriesReply(writer: ByteWriter, message: AppendEntriesReply): void {
  writer.u8(message.ok ? 1 : 0)
  if (message.ok) {
    writer.u48(message.matchIndex)
    return
  }
  writer.u48(message.prevIndex)
  writeEntryId(writer, message.hint)
}

function readAppendEntriesReply(reader: ByteReader, { from, to, term }: Header): AppendEntriesReply {
  const kind = 'AppendEntriesReply'
  if (reader.boolean('ok')) return { kind, from, to, term, ok: true, matchIndex: reader.u48('match index') }
  return { kind, from, to, term, ok: false, prevIndex: reader.u48('previous index'), hint: readEntryId(reader, 'hint') }
}

/** The last entry of a candidate is of a term before the one it campaigns for (§3.4). */
function readLast(reader: ByteReader, term: Term): EntryId {
  const last = readEntryId(reader, 'last entry')
  if (last.term >= term) throw new WireError(`the last entry has term ${last.term}, its candidate campaigns for ${term}`)
  return last
}

function writeEntryId(writer: ByteWriter, id: EntryId): void {
  writer.u48(id.term)
  writer.u48(id.index)
}

function readEntryId(reader: ByteReader, what: string): EntryId {
  const term = reader.u48(`term of the ${what}`)
  const index = reader.u48(`index of the ${what}`)
  if ((term === 0) !== (index === 0)) throw new WireError(`the ${what} has term ${term} and index ${index}`)
  return { term, index }
}

function checkElected(term: Term): void {
  if (term === 0) throw new WireError('a leader has term 0')
}
