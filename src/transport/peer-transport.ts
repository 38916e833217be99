import type { Member, Ms, NodeId, PeerMessage } from '../core/types.ts'
import type { PeerHello, PeerRefusal } from '../wire/handshake.ts'
import type { Net, NetEvents } from '../ports/net.ts'
import type { PeerDisks } from '../ports/peer-disks.ts'
import { RaftgenError } from '../errors.ts'
import { addressLengthMax, isAddress } from '../wire/address.ts'
import { DiskMemory } from './disk-memory.ts'
import { Guests, isCountedAnswer } from './guests.ts'
import { IncomingPeers } from './incoming-peers.ts'
import { checkRemoved, isGuest, type Membership, nothingCommitted, peersOf } from './membership.ts'
import { OutgoingPeer } from './outgoing-peer.ts'
import { checkHello, type MachineIdentity, type PeerIdentity, type PeerSelf } from './peer-identity.ts'
import { Reports } from './reports.ts'
import { type Listening, listenOn } from './socket.ts'
import { type PeerTiming, peerTiming, sweepEvery } from './timing.ts'

export interface PeerTransportOptions {
  /** `host:port` to listen on. Port 0 takes a free one; `address` says which. */
  readonly address: string
  readonly self: PeerSelf
  readonly machine: MachineIdentity
  /** Everyone in the newest configuration; this node among them is passed over. */
  readonly members: Membership['members']
  /** The newest configuration that is committed. Default: none is known, and nobody is told that it was removed. */
  readonly committed?: Membership['committed']
  readonly events: NetEvents
  /** Where it is remembered which disk each peer was known with. Default: for as long as this process runs. */
  readonly disks?: PeerDisks | undefined
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
 * Peers are the members, and at most `guestsMax` guests: nodes of the same cluster that have dialled this one and that it does not know, or
 * only as an earlier incarnation, since it was away when they came. What they ask is delivered, and answered where they say that they listen,
 * for as long as they are connected; what they answer is not delivered, and `peerDown` is not raised for them. The configuration makes them
 * members, or has them told that they were removed.
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
  readonly #guests: Guests
  readonly #disks: DiskMemory
  readonly #counters = { dropped: 0, refused: 0, malformed: 0, foreign: 0, reconnects: 0 }
  #listening: Listening | undefined
  #stopSweeping: () => void = () => {}
  #closed = false
  /** Has its first members: whoever comes from now on was let in while this node ran. */
  #isStarted = false
  #membership: Membership = { members: [], committed: nothingCommitted }
  /** Of the membership, without this node. */
  #members: ReadonlyMap<NodeId, Member> = new Map()
  /** This node was told that it is no member any more, and its host was. */
  #saidRemoved = false
  /** This node was told that it is not the one that it was, and its host was. */
  #saidForeign = false
  /** A flush is due at the end of this callback. */
  #flushDue = false

  private constructor(options: PeerTransportOptions) {
    const { self, machine, events, disks, onError = () => {}, timing, queueBytesMax = queueBytesMaxDefault } = options
    this.#identity = { self, machine, bootNonce: Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex') }
    this.#events = events
    this.#timing = { ...peerTiming, ...timing }
    this.#guests = new Guests({ graceMs: this.#timing.guestGraceMs })
    this.#queueBytesMax = queueBytesMax
    this.#disks = new DiskMemory({
      disks,
      mayForget: ({ id }) => !this.#members.has(id) && !this.#guests.has(id),
      failed: (error) => {
        if (!this.#closed) events.failed(error)
      },
    })
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
    transport.setConf({ members: options.members, committed: options.committed ?? nothingCommitted })
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

  send(messages: readonly PeerMessage[]): void {
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

  /**
   * From now on these are the members: new ones are dialled, moved ones at their new address, others cut off. Who is gone for good by what
   * is committed is told so with NODE_REMOVED, on the connection that it has and whenever it comes back. Whose address is none is not
   * dialled, and reported: that costs the cluster one member, and no other node its peers.
   */
  setConf(membership: Membership): void {
    if (this.#closed) return
    const { clusterId, nodeId } = this.#identity.self
    const members = peersOf(membership, nodeId)
    this.#membership = membership
    this.#members = members
    this.#guests.retain(({ id, incarnation }) => {
      const isRemoved = checkRemoved({ clusterId, from: id, incarnation }, membership) !== undefined
      return !isRemoved && isGuest({ incarnation }, members.get(id))
    })
    this.#disks.forget(({ id, incarnation }) => checkRemoved({ clusterId, from: id, incarnation }, membership) !== undefined)
    // Before anyone is cut off or dialled: who stays connected may be a guest from now on.
    this.#incoming.recheck()
    this.#connect()
    this.#isStarted = true
  }

