// What a node makes of the condition of its disk: how much room is left on it, as its host measures it, and how long a write has been under way.
// It takes nothing that can wait while there is little room, and lets another lead whose disk is better.
import { type Entry, isQuorum, type Ms, type NodeId, type PeerMessage, type Raft } from '../core/index.ts'
import { envelopeKind } from '../wire/envelope-codec.ts'
import type { NodeStatus, Refused } from '../wire/client-messages.ts'
import type { Write } from './driver.ts'
import type { DiskSpace, NodeEvent, NodeLimits } from './options.ts'

/** There is room again once so many times the reserve are left: what hovers at the edge is not told of again and again. */
const roomAgain = 1.1
/** Below this part of the reserve a follower takes nothing of clients any more: above it, what its leader accepted before it knew is still taken. */
const lastPart = 0.5
/**
 * A leader without room tries to hand over again after so many election timeouts: commands wait while it tries. And one whose disk is hung hands over
 * at once only if it has led for as long: where all disks are slow, leadership that is passed on and on would make them slower still.
 */
const handOverTimeouts = 10
/** Of no question of the gateway: nobody waits for the answer. */
export const handOverTicket = 0

export interface DiskWatchPorts {
  readonly id: NodeId
  readonly raft: Raft
  readonly limits: Pick<NodeLimits, 'diskReserveBytes'>
  readonly electionTimeoutMs: Ms
  report(event: NodeEvent): void
}

interface Writing {
  readonly write: Write
  /** When it was seen first; later by the time in which this node stood still. */
  since: Ms
  /** It is reported again when it has taken this long. */
  reportMs: Ms
  /** That this node hands over because of it was reported. */
  handsOver: boolean
}

export class DiskWatch {
  readonly #ports: DiskWatchPorts
  /** As measured last. */
  #space: DiskSpace | undefined
  #isFull = false
  #writing: Writing | undefined
  #now: Ms = 0
  /** As the core was told. */
  #told = { isFull: false, isHung: false }
  #leadsSince: Ms | undefined
  /** Not before this. */
  #handOverAt: Ms = Number.NEGATIVE_INFINITY

  constructor(ports: DiskWatchPorts) {
    this.#ports = ports
  }

  /** Less than the reserve is left, or was, and not enough more since. */
  get isFull(): boolean {
    return this.#isFull
  }

