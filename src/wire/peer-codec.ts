// What peers say to each other, as bytes: kind (1), from, to, term (6 each), then what the kind has. Entries travel as `encodeEntries` made
// them, once for all peers and the disk.
import { unreachable } from '../core/invariant.ts'
import type {
  AppendEntries,
  AppendEntriesReply,
  EntriesChunk,
  Entry,
  EntryId,
  HeartbeatReply,
  InstallSnapshot,
  NodeId,
  PeerMessage,
  Recall,
  RecallReply,
  SnapshotChunk,
  SnapshotMeta,
  SnapshotRequest,
  Term,
} from '../core/types.ts'
import { ByteReader, type ByteWriter, WireError } from './bytes.ts'
import { readDigestMessage, writeDigestMessage } from './digest-codec.ts'
import { readVersions, writeVersions } from './versions-codec.ts'
import { decodeEntries, encodeEntries, readConf, writeConf } from './entry-codec.ts'
import { compact } from './frame.ts'
import { bodyKinds } from './kinds.ts'

const noData = new Uint8Array(0)

/** Writes `message` as the body of a frame. */
export function writeMessage(writer: ByteWriter, message: PeerMessage): void {
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
      writer.u8(message.isFull === true ? 1 : 0)
      break
    case 'InstallSnapshot':
      writeEntryId(writer, message.last)
      break
    case 'InstallSnapshotReply':
      writeEntryId(writer, message.hint)
      break
    case 'TimeoutNow':
      break
    case 'ReadIndex':
      writer.u48(message.nonce)
      writer.u48(message.counter)
      break
    case 'ReadIndexReply':
      writer.u48(message.nonce)
      writer.u48(message.counter)
      writer.u48(message.index)
      break
    case 'SnapshotRequest':
      writeSnapshotRequest(writer, message)
      break
    case 'SnapshotChunk':
      writeSnapshotChunk(writer, message)
      break
    case 'Recall':
      writer.u48(message.incarnation)
      writer.u48(message.nonce)
      writeNodes(writer, message.awaited)
      break
    case 'RecallReply':
      writeRecallReply(writer, message)
      break
    case 'DigestReport':
    case 'DigestsRequest':
    case 'DigestsChunk':
      writeDigestMessage(writer, message)
      break
    case 'EntriesRequest':
      writer.u48(message.firstIndex)
      writer.u48(message.lastIndex)
      break
    case 'EntriesChunk':
      writer.u48(message.firstIndex)
      writer.raw(encodeEntries(message.entries))
      break
    case 'Halted':
      writer.u48(message.index)
      break
    case 'VersionsKnown':
      writeVersions(writer, message.versions)
      break
    default:
      unreachable(message)
  }
}

const keptKinds: ReadonlySet<number | undefined> = new Set([bodyKinds.AppendEntries, bodyKinds.SnapshotChunk, bodyKinds.EntriesChunk])

/**
 * The message in the body of a frame. Throws a `WireError` on anything that no node of ours would have written. Its entries, and the data of
 * a `SnapshotChunk`, may be kept.
 */
