// The connections of one process to its peers, as the real transport keeps them: whom it dials, whom it takes for whom it says it is, and who
// is told that it was removed.
import type { ConfState, Member, Ms, NodeId, PeerMessage } from '../core/types.ts'
import type { DiskClaim } from '../ports/peer-disks.ts'
import { FrameReader, FrameWriter } from '../wire/frame.ts'
import { writeMessage } from '../wire/peer-codec.ts'
import type { Packet } from './network.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

type Peer = Pick<Member, 'id' | 'incarnation' | 'peer'>

/**
 * What becomes of a peer that introduces itself. `guest`: it is let in though it is not known (as this one); `removed`: it is told so;
 * `anotherDisk`: it is told that it is not the one that it was; `notTheOne`: it says that of this node.
 */
export type Judgement = 'member' | 'guest' | 'refused' | 'removed' | 'anotherDisk' | 'notTheOne'

const nothing = new Uint8Array(0)
const memberOf = ({ members }: ConfState, id: NodeId): Member | undefined => members.find((member) => member.id === id)

export class Peers {
  readonly #world: World
  readonly #server: SimServer
  readonly #incarnation: number
  /** The newest in the log, and the newest that is committed. */
  #conf: ConfState
  #committed: ConfState
  /** Of both: a change may be undone, and a leader that leaves needs answers until the others know. */
  #members = new Map<NodeId, Peer>()
  /** Who has come or moved while this node was away, and dials it: it listens to them, and answers where they say that they are. */
  readonly #guests = new Map<NodeId, Peer>()

  constructor(world: World, server: SimServer, { incarnation, conf }: { readonly incarnation: number; readonly conf: ConfState }) {
    this.#world = world
    this.#server = server
    this.#incarnation = incarnation
    this.#conf = conf
    this.#committed = { ...conf, members: [], removed: [] }
    this.#learn()
  }

  /** The newest configuration in the log. */
  get conf(): ConfState {
    return this.#conf
  }

  get committed(): ConfState {
    return this.#committed
  }

