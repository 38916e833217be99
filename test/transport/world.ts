// What the tests of this folder share: conditions to wait for, raw sockets, small clusters. Everything it opens is closed by `closeAll`.
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import type { Member, NodeId, PeerMessage } from '../../src/core/types.ts'
import { parseAddress } from '../../src/transport/address.ts'
import { type Membership, nothingCommitted } from '../../src/transport/membership.ts'
import { PeerTransport, type PeerTransportOptions } from '../../src/transport/peer-transport.ts'
import type { PeerTiming } from '../../src/transport/timing.ts'
import { FrameReader, frame } from '../../src/wire/frame.ts'
import {
  encodePreamble,
  type PeerHello,
  type PeerWelcome,
  PreambleReader,
  writePeerHello,
  writePeerWelcome,
} from '../../src/wire/handshake.ts'

const closers: (() => Promise<unknown> | unknown)[] = []
export const closeLater = (close: () => Promise<unknown> | unknown): void => void closers.push(close)
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

/** Waits for a condition, not for time. */
export async function until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const start = performance.now()
  while (!condition()) {
    if (performance.now() - start > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Finds a peer again fast, and waits for one that is slow because this machine is. */
const patient: Partial<PeerTiming> = { pingMs: 20, redialMinMs: 2, redialMaxMs: 20, admittedQuietMs: 0 }

/** Short, so that silence is found out within a test. */
export const quick: Partial<PeerTiming> = {
  pingMs: 20,
  pongTimeoutMs: 150,
  handshakeTimeoutMs: 200,
  idleTimeoutMs: 400,
  redialMinMs: 2,
  redialMaxMs: 20,
  admittedQuietMs: 0,
}

export const clusterId = 'c1'
export const machine = { name: 'locks', versions: [{ version: 1, wire: '0123456789abcdef' }] }
export const heartbeat = (from: NodeId, to: NodeId, round: number): PeerMessage => ({
  kind: 'Heartbeat',
  from,
  to,
  term: 1,
  commitIndex: 0,
  round,
})
/** About `bytes` on the wire. */
export const large = (from: NodeId, to: NodeId, bytes: number): PeerMessage => ({
  kind: 'AppendEntries',
  from,
  to,
  term: 1,
  prev: { term: 0, index: 0 },
  entries: [{ term: 1, index: 1, kind: 'command', data: new Uint8Array(bytes), conf: undefined }],
  commitIndex: 0,
})
export const member = (id: NodeId, peer: string, incarnation = 1): Member => ({ id, incarnation, peer, client: '127.0.0.1:1' })

export interface Peer {
  readonly id: NodeId
  readonly transport: PeerTransport
  readonly received: PeerMessage[]
  readonly unreachable: NodeId[]
  /** Ids and incarnations of peers whose process has ended. */
  readonly down: (readonly [NodeId, number])[]
  /** Why it must not go on. */
  readonly failures: string[]
  /** What it was told when it was removed. */
  readonly removed: string[]
  readonly errors: string[]
  /** Of the heartbeats received. */
  rounds(): number[]
  /** Its newest configuration is another one. */
  setMembers(members: readonly Member[], committed?: Membership['committed']): void
}

/** A node's transport on a free port; it records what it reports. */
export async function listen(id: NodeId, options: Partial<PeerTransportOptions> = {}): Promise<Peer> {
  const received: PeerMessage[] = []
  const unreachable: NodeId[] = []
  const down: (readonly [NodeId, number])[] = []
  const removed: string[] = []
  const failures: string[] = []
  const errors: string[] = []
  const transport = await PeerTransport.listen({
    address: '127.0.0.1:0',
    self: { clusterId, nodeId: id, incarnation: 1 },
    machine,
    members: [],
    events: {
      receive: (message) => void received.push(message),
      unreachable: (peer) => void unreachable.push(peer),
      peerDown: (peer, incarnation) => void down.push([peer, incarnation]),
      removed: (message) => void removed.push(message),
      failed: (error) => void failures.push(error.message),
    },
    onError: (error) => void errors.push(error.message),
    timing: patient,
    ...options,
  })
  closeLater(() => transport.close())
  const rounds = (): number[] => received.flatMap((message) => (message.kind === 'Heartbeat' ? [message.round] : []))
  const setMembers: Peer['setMembers'] = (newest, committed = nothingCommitted) => transport.setConf({ members: newest, committed })
  return { id, transport, received, unreachable, down, removed, failures, errors, rounds, setMembers }
}

/** Nodes 1 to `count`, each knowing all. */
export async function cluster(count: number, options: Partial<PeerTransportOptions> = {}): Promise<readonly Peer[]> {
  const peers = await Promise.all(Array.from({ length: count }, (_, i) => listen(i + 1, options)))
  const members = peers.map(({ id, transport }) => member(id, transport.address))
  for (const peer of peers) peer.setMembers(members)
  return peers
}

/** A socket without manners: it says what a test tells it to, and remembers what it hears. */
export class RawSocket {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  isClosed = false
  isEnded = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => void this.#chunks.push(chunk))
    socket.on('end', () => {
      this.isEnded = true
    })
    socket.on('close', () => {
      this.isClosed = true
    })
    socket.on('error', () => {})
    closeLater(() => socket.destroy())
  }

  static dial(address: string): RawSocket {
    return new RawSocket(netConnect(parseAddress(address)))
  }

  /** The greatest waste of a listener's time. */
  write(bytes: Uint8Array | string): this {
    this.socket.write(bytes)
    return this
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** The bodies of all frames heard, after the preamble. */
  get bodies(): Buffer[] {
    const rest = new PreambleReader().push(this.bytes)?.rest
    const reader = new FrameReader()
    reader.push(rest ?? Buffer.alloc(0))
    const bodies: Buffer[] = []
    for (let body = reader.next(); body !== undefined; body = reader.next()) bodies.push(body)
    return bodies
  }
}

/** A listener without manners. */
export async function rawServer(
  onSocket: (socket: RawSocket) => void,
): Promise<{ readonly address: string; readonly sockets: RawSocket[]; readonly server: Server }> {
  const sockets: RawSocket[] = []
  const server = createServer((socket) => {
    const raw = new RawSocket(socket)
    sockets.push(raw)
    onSocket(raw)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeLater(() => new Promise((resolve) => server.close(resolve)))
  const bound = server.address()
  return { address: `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`, sockets, server }
}

/** What node `from` would say first to node `to`. */
export function greeting(changes: Partial<PeerHello> = {}): Buffer {
  const hello = {
    clusterId,
    from: 2,
    incarnation: 1,
    to: 1,
    machine: machine.name,
    version: 1,
    wire: '0123456789abcdef',
    bootNonce: '0011223344556677',
    peer: '127.0.0.1:1',
    diskId: undefined,
    ...changes,
  }
  return Buffer.concat([encodePreamble({ role: 'peer' }), frame((writer) => writePeerHello(writer, hello))])
}

/** What node `nodeId` would answer. */
export const welcome = (nodeId: NodeId, changes: Partial<PeerWelcome> = {}): Buffer =>
  Buffer.concat([
    encodePreamble({ role: 'peer', version: 1 }),
    frame((writer) => writePeerWelcome(writer, { clusterId, nodeId, incarnation: 1, diskId: undefined, ...changes })),
  ])
