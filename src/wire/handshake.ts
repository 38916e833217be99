// How a connection opens, on both ports. Every byte here is for good: a newer release must be able to tell an older one, and a stranger, apart.
//
//   dialler   'RGEN'  role  versionMin  versionMax  0          8 bytes, at once, followed by its first frame (PeerHello or Hello)
//   listener  'RGEN'  role  versionMin  versionMax  version    8 bytes, followed by PeerWelcome or Welcome
//                                                   0          refused: a Goodbye follows, then the end
//
// `role` is 'P' on the port of peers and for a server that dials, 'C' on the port of clients and for a client. `version` is the highest that
// both know. A byte of 'RGEN' that is wrong means another protocol (HTTP, TLS): such a connection is closed on that byte, without an answer.
// After these eight bytes both directions carry frames.
import type { NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import { ByteReader, type ByteWriter, WireError } from './bytes.ts'
import { bodyKinds } from './kinds.ts'

/** Versions of this protocol that this release speaks. */
export const protocol = { min: 1, max: 1 } as const
export const preambleBytes = 8
const diskIdBytes = 16
export type Role = 'peer' | 'client'

export interface Preamble {
  readonly role: Role
  readonly min: number
  readonly max: number
  /** What the listener chose; `undefined` from a dialler, and from a listener that refuses. */
  readonly version: number | undefined
}

/** First bytes that are not ours: no node, no client, most likely another protocol. */
export class ForeignError extends WireError {}

const magic = Buffer.from('RGEN')
const roleBytes = { peer: 0x50, client: 0x43 } as const satisfies Record<Role, number>

/** Of a dialler, or, with a `version`, of a listener that accepts. */
export const encodePreamble = ({ role, version }: { readonly role: Role; readonly version?: number }): Uint8Array =>
  Uint8Array.of(...magic, roleBytes[role], protocol.min, protocol.max, version ?? 0)

/** The highest version that both sides speak, or none. */
export function chooseVersion({ min, max }: Preamble): number | undefined {
  const highest = Math.min(max, protocol.max)
  return highest >= Math.max(min, protocol.min) ? highest : undefined
}

/** Collects the first eight bytes of a connection, and gives strangers away at the first wrong one. */
export class PreambleReader {
  readonly #bytes = Buffer.alloc(preambleBytes)
  #length = 0

  /** The preamble, once it is complete, and what follows it in `chunk`. Throws a `ForeignError`, or a `WireError`. */
  push(chunk: Buffer): { readonly preamble: Preamble; readonly rest: Buffer } | undefined {
    const copied = chunk.copy(this.#bytes, this.#length)
    this.#length += copied
    checkMagic(this.#bytes.subarray(0, this.#length))
    return this.#length < preambleBytes ? undefined : { preamble: decodePreamble(this.#bytes), rest: chunk.subarray(copied) }
  }
}

function checkMagic(bytes: Buffer): void {
  const length = Math.min(bytes.length, magic.length)
  if (magic.compare(bytes, 0, length, 0, length) === 0) return
  throw new ForeignError(`a connection opens with ${JSON.stringify(bytes.toString('latin1', 0, length))}, not with "RGEN"`)
}

function decodePreamble(bytes: Buffer): Preamble {
  const reader = new ByteReader(bytes.subarray(magic.length))
  const byte = reader.u8('role')
  const role = byte === roleBytes.peer ? 'peer' : byte === roleBytes.client ? 'client' : undefined
  if (role === undefined) throw new WireError(`a connection opens with an unknown role, ${byte}`)
  const min = reader.u8('lowest version')
  const max = reader.u8('highest version')
  if (min === 0 || min > max) throw new WireError(`a connection opens with versions ${min} to ${max}`)
  const version = reader.u8('version')
  return { role, min, max, version: version === 0 ? undefined : version }
}

/** First frame of a server that dials another. */
export interface PeerHello {
  readonly clusterId: string
  readonly from: NodeId
  /** Of the sender. */
  readonly incarnation: number
  /** Whom the sender believes to reach. */
  readonly to: NodeId
  readonly machine: string
  /** The newest that it knows of its schema. */
  readonly version: number
  /** Hash of the wire format of that version. */
  readonly wire: string
  /** Drawn anew by each process: tells a restart from a reconnect. Eight bytes, in hex. */
  readonly bootNonce: string
  /** `host:port` where the sender takes connections of peers, as far as it knows: who does not know it, or better, answers there. */
  readonly peer: string
  /** Of the sender's disk, sixteen bytes in hex; none when it keeps its log elsewhere. */
  readonly diskId: string | undefined
}

/** The answer of a server that accepts. Where the dialler does not, it says so with a Goodbye. */
export interface PeerWelcome {
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly incarnation: number
  readonly diskId: string | undefined
}

/** Why a peer is refused: the code and the sentence of the `Goodbye` that it gets. */
export interface PeerRefusal {
  readonly code: ErrorCode
  readonly message: string
}

export function writePeerHello(writer: ByteWriter, hello: PeerHello): void {
  writer.u8(bodyKinds.PeerHello)
  writer.text(hello.clusterId)
  writer.u48(hello.from)
  writer.u48(hello.incarnation)
  writer.u48(hello.to)
  writer.text(hello.machine)
  writer.u16(hello.version)
  writer.text(hello.wire)
  writer.raw(Buffer.from(hello.bootNonce, 'hex'))
  writer.text(hello.peer)
  writeDiskId(writer, hello.diskId)
}

export function decodePeerHello(body: Uint8Array): PeerHello {
  const reader = new ByteReader(body)
  const kind = reader.u8('kind of a message')
  if (kind !== bodyKinds.PeerHello) throw new WireError(`a peer opens with kind ${kind}, not with PeerHello`)
  const hello = {
    clusterId: reader.text('cluster id'),
    from: reader.positive('sender'),
    incarnation: reader.positive('incarnation'),
    to: reader.positive('receiver'),
    machine: reader.text('name of the machine'),
    version: reader.u16('schema version'),
    wire: reader.text('hash of the wire format'),
    bootNonce: Buffer.from(reader.raw(8, 'boot nonce')).toString('hex'),
    peer: reader.text('address of the sender'),
    diskId: readDiskId(reader),
  }
  reader.end('PeerHello')
  return hello
}

export function writePeerWelcome(writer: ByteWriter, welcome: PeerWelcome): void {
  writer.u8(bodyKinds.PeerWelcome)
  writer.text(welcome.clusterId)
  writer.u48(welcome.nodeId)
  writer.u48(welcome.incarnation)
  writeDiskId(writer, welcome.diskId)
}

export function decodePeerWelcome(body: Uint8Array): PeerWelcome {
  const reader = new ByteReader(body)
  const kind = reader.u8('kind of a message')
  if (kind !== bodyKinds.PeerWelcome) throw new WireError(`a peer answers with kind ${kind}, not with PeerWelcome`)
  const welcome = {
    clusterId: reader.text('cluster id'),
    nodeId: reader.positive('server'),
    incarnation: reader.positive('incarnation'),
    diskId: readDiskId(reader),
  }
  reader.end('PeerWelcome')
  return welcome
}

/** Its length, 16 or 0, then so many bytes. */
function writeDiskId(writer: ByteWriter, diskId = ''): void {
  const bytes = Buffer.from(diskId, 'hex')
  writer.u8(bytes.length)
  writer.raw(bytes)
}

function readDiskId(reader: ByteReader): string | undefined {
  const length = reader.u8('length of a disk id')
  if (length === 0) return undefined
  if (length !== diskIdBytes) throw new WireError(`a disk id has ${length} bytes, not ${diskIdBytes}`)
  return Buffer.from(reader.raw(length, 'disk id')).toString('hex')
}

/** Asks the other side of a connection between peers for a sign of life. */
export function writePing(writer: ByteWriter): void {
  writer.u8(bodyKinds.Ping)
}

/** Sign of life of the accepting side: how many bytes of this connection it has read so far. */
export function writePong(writer: ByteWriter, receivedBytes: number): void {
  writer.u8(bodyKinds.Pong)
  writer.u48(receivedBytes)
}

export function decodePong(body: Uint8Array): { readonly receivedBytes: number } {
  const reader = new ByteReader(body)
  const kind = reader.u8('kind of a message')
  if (kind !== bodyKinds.Pong) throw new WireError(`a peer answers with kind ${kind}, not with Pong`)
  const pong = { receivedBytes: reader.u48('received bytes') }
  reader.end('Pong')
  return pong
}

export const isPing = (body: Uint8Array): boolean => body.length === 1 && body[0] === bodyKinds.Ping
