// What servers say to clients, as bytes. Batches of replies are split as batches of commands are. A reply too large for any frame is
// replaced by a refusal that says so: it must not take the connection, and the other calls on it, down.
import { unreachable } from '../core/invariant.ts'
import { readAdminReply, readJoinReply, writeAdminReply, writeJoinReply } from './admin-codec.ts'
import { fitsBatch, itemBytesMax, readBatchCount } from './batch.ts'
import { ByteReader, type ByteWriter, WireError } from './bytes.ts'
import type { Goodbye, LeaderHint, QueryReplies, QueryReplyItem, Replies, ReplyItem, ServerMessage, Welcome } from './client-messages.ts'
import { type FrameWriter, frame } from './frame.ts'
import { bodyKinds } from './kinds.ts'
import { cutSentence, readGoodbye, readRefused, sentenceBytesMax, writeGoodbye, writeRefused } from './refused-codec.ts'
import { readStatus, writeStatus } from './status-codec.ts'

const noReply = new Uint8Array(0)
/** Sequence number or id, index, whether refused, length. */
const itemHeaderBytes = 17

/** Writes `message` as a frame, or as several when it is a large batch; an empty batch is none. */
export function writeServerMessage(frames: FrameWriter, message: ServerMessage): void {
  switch (message.kind) {
    case 'Replies': {
      let position = 0
      while (position < message.items.length) position = writeReplies(frames, message, position)
      return
    }
    case 'QueryReplies': {
      let position = 0
      while (position < message.items.length) position = writeQueryReplies(frames, message, position)
      return
    }
    default: {
      writeSingle(frames.begin(), message)
      frames.end()
    }
  }
}

/** The message in the body of a frame. Throws a `WireError` on anything that no server of ours would have written. Replies are views into `body`. */
export function decodeServerMessage(body: Uint8Array): ServerMessage {
  const reader = new ByteReader(body)
  const message = readServerMessage(reader, reader.u8('kind of a message'))
  reader.end(message.kind)
  return message
}

/** A whole frame: the last one of a connection, to clients and to peers that are refused. */
export const goodbyeFrame = ({ code, message }: Pick<Goodbye, 'code' | 'message'>): Uint8Array =>
  frame((body) => writeSingle(body, { kind: 'Goodbye', code, message }))

function writeReplies(frames: FrameWriter, { session, items }: Replies, from: number): number {
  const body = frames.begin()
  body.u8(bodyKinds.Replies)
  body.u48(session)
  const countAt = body.skip(4)
  let position = from
  for (let item = items[position]; item !== undefined; item = items[++position]) {
    if (!fitsBatch(frames, position - from, itemBytes(item))) break
    body.u48(item.seq)
    body.u48(item.index)
    // Not TOO_LARGE: that would say the command had no effect, and it had.
    writeOutcome(body, item, 'REPLY_DROPPED')
    body.u8(item.failure === undefined ? 0 : 1)
    if (item.failure !== undefined) body.text(cutSentence(item.failure))
  }
  body.patchU32(countAt, position - from)
  frames.end()
  return position
}

function writeQueryReplies(frames: FrameWriter, { items }: QueryReplies, from: number): number {
  const body = frames.begin()
  body.u8(bodyKinds.QueryReplies)
  const countAt = body.skip(4)
  let position = from
  for (let item = items[position]; item !== undefined; item = items[++position]) {
    if (!fitsBatch(frames, position - from, itemBytes(item))) break
    body.u48(item.requestId)
    body.u48(item.index)
    writeOutcome(body, item, 'TOO_LARGE')
  }
  body.patchU32(countAt, position - from)
  frames.end()
  return position
}

type Outcome = Pick<ReplyItem, 'reply' | 'refused' | 'failure'>

/** An estimate for the refused, which are long only by accident. */
const itemBytes = ({ reply, refused, failure }: Outcome): number =>
  itemHeaderBytes +
  (failure === undefined ? 1 : 5 + sentenceBytesMax) +
  (refused === undefined && reply.length <= itemBytesMax ? reply.length : 64 + sentenceBytesMax)

function writeOutcome(body: ByteWriter, { reply, refused }: Outcome, oversize: 'TOO_LARGE' | 'REPLY_DROPPED'): void {
  const refusal =
    refused === undefined && reply.length > itemBytesMax
      ? { code: oversize, message: `the reply has ${reply.length} bytes, at most ${itemBytesMax} can be sent` }
      : refused
  writeRefused(body, refusal)
  if (refusal === undefined) body.bytes(reply)
}

function writeLeader(body: ByteWriter, leader: LeaderHint | undefined): void {
  body.u8(leader === undefined ? 0 : 1)
  if (leader === undefined) return
  body.u48(leader.id)
  body.text(leader.client)
}

