// Entries as bytes: the same for the wire and for the disk, so that a batch is encoded once.
import type { ConfState, Entry, Index, Member, NodeId } from '../core/types.ts'
import { ByteReader, ByteWriter, WireError } from './bytes.ts'

const kinds = ['command', 'conf', 'noop'] as const
const noData = new Uint8Array(0)
/** Index of the first entry (6), count (4). */
export const entriesHeaderBytes = 10
/** Term (6), kind (1), length of the data (4). */
export const entryHeaderBytes = 11
/** Members of a configuration, and of each of its lists: what a reader accepts. What a cluster may have is far less, and said elsewhere. */
export const confMembersMax = 1_024
/** Ids that were ever removed; they take 6 bytes each, for good. */
export const confRemovedMax = 65_536
/** Id, incarnation, and two lengths of addresses. */
const memberBytesMin = 20

/** What a batch looks like once encoded; arrays of entries are never changed, so identity stands for content. */
const encoded = new WeakMap<readonly Entry[], Uint8Array>()

/**
 * First index (6), count (4), then for each entry term, kind, data. Contiguous entries only. Encoded at most once per array: the followers'
 * messages and the log's block share the bytes. The result must not be changed.
 */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const known = encoded.get(entries)
  if (known !== undefined) return known
  const confs = encodeConfs(entries)
  const buffer = Buffer.allocUnsafe(encodedBytes(entries, confs))
  buffer.writeUIntBE(entries[0]?.index ?? 0, 0, 6)
  buffer.writeUInt32BE(entries.length, 6)
  let at = entriesHeaderBytes
  let confsWritten = 0
  for (const entry of entries) {
    const data = entry.conf === undefined ? entry.data : (confs[confsWritten++] ?? noData)
    buffer.writeUIntBE(entry.term, at, 6)
    buffer[at + 6] = entry.kind === 'command' ? 0 : entry.kind === 'conf' ? 1 : 2
    buffer.writeUInt32BE(data.length, at + 7)
    buffer.set(data, at + entryHeaderBytes)
    at += entryHeaderBytes + data.length
  }
  encoded.set(entries, buffer)
  return buffer
}

function encodeConfs(entries: readonly Entry[]): readonly Uint8Array[] {
  const confs: Uint8Array[] = []
  for (const { conf } of entries) if (conf !== undefined) confs.push(encodeConf(conf))
  return confs
}

function encodedBytes(entries: readonly Entry[], confs: readonly Uint8Array[]): number {
  let bytes = entriesHeaderBytes + entries.length * entryHeaderBytes
  for (const entry of entries) if (entry.conf === undefined) bytes += entry.data.length
  for (const conf of confs) bytes += conf.length
  return bytes
}

/** Entries share the memory of `reader`; nothing of their data is looked at. Remembers the bytes, so that storing them costs nothing. */
export function decodeEntries(reader: ByteReader): readonly Entry[] {
  const start = reader.position
  const firstIndex = reader.u48('index of the first entry')
  const count = reader.count(entryHeaderBytes, 'entries')
  if (count > 0 && firstIndex === 0) throw new WireError('entries start at index 0')
  const here = reader.raw(0, 'entries')
  const entries: Entry[] = []
  const bytes = decodeEntryRun(Buffer.from(here.buffer, here.byteOffset, reader.remaining), { firstIndex, count }, entries)
  reader.raw(bytes, 'entries')
  encoded.set(entries, reader.slice(start))
  return entries
}

/**
 * Appends `count` entries to `into`, as they stand one after the other at the start of `buffer`, whose memory they share. Returns the bytes
 * read. Refuses entries cut off, of an unknown kind, or with falling terms.
 */
export function decodeEntryRun(buffer: Buffer, run: { firstIndex: Index; count: number }, into: Entry[]): number {
  let at = 0
  let lastTerm = 0
  for (let index = run.firstIndex; index < run.firstIndex + run.count; index++) {
    const end = encodedEntryEnd(buffer, at, index)
    const term = buffer.readUIntBE(at, 6)
    if (term < lastTerm) throw new WireError(`entry ${index} has term ${term}, the one before it ${lastTerm}`)
    lastTerm = term
    const kind = kinds[buffer.readUInt8(at + 6)]
    if (kind === undefined) throw new WireError(`entry ${index} is of an unknown kind`)
    const data = buffer.subarray(at + entryHeaderBytes, end)
    into.push(
      kind === 'conf'
        ? { term, index, kind, data: noData, conf: decodeConf(data) }
        : { term, index, kind, data: data.length === 0 ? noData : data, conf: undefined },
    )
    at = end
  }
  return at
}

/** Where the encoded entry that starts at `at` ends: entries are found without decoding them. */
export function encodedEntryEnd(buffer: Buffer, at: number, index: Index): number {
  const left = buffer.length - at
  if (left < entryHeaderBytes) throw new WireError(`entry ${index} needs ${entryHeaderBytes} bytes, ${left} are left`)
  const bytes = entryHeaderBytes + buffer.readUInt32BE(at + 7)
  if (left < bytes) throw new WireError(`entry ${index} needs ${bytes} bytes, ${left} are left`)
  return at + bytes
}

export function encodeConf(conf: ConfState): Uint8Array {
  const writer = new ByteWriter(256)
  writeConf(writer, conf)
  return writer.take()
}

export function writeConf(writer: ByteWriter, conf: ConfState): void {
  writer.u32(conf.members.length)
  for (const member of conf.members) writeMember(writer, member)
  for (const ids of [conf.voters, conf.votersOutgoing, conf.learners, conf.joining, conf.removed]) {
    writer.u32(ids.length)
    for (const id of ids) writer.u48(id)
  }
  writer.u32(conf.leaseMs)
}

/** Bounded, and no more: whether a configuration makes sense is for the core to say. */
export function readConf(reader: ByteReader): ConfState {
  const members: Member[] = []
  const count = readBoundedCount(reader, { bytesEach: memberBytesMin, what: 'members', max: confMembersMax })
  for (let i = 0; i < count; i++) members.push(readMember(reader))
  return {
    members,
    voters: readIds(reader, 'voters'),
    votersOutgoing: readIds(reader, 'outgoing voters'),
    learners: readIds(reader, 'learners'),
    joining: readIds(reader, 'joining learners'),
    removed: readIds(reader, 'removed members', confRemovedMax),
    leaseMs: reader.u32('duration of leases'),
  }
}

export function writeMember(writer: ByteWriter, member: Member): void {
  writer.u48(member.id)
  writer.u48(member.incarnation)
  writer.text(member.peer)
  writer.text(member.client)
}

export function readMember(reader: ByteReader): Member {
  const id = reader.u48('id of a member')
  if (id === 0) throw new WireError('a member has id 0')
  const incarnation = reader.u48('incarnation of a member')
  return { id, incarnation, peer: reader.text('peer address'), client: reader.text('client address') }
}

function readIds(reader: ByteReader, what: string, max = confMembersMax): readonly NodeId[] {
  const ids: NodeId[] = []
  const count = readBoundedCount(reader, { bytesEach: 6, what, max })
  for (let i = 0; i < count; i++) ids.push(reader.positive('id of a member'))
  return ids
}

function readBoundedCount(reader: ByteReader, { bytesEach, what, max }: { bytesEach: number; what: string; max: number }): number {
  const count = reader.count(bytesEach, what)
  if (count > max) throw new WireError(`a configuration has ${count} ${what}, at most ${max} are allowed`)
  return count
}

function decodeConf(data: Uint8Array): ConfState {
  const reader = new ByteReader(data)
  const conf = readConf(reader)
  reader.end('configuration')
  return conf
}
