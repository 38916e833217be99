// The records beside the blocks: what a log belongs to, what precedes its first entry, and term, vote and end of the log. Each is sealed
// with a checksum over key and value, and begins with the number of its format.
import type { ConfState, EntryId, HardState, LogBase } from '../core/types.ts'
import type { Identity } from '../ports/log.ts'
import { ByteReader, ByteWriter, WireError } from '../wire/bytes.ts'
import { encodeConf, readConf } from '../wire/entry-codec.ts'
import { checksum, seal, unseal } from './checksum.ts'

const recordPrefix = 0x01
const blockPrefix = 0x02
const salvagePrefix = 0x03
const recordFormat = 1
/** 2 has a longer configuration. */
const baseFormat = 2

const recordKey = (name: string): Buffer => Buffer.concat([Buffer.of(recordPrefix), Buffer.from(name)])

/** Before every key, and after every key. */
export const firstKey: Uint8Array = Buffer.of(0x00)
export const lastKey: Uint8Array = Buffer.of(0xff)
export const baseKey = recordKey('base')
export const hardStateKey = recordKey('hardState')
export const identityKey = recordKey('identity')
export const appliedKey = recordKey('applied')

/** Fixed width, big-endian: the order of keys is the order of indexes. */
export const blockKey = (firstIndex: number): Uint8Array => indexKey(blockPrefix, firstIndex)
/** Of a block from behind a hole, put aside until the log is whole again. */
export const salvageKey = (firstIndex: number): Uint8Array => indexKey(salvagePrefix, firstIndex)

/** Index of the first entry of the block under `key`, or `undefined` for another kind of key. */
export const readBlockKey = (key: Uint8Array): number | undefined => readIndexKey(blockPrefix, key)
export const readSalvageKey = (key: Uint8Array): number | undefined => readIndexKey(salvagePrefix, key)

function indexKey(prefix: number, firstIndex: number): Uint8Array {
  const key = Buffer.allocUnsafe(7)
  key[0] = prefix
  key.writeUIntBE(firstIndex, 1, 6)
  return key
}

function readIndexKey(prefix: number, key: Uint8Array): number | undefined {
  if (key.length !== 7 || key[0] !== prefix) return undefined
  return Buffer.from(key.buffer, key.byteOffset, key.length).readUIntBE(1, 6)
}

/** The base and the chain value that the first entry's chain goes on from. */
export interface BaseRecord extends LogBase {
  readonly chain: number
}

/** The chain before entry 1: another one in each cluster, so that entries of two clusters are never taken for one log. */
export const genesisChain = (clusterId: string): number => checksum(Buffer.from(clusterId))

/**
 * The chain that a log begins with when a snapshot takes its place: what came before is gone, so there is nothing to go on from. Made of
 * the cluster's id and of the entry where the snapshot ends, so that entries written after one snapshot are never taken for those after
 * another.
 */
export function resetChain(clusterId: string, { term, index }: EntryId): number {
  const writer = new ByteWriter(16)
  writer.u48(index)
  writer.u48(term)
  return checksum(writer.view(), genesisChain(clusterId))
}

export function encodeBase(base: BaseRecord): Uint8Array {
  const writer = new ByteWriter(256)
  writer.u8(baseFormat)
  writer.u48(base.id.index)
  writer.u48(base.id.term)
  writer.u32(base.chain)
  writer.raw(encodeConf(base.conf))
  return seal(writer, baseKey)
}

export function decodeBase(value: Uint8Array): BaseRecord {
  const what = 'the base record'
  const reader = new ByteReader(unseal(value, baseKey, what))
  const format = reader.u8('format')
  if (format < 1 || format > baseFormat) throw wrongFormat(what, format, baseFormat)
  const index = reader.u48('index of the base')
  const term = reader.u48('term of the base')
  const chain = reader.u32('chain of the base')
  const conf = format === 1 ? readFirstConf(reader) : readConf(reader)
  reader.end(what)
  return { id: { term, index }, chain, conf }
}

/** Of format 1: nobody was joining or removed, and there were no leases. */
function readFirstConf(reader: ByteReader): ConfState {
  const lengthened = new ByteReader(Buffer.concat([reader.raw(reader.remaining, 'configuration'), Buffer.alloc(12)]))
  const conf = readConf(lengthened)
  lengthened.end('configuration')
  return conf
}

/**
 * Term and vote, and what they were written with: the end of the log after that write. A tail that is lost while this record survives is
 * found by it.
 */
export interface HardStateRecord extends HardState {
  /** Writes since bootstrap, this one included. Never falls, across restarts too. */
  readonly writes: number
  readonly lastIndex: number
  readonly lastTerm: number
  readonly lastChain: number
}

export function encodeHardState(record: HardStateRecord): Uint8Array {
  const writer = new ByteWriter(64)
  writer.u8(recordFormat)
  writer.u48(record.writes)
  writer.u48(record.term)
  writer.u48(record.votedFor ?? 0)
  writer.u48(record.lastIndex)
  writer.u48(record.lastTerm)
  writer.u32(record.lastChain)
  return seal(writer, hardStateKey)
}

export function decodeHardState(value: Uint8Array): HardStateRecord {
  const reader = open(value, hardStateKey, 'the hard state record')
  const writes = reader.u48('writes')
  const term = reader.u48('term')
  const votedFor = reader.u48('vote') || undefined
  const lastIndex = reader.u48('last index')
  const lastTerm = reader.u48('last term')
  const lastChain = reader.u32('last chain')
  reader.end('the hard state record')
  return { writes, term, votedFor, lastIndex, lastTerm, lastChain }
}

export function encodeIdentity(identity: Identity): Uint8Array {
  const writer = new ByteWriter(64)
  writer.u8(recordFormat)
  writer.text(identity.clusterId)
  writer.u48(identity.nodeId)
  writer.u48(identity.incarnation)
  return seal(writer, identityKey)
}

export function decodeIdentity(value: Uint8Array): Identity {
  const reader = open(value, identityKey, 'the identity record')
  const clusterId = reader.text('cluster id')
  const nodeId = reader.u48('node id')
  const incarnation = reader.u48('incarnation')
  reader.end('the identity record')
  return { clusterId, nodeId, incarnation }
}

/** How much of the journal is in the database. */
export interface AppliedRecord {
  /** Of the last record of the journal that is, 0 for none. */
  readonly sequence: number
  /** The log was closed in order, and nothing was promised since: what is promised is here and in the high water, and no journal is needed. */
  readonly isClean: boolean
}

export function encodeApplied({ sequence, isClean }: AppliedRecord): Uint8Array {
  const writer = new ByteWriter(16)
  writer.u8(recordFormat)
  writer.u48(sequence)
  writer.u8(isClean ? 1 : 0)
  return seal(writer, appliedKey)
}

export function decodeApplied(value: Uint8Array): AppliedRecord {
  const reader = open(value, appliedKey, 'the applied record')
  const sequence = reader.u48('sequence')
  const isClean = reader.boolean('whether it was closed in order')
  reader.end('the applied record')
  return { sequence, isClean }
}

function open(value: Uint8Array, key: Uint8Array, what: string): ByteReader {
  const reader = new ByteReader(unseal(value, key, what))
  const format = reader.u8('format')
  if (format !== recordFormat) throw wrongFormat(what, format, recordFormat)
  return reader
}

const wrongFormat = (what: string, format: number, known: number): WireError =>
  new WireError(`${what} has format ${format}, this version reads ${known}`)