function writeSingle(body: ByteWriter, message: Exclude<ServerMessage, Replies | QueryReplies>): void {
  body.u8(bodyKinds[message.kind])
  switch (message.kind) {
    case 'Welcome':
      writeWelcome(body, message)
      break
    case 'SessionOpened':
      body.u48(message.requestId)
      body.u48(message.session)
      writeRefused(body, message.refused)
      break
    case 'LeaderChanged':
      writeLeader(body, message.leader)
      break
    case 'StatusReply':
      body.u48(message.requestId)
      writeStatus(body, message.status)
      break
    case 'Goodbye':
      writeGoodbye(body, message)
      break
    case 'KeepAliveReply':
      body.u48(message.session)
      body.u8(message.alive ? 1 : 0)
      break
    case 'AdminReply':
      writeAdminReply(body, message)
      break
    case 'JoinReply':
      writeJoinReply(body, message)
      break
    default:
      unreachable(message)
  }
}

function writeWelcome(body: ByteWriter, welcome: Welcome): void {
  body.text(welcome.clusterId)
  body.u48(welcome.nodeId)
  writeLeader(body, welcome.leader)
  body.u32(welcome.servers.length)
  for (const server of welcome.servers) body.text(server)
  body.u48(welcome.commandBytesMax)
  body.u48(welcome.keepAliveMs)
  body.u16(welcome.version)
}

function readServerMessage(reader: ByteReader, kind: number): ServerMessage {
  switch (kind) {
    case bodyKinds.Replies:
      return readReplies(reader)
    case bodyKinds.QueryReplies:
      return readQueryReplies(reader)
    case bodyKinds.Welcome:
      return readWelcome(reader)
    case bodyKinds.SessionOpened: {
      const requestId = reader.u48('request id')
      return { kind: 'SessionOpened', requestId, session: reader.u48('session'), refused: readRefused(reader, 'UNAVAILABLE') }
    }
    case bodyKinds.LeaderChanged:
      return { kind: 'LeaderChanged', leader: readLeader(reader) }
    case bodyKinds.StatusReply:
      return { kind: 'StatusReply', requestId: reader.u48('request id'), status: readStatus(reader) }
    case bodyKinds.Goodbye:
      return readGoodbye(reader)
    case bodyKinds.KeepAliveReply:
      return { kind: 'KeepAliveReply', session: reader.u48('session'), alive: reader.boolean('alive') }
    case bodyKinds.AdminReply:
      return readAdminReply(reader)
    case bodyKinds.JoinReply:
      return readJoinReply(reader)
    default:
      throw new WireError(`kind ${kind} is not one of a message from a server`)
  }
}

function readReplies(reader: ByteReader): Replies {
  const session = reader.u48('session')
  const count = readBatchCount(reader, itemHeaderBytes, 'replies')
  const items: ReplyItem[] = []
  for (let i = 0; i < count; i++) {
    const seq = reader.u48('seq of a reply')
    const index = reader.u48('index of a reply')
    // Nothing is known of the command then.
    const refused = readRefused(reader, 'OUTCOME_UNKNOWN')
    const reply = refused === undefined ? reader.bytes('reply') : noReply
    const failure = reader.boolean('failure') ? reader.text('failure', sentenceBytesMax) : undefined
    items.push({ seq, index, reply, refused, ...(failure === undefined ? {} : { failure }) })
  }
  return { kind: 'Replies', session, items }
}

function readQueryReplies(reader: ByteReader): QueryReplies {
  const count = readBatchCount(reader, itemHeaderBytes, 'replies')
  const items: QueryReplyItem[] = []
  for (let i = 0; i < count; i++) {
    const requestId = reader.u48('request id')
    const index = reader.u48('index of a reply')
    const refused = readRefused(reader, 'UNAVAILABLE')
    items.push({ requestId, index, reply: refused === undefined ? reader.bytes('reply') : noReply, refused })
  }
  return { kind: 'QueryReplies', items }
}

function readLeader(reader: ByteReader): LeaderHint | undefined {
  if (!reader.boolean('leader')) return undefined
  return { id: reader.positive('leader'), client: reader.text('address of the leader') }
}

function readWelcome(reader: ByteReader): Welcome {
  const clusterId = reader.text('cluster id')
  const nodeId = reader.positive('server')
  const leader = readLeader(reader)
  const count = readBatchCount(reader, 4, 'servers')
  const servers: string[] = []
  for (let i = 0; i < count; i++) servers.push(reader.text('address of a server'))
  return {
    kind: 'Welcome',
    clusterId,
    nodeId,
    leader,
    servers,
    commandBytesMax: reader.u48('limit of a command'),
    keepAliveMs: reader.u48('interval of keep-alives'),
    version: reader.u16('schema version'),
  }
}
