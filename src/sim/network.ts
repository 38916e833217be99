// The network between servers: packets of frames over directed links, each with its own delay. A packet arrives unchanged, changed (the
// checksum makes that a loss), twice, out of order, or not at all.
import type { Ms, NodeId } from '../core/types.ts'
import type { Chance } from './chance.ts'
import { cleanLinks, type Coverage, type LinkFaults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

/** Frames of one connection between two servers, with what its handshake has said of both ends. */
export interface Packet {
  readonly from: NodeId
  /** Of the sender. */
  readonly incarnation: number
  /** Of the sender's disk. */
  readonly diskId: string
  /** Where the sender says that it can be reached. */
  readonly address: string
  readonly to: NodeId
  /** Of the receiver, as the sender knows it: another one is not talked to. */
  readonly toIncarnation: number
  /** Of the receiver's disk, as the sender remembers it, if it does: another one is not talked to. */
  readonly toDiskId: string | undefined
  readonly bytes: Uint8Array
  readonly isCorrupt: boolean
  /** Told when it arrives, or that it is lost. */
  readonly fate?: ((arrivedAt: Ms | undefined) => void) | undefined
}

export interface NetworkOptions {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly coverage: Coverage
  readonly latencyMs: { readonly min: Ms; readonly max: Ms }
  /** Hands a packet to the machine `to`. */
  arrive(packet: Packet): void
  /** Tells `node` that its connection to `peer` broke. */
  unreachable(node: NodeId, peer: NodeId): void
  /** Tells the process that sent `packet` that it is turned away for good: it is no member any more, or not the one that it was. */
  turnedAway(packet: Packet, why: Goodbye): void
}

export type Goodbye = 'removed' | 'anotherDisk'

/** One end of a link: a server, or a client by a number that no server has. */
export type Place = number

/** Before a sender learns that its connection is broken. Milliseconds. */
const noticeMs = { min: 1, max: 300 } as const

const linkKey = (from: Place, to: Place): number => from * 0x1_0000 + to

export class Network {
  readonly #options: NetworkOptions
  readonly #cuts = new Map<number, number>()
  /** When the last packet of a link arrives: the next one does not overtake it unless it is meant to. */
  readonly #lastArrival = new Map<number, Ms>()
  /** Links that are slow, and by how much. */
  readonly #slow = new Map<number, Ms>()
  /** Links that pass only so many bytes a second. */
  readonly #narrow = new Map<number, number>()
  /** Until when a narrow link is busy with what it was given. */
  readonly #busyUntil = new Map<number, Ms>()
  readonly #underWay = new Map<number, number>()
  #faults: LinkFaults = cleanLinks
  #healed = 0

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  set faults(faults: LinkFaults) {
    this.#faults = faults
  }

  isCut(from: Place, to: Place): boolean {
    return (this.#cuts.get(linkKey(from, to)) ?? 0) > 0
  }

  /** Nothing passes from `from` to `to` until the returned function is called, or everything heals. Cuts add up. */
  cut(from: Place, to: Place): () => void {
    const key = linkKey(from, to)
    const healed = this.#healed
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1)
    let mended = false
    return () => {
      if (mended || healed !== this.#healed) return
      mended = true
      this.#cuts.set(key, (this.#cuts.get(key) ?? 1) - 1)
    }
  }

  slowDown(from: Place, to: Place, byMs: Ms, forMs: Ms): void {
    const key = linkKey(from, to)
    this.#slow.set(key, byMs)
    this.#options.scheduler.after(forMs, () => this.#slow.delete(key))
  }

  /** Until everything heals. What is more than that waits, in order and without a limit: `underWayBytes` says how much. */
  narrow(from: Place, to: Place, bytesPerSecond: number): void {
    this.#narrow.set(linkKey(from, to), bytesPerSecond)
  }

  /** What was sent from one server to another and has not arrived: what would fill the queue of the sender, and the network. */
  underWayBytes(from: NodeId, to: NodeId): number {
    return this.#underWay.get(linkKey(from, to)) ?? 0
  }

  /** Every link passes again, at once and unharmed. What is under way stays under way. */
  heal(): void {
    this.#healed += 1
    this.#cuts.clear()
    this.#slow.clear()
    this.#narrow.clear()
    this.#busyUntil.clear()
    this.#faults = cleanLinks
  }

  /** From one server to another. */
  send(packet: Omit<Packet, 'isCorrupt'>): void {
    const { chance, coverage } = this.#options
    const { from, to } = packet
    if (this.isCut(from, to)) return this.#lose(packet)
    if (chance.happens(this.#faults.loss)) {
      coverage.count('loss')
      return this.#lose(packet)
    }
    this.#pass(packet)
    if (!chance.happens(this.#faults.duplication)) return
    coverage.count('duplication')
    this.#pass(packet)
  }

  /** How long something on this link takes now. */
  latencyMs(from: Place, to: Place): Ms {
    const { chance, coverage, latencyMs } = this.#options
    const ms = latencyMs.min + chance.wait((latencyMs.max - latencyMs.min) / 3)
    const slow = this.#slow.get(linkKey(from, to))
    if (slow === undefined) return ms
    coverage.count('slowLink')
    return ms + slow
  }

  /** The receiver of `packet` turns its sender away for good, and says so. */
  goodbye(packet: Packet, why: Goodbye): void {
    const { from, to } = packet
    if (this.isCut(to, from)) return
    this.#options.scheduler.after(this.latencyMs(to, from), () => {
      if (!this.isCut(to, from)) this.#options.turnedAway(packet, why)
    })
  }

  /** There is no process at the address: the machine there says so at once. */
  refuse(from: NodeId, to: NodeId): void {
    if (this.isCut(to, from)) return
    this.#options.scheduler.after(this.latencyMs(to, from), () => this.#options.unreachable(from, to))
  }

  #pass({ bytes, ...ends }: Omit<Packet, 'isCorrupt'>): void {
    const { from, to } = ends
    const { scheduler, chance, coverage } = this.#options
    const key = linkKey(from, to)
    const isCorrupt = bytes.length > 0 && chance.happens(this.#faults.corruption)
    if (isCorrupt) coverage.count('corruption')
    const packet = { ...ends, bytes: isCorrupt ? flipOneBit(bytes, chance) : bytes, isCorrupt }
    let at = this.#leaves(key, bytes.length) + this.latencyMs(from, to)
    this.#underWay.set(key, this.underWayBytes(from, to) + bytes.length)
    if (chance.happens(this.#faults.reordering)) {
      coverage.count('reordering')
      at += chance.wait(30)
    } else {
      at = Math.max(at, this.#lastArrival.get(key) ?? 0)
      this.#lastArrival.set(key, at)
    }
    scheduler.at(at, () => {
      this.#underWay.set(key, this.underWayBytes(from, to) - bytes.length)
      // What is under way when a link is cut is lost with it.
      if (this.isCut(from, to)) return this.#lose(packet)
      packet.fate?.(scheduler.now)
      this.#options.arrive(packet)
      if (isCorrupt) this.#notice(from, to)
    })
  }

  /** When the last of so many bytes is on the link. */
  #leaves(key: number, bytes: number): Ms {
    const { now } = this.#options.scheduler
    const bytesPerSecond = this.#narrow.get(key)
    if (bytesPerSecond === undefined) return now
    const at = Math.max(now, this.#busyUntil.get(key) ?? 0) + (bytes * 1_000) / bytesPerSecond
    this.#busyUntil.set(key, at)
    return at
  }

  #lose({ from, to, fate }: Omit<Packet, 'isCorrupt'>): void {
    fate?.(undefined)
    if (this.#options.chance.happens(this.#faults.unreachable)) this.#notice(from, to)
  }

  #notice(from: NodeId, to: NodeId): void {
    const { scheduler, chance, coverage, unreachable } = this.#options
    coverage.count('unreachable')
    scheduler.after(chance.between(noticeMs.min, noticeMs.max), () => unreachable(from, to))
  }
}

export function flipOneBit(bytes: Uint8Array, chance: Chance): Uint8Array {
  const flipped = Buffer.from(bytes)
  const at = chance.whole(0, bytes.length - 1)
  flipped[at] = (flipped[at] ?? 0) ^ (1 << chance.whole(0, 7))
  return flipped
}