  /** Whether it has a connection to this one. */
  knows({ id, incarnation, diskId }: DiskClaim & Pick<Member, 'id'>): boolean {
    if (this.#isAnotherDisk({ id, incarnation, diskId })) return false
    return (this.#guests.get(id) ?? this.#members.get(id))?.incarnation === incarnation
  }

  confChanged(conf: ConfState, committed: ConfState): void {
    this.#conf = conf
    this.#committed = committed
    this.#learn()
  }

  /** What leaves in one call for one peer is one packet. `mayGoOn`: asked before each message; false ends it there. */
  send(messages: readonly PeerMessage[], mayGoOn: (message: PeerMessage) => boolean): void {
    const { safety, sabotage, note, chart, scheduler } = this.#world
    const packets = new Map<NodeId, FrameWriter>()
    const fates = new Map<NodeId, ((arrivedAt: Ms | undefined) => void)[]>()
    for (const message of messages) {
      if (!mayGoOn(message)) return
      safety.onSend(this.#server.id, message)
      const sent = sabotage.message === undefined ? message : sabotage.message(message)
      if (sent === undefined) continue
      const frames = packets.get(message.to) ?? new FrameWriter(256)
      packets.set(message.to, frames)
      writeMessage(frames.begin(), sent)
      frames.end()
      note(message.term * 64 + message.kind.length, { who: this.#server.name, what: 'sends', about: message })
      const fate = chart?.peerMessage(scheduler.now, this.#server.name, `node ${message.to}`, sent)
      if (fate !== undefined) fates.set(message.to, [...(fates.get(message.to) ?? []), fate])
    }
    for (const [to, frames] of packets) this.#dispatch(to, frames.take(), fates.get(to))
  }

  /** Connections stand whether or not there is anything to say: so that whoever is gone for good hears of it. */
  greet(): void {
    for (const id of this.#members.keys()) if (id !== this.#server.id) this.#dispatch(id, nothing)
  }

  /** Whether the sender of a packet is let in. */
  judge(packet: Packet): Judgement {
    const { from, incarnation, diskId, toIncarnation, toDiskId, address } = packet
    // The dialler wanted another one.
    if (toIncarnation !== this.#incarnation) return 'refused'
    if (toDiskId !== undefined && toDiskId !== this.#server.diskId) return 'notTheOne'
    if (this.#committed.removed.includes(from) || (memberOf(this.#committed, from)?.incarnation ?? 0) > incarnation) return 'removed'
    const known = this.#members.get(from)
    const guest = this.#guests.get(from)
    if ((known?.incarnation ?? 0) > incarnation || (guest?.incarnation ?? 0) > incarnation) return 'refused'
    if (this.#isAnotherDisk({ id: from, incarnation, diskId })) return 'anotherDisk'
    this.#meet(packet)
    // It may have come, or moved, while this node was away: then the answer goes where it says that it is.
    if (known?.incarnation !== incarnation || known.peer !== address) this.#guests.set(from, { id: from, incarnation, peer: address })
    else this.#guests.delete(from)
    return known?.incarnation === incarnation ? 'member' : 'guest'
  }

  /** Nothing of a connection is used before both sides remember which disk the other has. */
  #meet({ from, incarnation, diskId }: Packet): void {
    this.#server.knownDisks.add({ id: from, incarnation, diskId }, () => true)
    this.#world.meet(from, { id: this.#server.id, incarnation: this.#incarnation, diskId: this.#server.diskId })
  }

  #isAnotherDisk(claim: DiskClaim): boolean {
    return this.#world.sabotage.forgetsDisks !== true && this.#server.knownDisks.judge(claim) === 'another'
  }

  #learn(): void {
    this.#members = new Map()
    for (const member of [...this.#committed.members, ...this.#conf.members]) this.#members.set(member.id, member)
    for (const [id, { incarnation }] of this.#guests) if ((this.#members.get(id)?.incarnation ?? 0) > incarnation) this.#guests.delete(id)
  }

  #dispatch(to: NodeId, bytes: Uint8Array, fates: readonly ((arrivedAt: Ms | undefined) => void)[] = []): void {
    const { network, directory, sabotage } = this.#world
    const { id: from, peerAddress: address } = this.#server
    const guest = this.#guests.get(to)
    const member = this.#members.get(to)
    const peer = guest ?? member
    // Nobody is dialled that is not known.
    if (peer === undefined) return
    // Where it last said that it is, or where the log has it: it may have moved while it could not say so.
    if ([guest, member].every((known) => known === undefined || directory.find(known.peer)?.id !== to)) return network.refuse(from, to)
    const { diskId, knownDisks } = this.#server
    const { incarnation: toIncarnation } = peer
    const toDiskId = sabotage.forgetsDisks === true ? undefined : knownDisks.find({ id: to, incarnation: toIncarnation })
    const fate = fates.length === 0 ? undefined : (at: Ms | undefined) => fates.forEach((tell) => void tell(at))
    network.send({ from, incarnation: this.#incarnation, diskId, address, to, toIncarnation, toDiskId, bytes, fate })
  }
}

/** Messages that count by the id of their sender: those of a guest do not, it is not the one that was asked. */
export function isCounted({ kind }: PeerMessage): boolean {
  return kind === 'ReadIndex' || kind === 'DigestReport' || (kind.endsWith('Reply') && kind !== 'RecallReply')
}

/** The frames of a packet. What is damaged ends it there: what came before counts. */
export function framesOf({ bytes, isCorrupt }: Pick<Packet, 'bytes' | 'isCorrupt'>, world: World): readonly Buffer[] {
  const reader = new FrameReader()
  const bodies: Buffer[] = []
  try {
    reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    for (let body = reader.next(); body !== undefined; body = reader.next()) bodies.push(body)
  } catch (error) {
    // A stream that has lost its place.
    if (!isCorrupt) world.verdict.violate('what is sent can be read', String(error))
  }
  return bodies
}
