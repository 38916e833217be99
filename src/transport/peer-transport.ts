import type { Member, Message, Ms, NodeId } from '../core/types.ts'
import type { Net, NetEvents } from '../ports/net.ts'
import { IncomingPeers } from './incoming-peers.ts'
import { OutgoingPeer } from './outgoing-peer.ts'
import type { MachineIdentity, PeerIdentity, PeerSelf } from './peer-identity.ts'
import { Reports } from './reports.ts'
import { type Listening, listenOn } from './socket.ts'
import { type PeerTiming, peerTiming, sweepEvery } from './timing.ts'

export interface PeerTransportOptions {
  /** `host:port` to listen on. Port 0 takes a free one; `address` says which. */
  readonly address: string
  readonly self: PeerSelf
  readonly machine: MachineIdentity
  /** Everyone in the cluster; this node among them is passed over. */
  readonly members: readonly Member[]
  readonly events: NetEvents
  /** What an operator should know: refused and lost connections. The same sentence comes once a minute at most. */
  readonly onError?: (error: Error) => void
  readonly timing?: Partial<PeerTiming>
  /** Bytes that wait for one peer, the socket's own included; beyond it messages are dropped. Default 16 MiB. */
  readonly queueBytesMax?: number
}

/** Since the start. */
export interface PeerCounters {
  /** Messages that found no connection, or a full queue. */
  readonly dropped: number
  /** Handshakes refused, by either side. */
  readonly refused: number
  /** Connections cut because of what they carried. */
  readonly malformed: number
  /** Connections that did not open as ours do. */
  readonly foreign: number
  /** Connections to a peer that stand again after one broke. */
  readonly reconnects: number
}

/** In use by `inflightBytesMax` (8 MiB) at most, with room for what else a turn sends. */
const queueBytesMaxDefault = 16 * 1_024 * 1_024

/**
 * The peers of a node over TCP: one connection dialled to each, to send on, and one accepted from each, to receive from.
 *
 * `send` encodes; what one turn sends to a peer leaves in one write, at `flush`, or at the end of the running callback when nobody calls it.
 * A peer that cannot be reached, or that reads too slowly, loses messages, never delays others, and is reported as `unreachable`, always
 * in a later turn than the `send`.
 */
export class PeerTransport implements Net {
  readonly #identity: PeerIdentity
  readonly #events: NetEvents
  readonly #timing: PeerTiming
  readonly #queueBytesMax: number
  readonly #reports: Reports
  readonly #incoming: IncomingPeers
  readonly #outgoing = new Map<NodeId, OutgoingPeer>()
  readonly #counters = { dropped: 0, refused: 0, malformed: 0, foreign: 0, reconnects: 0 }
  #listening: Listening | undefined
  #stopSweeping: () => void = () => {}
  #closed = false
  /** A flush is due at the end of this callback. */
  #flushDue = false

  private constructor({ self, machine, events, onError = () => {}, timing, queueBytesMax = queueBytesMaxDefault }: PeerTransportOptions) {
    this.#identity = { self, machine, bootNonce: Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex') }
    this.#events = events
    this.#timing = { ...peerTiming, ...timing }
    this.#queueBytesMax = queueBytesMax
    this.#reports = new Reports(onError)
    this.#incoming = this.#createIncoming()
  }

  /** Listens, and starts to dial. Throws BAD_OPTIONS, ADDRESS_IN_USE. */
  static async listen(options: PeerTransportOptions): Promise<PeerTransport> {
    const transport = new PeerTransport(options)
    transport.#listening = await listenOn({
      address: options.address,
      onSocket: (socket) => transport.#incoming.accept(socket),
      onError: (error) => transport.#reports.say(error),
    })
    transport.#stopSweeping = sweepEvery(transport.#timing.pingMs, (now) => transport.#sweep(now))
    try {
      transport.setMembers(options.members)
    } catch (error) {
      await transport.close()
      throw error
    }
    return transport
  }

  /** Where this node listens. */
  get address(): string {
    return this.#listening?.address ?? ''
  }

  get counters(): PeerCounters {
    return { ...this.#counters }
  }

  /** Bytes that wait for `peer`, 0 when there is no such peer. */
  queuedBytes(peer: NodeId): number {
    return this.#outgoing.get(peer)?.queuedBytes ?? 0
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      const peer = this.#outgoing.get(message.to)
      if (peer === undefined) this.#counters.dropped += 1
      else peer.send(message)
    }
    if (this.#flushDue || messages.length === 0) return
    this.#flushDue = true
    queueMicrotask(this.#flushLate)
  }

  /** Writes what was sent since the last one. Called at the end of a turn that sends more than once. */
  flush(): void {
    for (const peer of this.#outgoing.values()) peer.flush()
  }

  /** From now on these are the members: new ones are dialled, others cut off. Throws BAD_OPTIONS when an address is none. */
  setMembers(members: readonly Member[]): void {
    if (this.#closed) return
    const { nodeId } = this.#identity.self
    const wanted = new Map(members.filter(({ id }) => id !== nodeId).map((member) => [member.id, member]))
    for (const [id, peer] of this.#outgoing) {
      const member = wanted.get(id)
      if (member !== undefined && member.peer === peer.member.peer && member.incarnation === peer.member.incarnation) {
        wanted.delete(id)
        continue
      }
      peer.close()
      this.#outgoing.delete(id)
      if (member?.incarnation !== peer.member.incarnation) this.#incoming.drop(id)
    }
    for (const member of wanted.values()) this.#outgoing.set(member.id, this.#createOutgoing(member))
  }

  /** Cuts all connections. What was not written yet is lost, as anything sent may be. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopSweeping()
    for (const peer of this.#outgoing.values()) peer.close()
    this.#outgoing.clear()
    this.#incoming.close()
    await this.#listening?.close()
  }

  readonly #flushLate = (): void => {
    this.#flushDue = false
    this.flush()
  }

  #sweep(now: Ms): void {
    for (const peer of this.#outgoing.values()) peer.sweep(now)
    this.#incoming.sweep(now)
  }

  #createIncoming(): IncomingPeers {
    const counters = this.#counters
    return new IncomingPeers({
      identity: this.#identity,
      timing: this.#timing,
      member: (id) => this.#outgoing.get(id)?.member,
      events: {
        receive: (message) => {
          if (!this.#closed) this.#events.receive(message)
        },
        arrived: (peer) => this.#outgoing.get(peer)?.hurry(),
        foreign: () => void counters.foreign++,
        malformed: () => void counters.malformed++,
        refused: () => void counters.refused++,
        failed: (error) => this.#reports.say(error),
      },
    })
  }

  #createOutgoing(member: Member): OutgoingPeer {
    const counters = this.#counters
    return new OutgoingPeer({
      identity: this.#identity,
      member,
      timing: this.#timing,
      queueBytesMax: this.#queueBytesMax,
      random: Math.random,
      events: {
        unreachable: (peer) => this.#events.unreachable(peer),
        connected: (again) => {
          if (again) counters.reconnects += 1
        },
        dropped: () => void counters.dropped++,
        refused: () => void counters.refused++,
        malformed: () => void counters.malformed++,
        failed: (error) => this.#reports.say(error),
      },
    })
  }
}