export function decodeMessage(body: Uint8Array): PeerMessage {
  // Only entries and pieces of snapshots outlive the turn in which they arrive.
  const isKept = keptKinds.has(body[0])
  const reader = new ByteReader(isKept ? compact(body) : body)
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

function readMessage(reader: ByteReader, kind: number, header: Header): PeerMessage {
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
      return readHeartbeatReply(reader, header)
    case bodyKinds.InstallSnapshot:
      return readInstallSnapshot(reader, header)
    case bodyKinds.InstallSnapshotReply:
      return { kind: 'InstallSnapshotReply', from, to, term, hint: readEntryId(reader, 'hint') }
    case bodyKinds.TimeoutNow:
      checkElected(term)
      return { kind: 'TimeoutNow', from, to, term }
    case bodyKinds.ReadIndex:
      return { kind: 'ReadIndex', from, to, term, nonce: reader.u48('nonce'), counter: reader.u48('counter') }
    case bodyKinds.ReadIndexReply: {
      checkElected(term)
      const nonce = reader.u48('nonce')
      return { kind: 'ReadIndexReply', from, to, term, nonce, counter: reader.u48('counter'), index: reader.u48('read index') }
    }
    case bodyKinds.SnapshotRequest:
      return readSnapshotRequest(reader, header)
    case bodyKinds.SnapshotChunk:
      return readSnapshotChunk(reader, header)
    case bodyKinds.Recall:
      return readRecall(reader, header)
    case bodyKinds.RecallReply:
      return readRecallReply(reader, header)
    case bodyKinds.EntriesRequest:
      return { kind: 'EntriesRequest', from, to, term, firstIndex: reader.positive('first index'), lastIndex: reader.u48('last index') }
    case bodyKinds.EntriesChunk:
      return readEntriesChunk(reader, header)
    case bodyKinds.Halted:
      return { kind: 'Halted', from, to, term, index: reader.positive('index where apply has halted') }
    case bodyKinds.VersionsKnown:
      return { kind: 'VersionsKnown', from, to, term, versions: readVersions(reader) }
    default: {
      const message = readDigestMessage(reader, kind, header)
      if (message !== undefined) return message
      throw new WireError(`kind ${kind} is not one of a message between peers`)
    }
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

function readHeartbeatReply(reader: ByteReader, { from, to, term }: Header): HeartbeatReply {
  const round = reader.u48('round')
  const isFull = reader.boolean('isFull')
  return isFull ? { kind: 'HeartbeatReply', from, to, term, round, isFull } : { kind: 'HeartbeatReply', from, to, term, round }
}

function readInstallSnapshot(reader: ByteReader, { from, to, term }: Header): InstallSnapshot {
  checkElected(term)
  const last = readEntryId(reader, 'entry asked for')
  if (last.term > term) throw new WireError(`the entry asked for has term ${last.term}, its message ${term}`)
  return { kind: 'InstallSnapshot', from, to, term, last }
}

function writeSnapshotRequest(writer: ByteWriter, { minIndex, of, offset }: SnapshotRequest): void {
  writer.u48(minIndex)
  writer.u8(of === undefined ? 0 : 1)
  if (of !== undefined) {
    writeEntryId(writer, of.id)
    writer.u32(of.checksum)
  }
  writer.u48(offset)
}

function readSnapshotRequest(reader: ByteReader, { from, to, term }: Header): SnapshotRequest {
  const minIndex = reader.u48('least index')
  const of = reader.boolean('of') ? { id: readSnapshotId(reader), checksum: reader.u32('checksum of the snapshot') } : undefined
  const offset = reader.u48('offset')
  if (of === undefined && offset > 0) throw new WireError(`offset ${offset} of no snapshot in particular is asked for`)
  return { kind: 'SnapshotRequest', from, to, term, minIndex, of, offset }
}

function writeSnapshotChunk(writer: ByteWriter, { snapshot, offset, data }: SnapshotChunk): void {
  writer.u8(snapshot === undefined ? 0 : 1)
  if (snapshot === undefined) return
  writeEntryId(writer, snapshot.id)
  writeConf(writer, snapshot.conf)
  writer.u48(snapshot.bytes)
  writer.u32(snapshot.checksum)
  writer.u48(offset)
  writer.bytes(data)
}

function readSnapshotChunk(reader: ByteReader, { from, to, term }: Header): SnapshotChunk {
  if (!reader.boolean('snapshot')) return { kind: 'SnapshotChunk', from, to, term, snapshot: undefined, offset: 0, data: noData }
  const snapshot = readSnapshotMeta(reader)
  const offset = reader.u48('offset')
  const data = reader.bytes('data of a snapshot')
  if (snapshot.id.term > term) throw new WireError(`the snapshot has term ${snapshot.id.term}, its message ${term}`)
  if (offset + data.length > snapshot.bytes) {
    throw new WireError(`a piece of ${data.length} bytes at offset ${offset} is beyond its snapshot of ${snapshot.bytes} bytes`)
  }
  return { kind: 'SnapshotChunk', from, to, term, snapshot, offset, data }
}

function readRecall(reader: ByteReader, { from, to, term }: Header): Recall {
  const [incarnation, nonce] = [reader.positive('incarnation'), reader.u48('nonce')]
  return { kind: 'Recall', from, to, term, incarnation, nonce, awaited: readNodes(reader, 'node awaited') }
}

function writeRecallReply(writer: ByteWriter, message: RecallReply): void {
  writer.u48(message.nonce)
  writeEntryId(writer, message.match)
  writer.u48(message.matchTerm)
  writer.u48(message.votedTerm)
  writeEntryId(writer, message.held)
  writer.u8(message.isForgetful ? 1 : 0)
  writer.u8(message.isConfLasting ? 1 : 0)
  writeNodes(writer, message.voters)
  writeNodes(writer, message.gone)
}

function readRecallReply(reader: ByteReader, { from, to, term }: Header): RecallReply {
  const nonce = reader.u48('nonce')
  const match = readEntryId(reader, 'entry acknowledged')
  const matchTerm = reader.u48('term of the acknowledgement')
  const votedTerm = reader.u48('term of the vote')
  const held = readEntryId(reader, 'last entry')
  const [isForgetful, isConfLasting] = [reader.boolean('forgetfulness'), reader.boolean('state of the configuration')]
  const [voters, gone] = [readNodes(reader, 'voter'), readNodes(reader, 'node that is gone')]
  // It remembers what it took part in.
  if (Math.max(matchTerm, votedTerm, held.term) > term) throw new WireError(`a memory of a later term than that of its message, ${term}`)
  if (match.term > matchTerm) throw new WireError(`an entry of term ${match.term} was acknowledged in term ${matchTerm}`)
  return { kind: 'RecallReply', from, to, term, nonce, match, matchTerm, votedTerm, held, isForgetful, voters, isConfLasting, gone }
}

/** Fewer than 256. */
function writeNodes(writer: ByteWriter, ids: readonly NodeId[]): void {
  writer.u8(ids.length)
  for (const id of ids) writer.u48(id)
}

const readNodes = (reader: ByteReader, what: string): NodeId[] =>
  Array.from({ length: reader.u8(`count of ids, each a ${what}`) }, () => reader.positive(what))

function readEntriesChunk(reader: ByteReader, { from, to, term }: Header): EntriesChunk {
  const firstIndex = reader.positive('first index')
  const entries = decodeEntries(reader)
  const first = entries[0]
  if (first !== undefined && first.index !== firstIndex) throw new WireError(`entries from ${firstIndex} begin with entry ${first.index}`)
  if (first?.term === 0) throw new WireError(`entry ${first.index} has term 0`)
  const last = entries.at(-1)
  if (last !== undefined && last.term > term) throw new WireError(`entry ${last.index} has term ${last.term}, its message ${term}`)
  return { kind: 'EntriesChunk', from, to, term, firstIndex, entries }
}

function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const id = readSnapshotId(reader)
  const conf = readConf(reader)
  return { id, conf, bytes: reader.u48('length of the snapshot'), checksum: reader.u32('checksum of the snapshot') }
}

/** A snapshot is of an entry, whatever it holds. */
function readSnapshotId(reader: ByteReader): EntryId {
  return { term: reader.positive('term of the snapshot'), index: reader.positive('index of the snapshot') }
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
