// The connections that peers dial to this node: what arrives here is delivered. At most one for each member and each guest, and a bounded
// number of those that have not said yet who they are.
import type { Socket } from 'node:net'
import type { Ms, NodeId, PeerMessage } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { WireError } from '../wire/bytes.ts'
import { frame } from '../wire/frame.ts'
import {
  chooseVersion,
  decodePeerHello,
  encodePreamble,
  ForeignError,
  isPing,
  type PeerHello,
  type PeerRefusal,
  type Preamble,
  writePeerWelcome,
  writePong,
} from '../wire/handshake.ts'
import { decodeMessage } from '../wire/peer-codec.ts'
import { bodyKinds } from '../wire/kinds.ts'
import { decodeServerMessage, goodbyeFrame } from '../wire/server-codec.ts'
import { Channel } from './channel.ts'
import { checkPreamble, type PeerIdentity } from './peer-identity.ts'
import type { PeerTiming } from './timing.ts'

/** Connections under handshake. Beyond it the oldest goes: a peer is through in a moment, a flood of strangers never is. */
const handshakesMax = 256
/** Signs of life that a peer does not read, bytes. Beyond it the connection is cut. */
const pongBytesMax = 65_536
/** Of a frame under way, a second: a link that is slower is taken for none. */
const frameBytesPerSecond = 8 * 1_024

export interface IncomingPeersOptions {
  readonly identity: PeerIdentity
  readonly timing: PeerTiming
  readonly events: IncomingPeersEvents
  /** Why who says this would not be let in. */
  readonly check: (hello: PeerHello) => PeerRefusal | undefined
  /** Calls `then` once the disk of who says this will not be forgotten; perhaps never. */
  readonly remember: (hello: PeerHello, then: () => void) => void
  /** Why who says this is not let in, or not any more. Asked of those that are in whenever the members have changed. */
  readonly admit: (hello: PeerHello) => PeerRefusal | undefined
}
export interface IncomingPeersEvents {
  receive(message: PeerMessage): void
  /** Who says this has connected: it is alive. */
  arrived(hello: PeerHello): void
  /** Who said `hello` was let in, and does not take this node for the one that it dialled. */
  turnedAway(hello: PeerHello, why: PeerRefusal): void
  /** The connection of `peer` has closed, and not by us. */
  left(peer: NodeId): void
  foreign(): void
  malformed(): void
  refused(): void
  failed(error: RaftgenError): void
}

interface Incoming {
  readonly channel: Channel
  readonly since: Ms
  preamble: Preamble | undefined
  /** It has said who it is, and waits for its answer. */
  isWaiting: boolean
  /** Once the handshake is done. */
  hello: PeerHello | undefined
  /** What the last pong said. */
  pongedBytes: number
}

export class IncomingPeers {
  readonly #options: IncomingPeersOptions
  /** Oldest first. */
  readonly #handshakes = new Set<Incoming>()
  readonly #peers = new Map<NodeId, Incoming>()

  constructor(options: IncomingPeersOptions) {
    this.#options = options
  }

  accept(socket: Socket): void {
    const channel: Channel = new Channel(socket, {
      preamble: (preamble) => this.#onPreamble(incoming, preamble),
      frame: (body) => this.#onFrame(incoming, body),
      malformed: (error) => this.#onMalformed(incoming, error),
      closed: () => this.#onClosed(incoming),
    })
    const incoming: Incoming = {
      channel,
      since: performance.now(),
      preamble: undefined,
      isWaiting: false,
      hello: undefined,
      pongedBytes: 0,
    }
    this.#handshakes.add(incoming)
    if (this.#handshakes.size <= handshakesMax) return
    for (const oldest of this.#handshakes) {
      this.#handshakes.delete(oldest)
      oldest.channel.destroy()
      return
    }
  }

  /** Where `peer` says that it listens, if it is connected. */
  addressOf(peer: NodeId): string | undefined {
    return this.#peers.get(peer)?.hello?.peer
  }

  /** Cuts connections that are late, silent or have lost their place; tells the others how far they were read, so that a slow link is not taken for a dead one. */
  sweep(now: Ms): void {
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#options.timing
    for (const incoming of this.#handshakes) {
      if (now - incoming.since <= handshakeTimeoutMs) break
      this.#handshakes.delete(incoming)
      incoming.channel.destroy()
    }
    for (const incoming of this.#peers.values()) {
      const late = this.#lateFrame(incoming.channel, now)
      if (late !== undefined) {
        this.#onMalformed(incoming, late)
        incoming.channel.destroy()
      } else if (now - incoming.channel.heardAt > idleTimeoutMs) incoming.channel.destroy()
      else if (incoming.channel.receivedBytes > incoming.pongedBytes) this.#pong(incoming)
    }
  }

  /** A damaged length is found out by nothing else: bytes keep coming, and no frame ever ends. To the peer all seems well, since it is told how far it was read. */
  #lateFrame({ partial }: Channel, now: Ms): WireError | undefined {
    if (partial === undefined) return undefined
    const ms = now - partial.since
    const isLate = ms > this.#options.timing.frameTimeoutMs && partial.bytes < (ms / 1_000) * frameBytesPerSecond
    return isLate
      ? new WireError(`a frame has begun ${Math.round(ms)} ms ago and is not whole: ${partial.bytes} bytes of it have come`)
      : undefined
  }

