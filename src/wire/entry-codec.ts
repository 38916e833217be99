// Entries as bytes: the same for the wire and for the disk, so that a batch is encoded once.
import type { ConfState, Entry, Member, NodeId } from '../core/types.ts'
import { ByteReader, ByteWriter, WireError } from './bytes.ts'

const kinds = ['command', 'conf', 'noop'] as const
const noData = new Uint8Array(0)
/** Term (6), kind (1), length of the data (4). */
export const entryHeaderBytes = 11

/** What a batch looks like once encoded; arrays of entries are never changed, so identity stands for content. */
const encoded = new WeakMap<readonly Entry[], Uint8Array>()
const scratch = new ByteWriter(65_536)

/**
 * First index (6), count (4), then for each entry term, kind, data. Contiguous entries only. Encoded at most once per array: the followers'
 * messages and the log's block share the bytes. The result must not be changed.
 */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const known = encoded.get(entries)
  if (known !== undefined) return known
  scratch.u48(entries[0]?.index ?? 0)
  scratch.u32(entries.length)
  for (const entry of entries) {
    scratch.u48(entry.term)
    scratch.u8(kinds.indexOf(entry.kind))
    scratch.bytes(entry.conf === undefined ? entry.data : encodeConf(entry.conf))
  }
  const bytes = scratch.take()
  encoded.set(entries, bytes)
  return bytes
}

/** Entries share the memory of `reader`; nothing of their data is looked at. Remembers the bytes, so that storing them costs nothing. */
export function decodeEntries(reader: ByteReader): readonly Entry[] {
  const start = reader.position
  const firstIndex = reader.u48('index of the first entry')
  const count = reader.count(entryHeaderBytes, 'entries')
  const entries: Entry[] = []
  let lastTerm = 0
  for (let i = 0; i < count; i++) {
    const term = reader.u48('term of an entry')
    if (term < lastTerm) throw new WireError(`entry ${firstIndex + i} has term ${term}, the one before it ${lastTerm}`)
    lastTerm = term
    const kind = kinds[reader.u8('kind of an entry')]
    if (kind === undefined) throw new WireError(`entry ${firstIndex + i} is of an unknown kind`)
    const data = reader.bytes('data of an entry')
    entries.push(
      kind === 'conf'
        ? { term, index: firstIndex + i, kind, data: noData, conf: decodeConf(data) }
        : { term, index: firstIndex + i, kind, data, conf: undefined },
    )
  }
  if (count > 0 && firstIndex === 0) throw new WireError('entries start at index 0')
  encoded.set(entries, reader.slice(start))
  return entries
}

export function encodeConf(conf: ConfState): Uint8Array {
  const writer = new ByteWriter(256)
  writer.u32(conf.members.length)
  for (const member of conf.members) {
    writer.u48(member.id)
    writer.u48(member.incarnation)
    writer.text(member.peer)
    writer.text(member.client)
  }
  for (const ids of [conf.voters, conf.votersOutgoing, conf.learners]) {
    writer.u32(ids.length)
    for (const id of ids) writer.u48(id)
  }
  return writer.take()
}

export function readConf(reader: ByteReader): ConfState {
  const members: Member[] = []
  const count = reader.count(20, 'members')
  for (let i = 0; i < count; i++) {
    const id = reader.u48('id of a member')
    if (id === 0) throw new WireError('a member has id 0')
    const incarnation = reader.u48('incarnation of a member')
    members.push({ id, incarnation, peer: reader.text('peer address'), client: reader.text('client address') })
  }
  return { members, voters: readIds(reader), votersOutgoing: readIds(reader), learners: readIds(reader) }
}

function readIds(reader: ByteReader): readonly NodeId[] {
  const ids: NodeId[] = []
  const count = reader.count(6, 'ids')
  for (let i = 0; i < count; i++) ids.push(reader.u48('id'))
  return ids
}

function decodeConf(data: Uint8Array): ConfState {
  const reader = new ByteReader(data)
  const conf = readConf(reader)
  reader.end('configuration')
  return conf
}