  /** Cuts all connections. What was not written yet is lost, as anything sent may be. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopSweeping()
    // First of all: a peer that sees its connection close dials at once, and shall find out that nobody is here any more.
    const closed = this.#listening?.close()
    for (const peer of this.#outgoing.values()) peer.close()
    this.#outgoing.clear()
    this.#incoming.close()
    await closed
  }

  readonly #flushLate = (): void => {
    this.#flushDue = false
    this.flush()
  }

  #sweep(now: Ms): void {
    for (const peer of this.#outgoing.values()) peer.sweep(now)
    this.#incoming.sweep(now)
    if (this.#guests.sweep(now)) this.#connect()
  }

  /** Why who says this would not be let in. */
  #check(hello: PeerHello): PeerRefusal | undefined {
    const { from: id, incarnation, diskId } = hello
    const member = this.#members.get(id)
    const [guest, hasRoom] = [this.#guests.get(id), this.#guests.hasRoom(id)]
    const isAnotherDisk = this.#disks.isAnother({ id, incarnation, diskId })
    return checkHello(hello, this.#identity, { membership: this.#membership, member, guest, hasRoom, isAnotherDisk })
  }

  /** Lets who says this in, if nothing speaks against it. */
  #admit(hello: PeerHello): PeerRefusal | undefined {
    const { from: id, incarnation, peer } = hello
    const refusal = this.#check(hello)
    if (refusal !== undefined) return refusal
    if (isGuest({ incarnation }, this.#members.get(id))) this.#guests.admit({ id, incarnation, peer, client: '' })
    return undefined
  }

  /** A connection to each member and each guest, and to nobody else. A guest takes the place of the member that it was. */
  #connect(): void {
    const wanted = new Map(this.#members)
    const known = new Map([...this.#outgoing.values()].map(({ member }) => [member.id, member.incarnation]))
    for (const guest of this.#guests.members) wanted.set(guest.id, guest)
    for (const [id, peer] of this.#outgoing) {
      const member = wanted.get(id)
      if (member !== undefined && member.peer === peer.member.peer && member.incarnation === peer.member.incarnation) {
        wanted.delete(id)
        continue
      }
      peer.close()
      this.#outgoing.delete(id)
    }
    for (const member of wanted.values()) {
      const isAdmitted = this.#isStarted && member.incarnation > (known.get(member.id) ?? 0)
      if (isAddress(member.peer)) this.#outgoing.set(member.id, this.#createOutgoing(member, isAdmitted))
      else this.#reports.say(notDialled(member))
    }
  }

  /** What it tells others: where the newest configuration has it, which may not be where it listens (0.0.0.0, behind a gateway). */
  get #ownAddress(): string {
    const { members, committed } = this.#membership
    const own = [...members, ...committed.members].find(({ id }) => id === this.#identity.self.nodeId)
    return own?.peer ?? this.address
  }

  #createIncoming(): IncomingPeers {
    const counters = this.#counters
    return new IncomingPeers({
      identity: this.#identity,
      timing: this.#timing,
      check: (hello) => this.#check(hello),
      remember: ({ from: id, incarnation, diskId }, then) => this.#disks.remember({ id, incarnation, diskId }, then),
      admit: (hello) => this.#admit(hello),
      events: {
        receive: (message) => {
          if (this.#closed || (this.#guests.has(message.from) && isCountedAnswer(message))) return
          this.#events.receive(message)
        },
        arrived: ({ from, peer }) => {
          this.#connect()
          this.#outgoing.get(from)?.arrived(peer)
        },
        turnedAway: ({ from }, why) => this.#onTurnedAway(from, why),
        left: (peer) => {
          this.#guests.left(peer, performance.now())
          this.#outgoing.get(peer)?.doubt()
        },
        foreign: () => void counters.foreign++,
        malformed: () => void counters.malformed++,
        refused: () => void counters.refused++,
        failed: (error) => this.#reports.say(error),
      },
    })
  }

  /** `isAdmitted`: a moment ago. */
  #createOutgoing(member: Member, isAdmitted: boolean): OutgoingPeer {
    const counters = this.#counters
    let quietUntil: Ms = isAdmitted ? performance.now() + this.#timing.admittedQuietMs : 0
    return new OutgoingPeer({
      identity: this.#identity,
      member,
      said: this.#incoming.addressOf(member.id),
      ownAddress: () => this.#ownAddress,
      timing: this.#timing,
      queueBytesMax: this.#queueBytesMax,
      random: Math.random,
      isAnotherDisk: (claim) => this.#disks.isAnother(claim),
      remember: (claim, then) => this.#disks.remember(claim, then),
      events: {
        unreachable: (peer) => this.#events.unreachable(peer),
        down: () => {
          if (!this.#guests.has(member.id)) this.#events.peerDown(member.id, member.incarnation)
        },
        removed: (message) => this.#onRemoved(message),
        turnedAway: (why) => this.#onTurnedAway(member.id, why),
        connected: (again) => {
          quietUntil = 0
          if (again) counters.reconnects += 1
        },
        dropped: () => void counters.dropped++,
        refused: () => void counters.refused++,
        malformed: () => void counters.malformed++,
        failed: (error) => {
          if (error.code !== 'UNAVAILABLE' || performance.now() >= quietUntil) this.#reports.say(error)
        },
      },
    })
  }

  /**
   * Who is refused for its disk stops, rather than go on among those that do not know better: it has forgotten what it promised, so each vote of
   * its may be the second one. A guest's word is not enough: who is no member may be of a former life of the cluster.
   */
  #onTurnedAway(peer: NodeId, { code, message }: PeerRefusal): void {
    if (code !== 'DATA_DIR_FOREIGN' || this.#closed || this.#saidForeign) return
    if (!this.#members.has(peer) || this.#guests.has(peer)) return
    this.#saidForeign = true
    this.#events.failed(new RaftgenError(code, `node ${peer} refuses this node: ${message}`))
  }

  #onRemoved(message: string): void {
    if (this.#saidRemoved) return
    this.#saidRemoved = true
    this.#events.removed(message)
  }
}

function notDialled({ id, peer }: Member): RaftgenError {
  const address = JSON.stringify(peer.slice(0, addressLengthMax))
  return new RaftgenError(
    'BAD_OPTIONS',
    `node ${id} cannot be dialled: ${address} is not an address. Give it one with \`raftgen cluster update\``,
  )
}