  /** The members have changed: tells those that may not stay any more why, and closes their connections. */
  recheck(): void {
    for (const { channel, hello } of this.#peers.values()) {
      const refusal = hello === undefined ? undefined : this.#options.admit(hello)
      if (hello === undefined || refusal === undefined) continue
      this.#peers.delete(hello.from)
      channel.end(goodbyeFrame(refusal))
    }
  }

  close(): void {
    for (const { channel } of this.#handshakes) channel.destroy()
    for (const { channel } of this.#peers.values()) channel.destroy()
  }

  #onPreamble(incoming: Incoming, preamble: Preamble): void {
    const refusal = checkPreamble(preamble, 'peer', `node ${this.#options.identity.self.nodeId}`)
    incoming.preamble = preamble
    if (refusal !== undefined) this.#refuse(incoming, refusal)
  }

  #onFrame(incoming: Incoming, body: Buffer): void {
    const { channel, hello } = incoming
    if (hello === undefined) {
      this.#onHello(incoming, body)
      return
    }
    if (isPing(body)) {
      this.#pong(incoming)
      return
    }
    if (body[0] === bodyKinds.Goodbye) {
      this.#onGoodbye(incoming, hello, body)
      return
    }
    const message = channel.decode(body, (bytes) => this.#decode(bytes, hello.from))
    if (message !== undefined) this.#options.events.receive(message)
  }

  /** Identity comes from the handshake: a message that claims another is a lie or a bug. */
  #decode(body: Uint8Array, peer: NodeId): PeerMessage {
    const message = decodeMessage(body)
    const { nodeId } = this.#options.identity.self
    if (message.from !== peer) throw new WireError(`node ${peer} sent a ${message.kind} in the name of node ${message.from}`)
    if (message.to !== nodeId) throw new WireError(`node ${peer} sent node ${nodeId} a ${message.kind} for node ${message.to}`)
    return message
  }

  #onHello(incoming: Incoming, body: Buffer): void {
    const { channel, preamble } = incoming
    const { check, remember } = this.#options
    if (incoming.isWaiting) {
      this.#onMalformed(incoming, new WireError('it sent more before it had an answer'))
      channel.destroy()
      return
    }
    const hello = channel.decode(body, decodePeerHello)
    const version = preamble === undefined ? undefined : chooseVersion(preamble)
    if (hello === undefined || version === undefined) return
    const refusal = check(hello)
    if (refusal !== undefined) {
      this.#refuse(incoming, refusal)
      return
    }
    incoming.isWaiting = true
    remember(hello, () => {
      if (channel.isOpen) this.#take(incoming, hello, version)
    })
  }

  #take(incoming: Incoming, hello: PeerHello, version: number): void {
    const { channel } = incoming
    const { identity, admit, events } = this.#options
    // The members may have changed meanwhile.
    const refusal = admit(hello)
    if (refusal !== undefined) {
      this.#refuse(incoming, refusal)
      return
    }
    this.#handshakes.delete(incoming)
    // A peer that dials anew has given up its former connection, whether or not that is known here.
    this.#peers.get(hello.from)?.channel.destroy()
    this.#peers.set(hello.from, incoming)
    incoming.hello = hello
    const { clusterId, nodeId, incarnation, diskId } = identity.self
    const welcome = { clusterId, nodeId, incarnation, diskId }
    channel.write(Buffer.concat([encodePreamble({ role: 'peer', version }), frame((writer) => writePeerWelcome(writer, welcome))]))
    events.arrived(hello)
  }

  /** The last word of one that dialled. */
  #onGoodbye({ channel }: Incoming, hello: PeerHello, body: Buffer): void {
    const goodbye = channel.decode(body, decodeServerMessage)
    if (goodbye?.kind !== 'Goodbye') return
    const { code, message } = goodbye
    const { events } = this.#options
    events.refused()
    events.failed(new RaftgenError(code, `node ${hello.from} at ${hello.peer} refuses this node: ${message}`))
    channel.destroy()
    events.turnedAway(hello, { code, message })
  }

  #pong(incoming: Incoming): void {
    if (incoming.channel.pendingBytes > pongBytesMax) {
      incoming.channel.destroy()
      return
    }
    incoming.pongedBytes = incoming.channel.receivedBytes
    incoming.channel.write(frame((writer) => writePong(writer, incoming.pongedBytes)))
  }

  #refuse({ channel }: Incoming, { code, message }: PeerRefusal): void {
    this.#options.events.refused()
    this.#options.events.failed(new RaftgenError(code, `refused a connection from ${channel.remoteAddress}: ${message}`))
    channel.end(Buffer.concat([encodePreamble({ role: 'peer' }), goodbyeFrame({ code, message })]))
  }

  #onMalformed({ channel, hello }: Incoming, error: WireError): void {
    const { events } = this.#options
    if (error instanceof ForeignError) {
      events.foreign()
      return
    }
    events.malformed()
    const source = hello === undefined ? channel.remoteAddress : `node ${hello.from}`
    events.failed(new RaftgenError('PROTOCOL_MISMATCH', `cut the connection from ${source}: ${error.message}`))
  }

  #onClosed(incoming: Incoming): void {
    this.#handshakes.delete(incoming)
    const peer = incoming.hello?.from
    if (peer === undefined || this.#peers.get(peer) !== incoming) return
    this.#peers.delete(peer)
    this.#options.events.left(peer)
  }
}
