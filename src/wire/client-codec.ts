// What clients say, as bytes. Batches that would not fit well in one frame are split when they are written; each part stands for itself.
import { unreachable } from '../core/invariant.ts'
import { readAdminRequest, readJoinRequest, writeAdminRequest, writeJoinRequest } from './admin-codec.ts'
import { fitsBatch, readBatchCount } from './batch.ts'
import { ByteReader, type ByteWriter, WireError } from './bytes.ts'
import type { ClientMessage, CommandItem, Commands, Consistency, Hello, Queries, QueryItem } from './client-messages.ts'
import type { FrameWriter } from './frame.ts'
import { bodyKinds } from './kinds.ts'

/** Positions are the numbers on the wire, for good. */
const consistencies = ['linearizable', 'stale', 'lease', 'atLeast'] as const satisfies readonly Consistency[]
/** Sequence number, length. */
const commandHeaderBytes = 10
/** Id, consistency, length; an index before the length where the consistency is `atLeast`. */
const queryHeaderBytes = 11
const queryHeaderBytesMax = 17

/** Writes `message` as a frame, or as several when it is a large batch; an empty batch is none. No item may exceed `itemBytesMax`. */
export function writeClientMessage(frames: FrameWriter, message: ClientMessage): void {
  switch (message.kind) {
    case 'Commands': {
      let position = 0
      while (position < message.items.length) position = writeCommands(frames, message, position)
      return
    }
    case 'Queries': {
      let position = 0
      while (position < message.items.length) position = writeQueries(frames, message, position)
      return
    }
    default: {
      writeSingle(frames.begin(), message)
      frames.end()
    }
  }
}

/**
 * The message in the body of a frame. Throws a `WireError` on anything that no client of ours would have written. Commands and queries are
 * views into `body`: whoever keeps one for longer than a turn copies it.
 */
export function decodeClientMessage(body: Uint8Array): ClientMessage {
  const reader = new ByteReader(body)
  const message = readClientMessage(reader, reader.u8('kind of a message'))
  reader.end(message.kind)
  return message
}

function writeCommands(frames: FrameWriter, { session, ackedBelow, items }: Commands, from: number): number {
  const body = frames.begin()
  body.u8(bodyKinds.Commands)
  body.u48(session)
  body.u48(ackedBelow)
  const countAt = body.skip(4)
  let position = from
  for (let item = items[position]; item !== undefined; item = items[++position]) {
    if (!fitsBatch(frames, position - from, commandHeaderBytes + item.command.length)) break
    body.u48(item.seq)
    body.bytes(item.command)
  }
  body.patchU32(countAt, position - from)
  frames.end()
  return position
}

function writeQueries(frames: FrameWriter, { items }: Queries, from: number): number {
  const body = frames.begin()
  body.u8(bodyKinds.Queries)
  const countAt = body.skip(4)
  let position = from
  for (let item = items[position]; item !== undefined; item = items[++position]) {
    if (!fitsBatch(frames, position - from, queryHeaderBytesMax + item.query.length)) break
    body.u48(item.requestId)
    body.u8(consistencies.indexOf(item.consistency))
    if (item.consistency === 'atLeast') body.u48(item.atLeast)
    body.bytes(item.query)
  }
  body.patchU32(countAt, position - from)
  frames.end()
  return position
}

function writeSingle(body: ByteWriter, message: Exclude<ClientMessage, Commands | Queries>): void {
  body.u8(bodyKinds[message.kind])
  switch (message.kind) {
    case 'Hello':
      body.text(message.clusterId)
      body.text(message.machine)
      body.u48(message.version)
      body.text(message.wire)
      break
    case 'OpenSession':
      body.u48(message.requestId)
      break
    case 'KeepAlive':
      body.u48(message.session)
      body.u48(message.ackedBelow)
      break
    case 'CloseSession':
      body.u48(message.session)
      break
    case 'StatusRequest':
      body.u48(message.requestId)
      body.u8(message.digest ? 1 : 0)
      break
    case 'AdminRequest':
      writeAdminRequest(body, message)
      break
    case 'JoinRequest':
      writeJoinRequest(body, message)
      break
    default:
      unreachable(message)
  }
}

function readClientMessage(reader: ByteReader, kind: number): ClientMessage {
  switch (kind) {
    case bodyKinds.Commands:
      return readCommands(reader)
    case bodyKinds.Queries:
      return readQueries(reader)
    case bodyKinds.Hello:
      return readHello(reader)
    case bodyKinds.OpenSession:
      return { kind: 'OpenSession', requestId: reader.u48('request id') }
    case bodyKinds.KeepAlive:
      return { kind: 'KeepAlive', session: reader.u48('session'), ackedBelow: reader.u48('acknowledgement') }
    case bodyKinds.CloseSession:
      return { kind: 'CloseSession', session: reader.u48('session') }
    case bodyKinds.StatusRequest:
      return { kind: 'StatusRequest', requestId: reader.u48('request id'), digest: reader.boolean('digest') }
    case bodyKinds.AdminRequest:
      return readAdminRequest(reader)
    case bodyKinds.JoinRequest:
      return readJoinRequest(reader)
    default:
      throw new WireError(`kind ${kind} is not one of a message from a client`)
  }
}

function readHello(reader: ByteReader): Hello {
  return {
    kind: 'Hello',
    clusterId: reader.text('cluster id'),
    machine: reader.text('name of the machine'),
    version: reader.u48('version of the machine'),
    wire: reader.text('hash of the wire format'),
  }
}

function readCommands(reader: ByteReader): Commands {
  const session = reader.u48('session')
  const ackedBelow = reader.u48('acknowledgement')
  const count = readBatchCount(reader, commandHeaderBytes, 'commands')
  const items: CommandItem[] = []
  let lastSeq = -1
  for (let i = 0; i < count; i++) {
    const seq = reader.u48('seq of a command')
    if (seq <= lastSeq) throw new WireError(`a command has seq ${seq}, the one before it ${lastSeq}`)
    lastSeq = seq
    items.push({ seq, command: reader.bytes('command') })
  }
  return { kind: 'Commands', session, ackedBelow, items }
}

function readQueries(reader: ByteReader): Queries {
  const count = readBatchCount(reader, queryHeaderBytes, 'queries')
  const items: QueryItem[] = []
  for (let i = 0; i < count; i++) {
    const requestId = reader.u48('request id')
    const consistency = consistencies[reader.u8('consistency')]
    if (consistency === undefined) throw new WireError(`query ${requestId} asks for an unknown consistency`)
    const atLeast = consistency === 'atLeast' ? reader.u48('least index of a query') : 0
    items.push({ requestId, consistency, atLeast, query: reader.bytes('query') })
  }
  return { kind: 'Queries', items }
}