  get status(): NodeStatus['disk'] {
    const leftBytes = this.#space && Math.floor(leftOf(this.#space))
    return { leftBytes, isFull: this.#isFull, hungMs: this.#isHung ? Math.round(this.#writingMs) : undefined }
  }

  measured(space: DiskSpace): void {
    this.#space = space
    const { diskReserveBytes: reserveBytes } = this.#ports.limits
    const left = leftOf(space)
    const isFull = left < (this.#isFull ? roomAgain * reserveBytes : reserveBytes)
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    this.#ports.report({ kind: isFull ? 'diskFull' : 'diskHasRoom', space, reserveBytes, roomBytes: Math.ceil(roomAgain * reserveBytes) })
  }

  /** In each turn, before anything is proposed. `write`: the one under way. */
  turn({ now, write }: { readonly now: Ms; readonly write: Write | undefined }): void {
    // Whoever stood still cannot say what the disk did meanwhile.
    const stoodMs = now - this.#now
    if (this.#writing !== undefined && stoodMs > this.#ports.electionTimeoutMs / 2) this.#writing.since += stoodMs
    this.#now = now
    if (write?.seq !== this.#writing?.write.seq) this.#nextWrite(write)
    const isHung = this.#isHung
    const { raft } = this.#ports
    if (isHung !== this.#told.isHung || this.#isFull !== this.#told.isFull) {
      this.#told = { isFull: this.#isFull, isHung }
      raft.step({ kind: 'disk', ...this.#told })
    }
    this.#leadsSince = raft.softState.role === 'leader' ? (this.#leadsSince ?? now) : undefined
    if ((isHung || this.#isFull) && this.#leadsSince !== undefined) this.#maybeHandOver(now - this.#leadsSince)
    if (isHung) this.#maybeReport()
  }

  /** False: `message` counts as lost. There is always room for what a new leader begins with, so that it can be read from, and for its members. */
  takes(message: PeerMessage): boolean {
    if (this.#space === undefined || leftOf(this.#space) >= lastPart * this.#ports.limits.diskReserveBytes) return true
    // What a damaged log gets back is asked for again.
    return message.kind === 'AppendEntries' ? message.entries.every(isOfLeaders) : message.kind !== 'EntriesChunk'
  }

  /** Why this node, as leader, takes no commands. */
  refusal(): Refused | undefined {
    const { raft, id, limits } = this.#ports
    if (raft.hasRoom) return undefined
    const why =
      this.#space !== undefined && this.#isFull
        ? `${inMebibytes(leftOf(this.#space))} of its disk are left, and it waits for ${inMebibytes(roomAgain * limits.diskReserveBytes)}`
        : `the disks of nodes ${raft.status.followers.flatMap((one) => (one.isFull ? [one.id] : [])).join(', ')} are nearly full, so that no majority could keep them`
    return { code: 'STORAGE_FULL', message: `node ${id} takes no commands: ${why}` }
  }

  get #writingMs(): Ms {
    return this.#writing === undefined ? 0 : this.#now - this.#writing.since
  }

  get #isHung(): boolean {
    return this.#writingMs > this.#ports.electionTimeoutMs
  }

  #nextWrite(write: Write | undefined): void {
    if (this.#isHung) this.#ports.report({ kind: 'diskBack', tookMs: this.#writingMs })
    this.#writing = write === undefined ? undefined : { write, since: this.#now, reportMs: 0, handsOver: false }
  }

  /** More and more seldom, the longer it lasts; and when something comes of it. */
  #maybeReport(): void {
    const writing = this.#writing
    const forMs = this.#writingMs
    const handsOver = this.#ports.raft.transferee !== undefined
    if (writing === undefined || (forMs < writing.reportMs && handsOver <= writing.handsOver)) return
    writing.reportMs = 2 * forMs
    writing.handsOver ||= handsOver
    this.#ports.report({ kind: 'diskHung', forMs, handsOver })
  }

  #maybeHandOver(ledMs: Ms): void {
    const { raft, electionTimeoutMs } = this.#ports
    if (raft.transferee !== undefined || this.#now < this.#handOverAt) return
    // A new leader does not know yet whose disks are full: two of them would hand over to each other without end.
    if (ledMs < (this.#isHung ? handOverTimeouts : 1) * electionTimeoutMs) return
    const to = this.#heir()
    if (to === undefined) return
    this.#handOverAt = this.#now + (this.#isHung ? 1 : handOverTimeouts) * electionTimeoutMs
    raft.step({ kind: 'transfer', ticket: handOverTicket, to })
  }

  /**
   * The voter that has most of the log, of those that are better off: where a write hangs here, one that has finished it; where only room is missing, one
   * that has room and keeps up, and only if a majority has room. Else nothing is won by it.
   */
  #heir(): NodeId | undefined {
    const { conf, followers } = this.#ports.raft.status
    const hung = this.#isHung ? this.#writing : undefined
    const roomy = followers.filter(({ isFull }) => !isFull)
    if (
      hung === undefined &&
      !isQuorum(
        conf,
        roomy.map(({ id }) => id),
      )
    )
      return undefined
    const fit =
      hung === undefined
        ? roomy.filter(({ state }) => state === 'replicate')
        : followers.filter(({ matchIndex }) => matchIndex >= hung.write.lastIndex)
    const heirs = fit.filter(({ id, isActive }) => isActive && conf.voters.includes(id))
    return heirs.toSorted((a, b) => Number(a.isFull) - Number(b.isFull) || b.matchIndex - a.matchIndex)[0]?.id
  }
}

/** Small, and as rare as elections and operators. */
const isOfLeaders = ({ kind, data }: Entry): boolean => kind !== 'command' || envelopeKind(data) === 'renewSessions'

/** For all but the database itself. */
export const leftOf = ({ freeBytes, neededBytes }: DiskSpace): number => Math.max(0, freeBytes - neededBytes)

/** For people. */
export const inMebibytes = (bytes: number): string => `${Math.round((10 * bytes) / 1_048_576) / 10} MiB`
