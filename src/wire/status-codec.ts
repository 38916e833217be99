// How a node says that it is, as bytes.
import type { Fence, NodeId } from '../core/types.ts'
import { type ByteReader, type ByteWriter, WireError } from './bytes.ts'
import type { DiskStatus, HaltedStatus, NodeStatus, SchemaStatus, StateDivergence } from './client-messages.ts'
import { readConf, writeConf } from './entry-codec.ts'
import { cutSentence, sentenceBytesMax } from './refused-codec.ts'

const roles = ['follower', 'preCandidate', 'candidate', 'leader'] as const satisfies readonly NodeStatus['role'][]

export function writeStatus(body: ByteWriter, status: NodeStatus): void {
  body.u48(status.nodeId)
  body.text(status.clusterId)
  body.u8(roles.indexOf(status.role))
  body.u48(status.term)
  // No node has id 0.
  body.u48(status.leader ?? 0)
  body.u48(status.commitIndex)
  body.u48(status.lastApplied)
  body.u48(status.firstIndex)
  body.u48(status.lastIndex)
  body.u48(status.snapshotIndex)
  writeConf(body, status.conf)
  body.u48(status.sessions)
  body.text(status.digest)
  writeFence(body, status.fence)
  writeDisk(body, status.disk)
  writeDivergence(body, status.divergence)
  writeHalted(body, status.halted)
  writeSchema(body, status.schema)
}

export function readStatus(reader: ByteReader): NodeStatus {
  const nodeId = reader.positive('server')
  const clusterId = reader.text('cluster id')
  const role = roles[reader.u8('role')]
  if (role === undefined) throw new WireError(`server ${nodeId} has an unknown role`)
  const term = reader.u48('term')
  const leader = reader.u48('leader')
  return {
    nodeId,
    clusterId,
    role,
    term,
    leader: leader === 0 ? undefined : leader,
    commitIndex: reader.u48('commit index'),
    lastApplied: reader.u48('applied index'),
    firstIndex: reader.u48('first index'),
    lastIndex: reader.u48('last index'),
    snapshotIndex: reader.u48('index of the snapshot'),
    conf: readConf(reader),
    sessions: reader.u48('sessions'),
    digest: reader.text('digest'),
    fence: readFence(reader),
    disk: readDisk(reader),
    divergence: readDivergence(reader),
    halted: readHalted(reader),
    schema: readSchema(reader),
  }
}

/** Whether there is one, then whether its floor is known, and which it is. */
function writeFence(body: ByteWriter, fence: Fence | undefined): void {
  body.u8(fence === undefined ? 0 : 1)
  if (fence === undefined) return
  body.u8(fence.floor === undefined ? 0 : 1)
  if (fence.floor === undefined) return
  body.u48(fence.floor.term)
  body.u48(fence.floor.index)
}

function readFence(reader: ByteReader): Fence | undefined {
  if (!reader.boolean('fence')) return undefined
  if (!reader.boolean('floor')) return { floor: undefined }
  return { floor: { term: reader.u48('term of the floor'), index: reader.u48('index of the floor') } }
}

function writeDisk(body: ByteWriter, { leftBytes, isFull, hungMs }: DiskStatus): void {
  body.u8(isFull ? 1 : 0)
  writeOptional(body, leftBytes)
  writeOptional(body, hungMs)
}

function readDisk(reader: ByteReader): DiskStatus {
  const isFull = reader.boolean('isFull')
  return { isFull, leftBytes: readOptional(reader, 'bytes left'), hungMs: readOptional(reader, 'duration of a write') }
}

const standings = ['sound', 'doubtful', 'fenced'] as const satisfies readonly StateDivergence['standing'][]

function writeDivergence(body: ByteWriter, divergence: StateDivergence | undefined): void {
  body.u8(divergence === undefined ? 0 : 1)
  if (divergence === undefined) return
  body.u8(standings.indexOf(divergence.standing))
  body.u48(divergence.checkedIndex)
  body.u32(divergence.others.length)
  for (const id of divergence.others) body.u48(id)
  writeOptional(body, divergence.index)
  body.u8(divergence.isFirst ? 1 : 0)
  body.u8(divergence.command === undefined ? 0 : 1)
  if (divergence.command !== undefined) body.text(divergence.command)
}

function readDivergence(reader: ByteReader): StateDivergence | undefined {
  if (!reader.boolean('divergence')) return undefined
  const standing = standings[reader.u8('standing')]
  if (standing === undefined) throw new WireError('a node has an unknown standing')
  const checkedIndex = reader.u48('index of a check')
  const others = Array.from({ length: reader.count(6, 'others') }, () => reader.u48('node'))
  const index = readOptional(reader, 'index of a difference')
  const isFirst = reader.boolean('isFirst')
  return { standing, checkedIndex, others, index, isFirst, command: reader.boolean('command') ? reader.text('command') : undefined }
}

function writeSchema(body: ByteWriter, { version, next, lacking, failed }: SchemaStatus): void {
  body.u16(version)
  body.u16(next ?? 0)
  body.u32(lacking.length)
  for (const id of lacking) body.u48(id)
  body.text(cutSentence(failed ?? ''))
}

function readSchema(reader: ByteReader): SchemaStatus {
  const version = reader.u16('schema version')
  const next = reader.u16('next schema version')
  const lacking: NodeId[] = []
  for (let left = reader.count(6, 'members without it'); left > 0; left--) lacking.push(reader.positive('member without it'))
  const failed = reader.text('why it has failed')
  return { version, next: next === 0 ? undefined : next, lacking, ...(failed === '' ? {} : { failed }) }
}

function writeHalted(body: ByteWriter, halted: HaltedStatus | undefined): void {
  body.u8(halted === undefined ? 0 : 1)
  if (halted === undefined) return
  body.u48(halted.index)
  body.text(halted.command)
  body.text(cutSentence(halted.message))
  body.u8(halted.isFatal ? 1 : 0)
}

function readHalted(reader: ByteReader): HaltedStatus | undefined {
  if (!reader.boolean('halted')) return undefined
  return {
    index: reader.positive('index where apply has halted'),
    command: reader.text('command'),
    message: reader.text('message', sentenceBytesMax),
    isFatal: reader.boolean('isFatal'),
  }
}

/** A whole number that is not negative, or none. */
function writeOptional(body: ByteWriter, value: number | undefined): void {
  body.u8(value === undefined ? 0 : 1)
  if (value !== undefined) body.u48(value)
}

const readOptional = (reader: ByteReader, what: string): number | undefined => (reader.boolean(what) ? reader.u48(what) : undefined)
