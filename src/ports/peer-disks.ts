// Which disk each peer has been known with. A disk is told from another by its id, drawn when it is bootstrapped: who comes as the one that it
// was, (id, incarnation), and on another disk, has forgotten what it had promised.
import type { NodeId } from '../core/types.ts'
import type { Done } from './log.ts'

/** Sixteen bytes in hex. */
export const diskIdPattern = /^[0-9a-f]{32}$/

/** Peers remembered. Members and those that visit are far fewer; what is beyond them was somebody once. */
export const peerDisksMax = 1_024

export interface PeerDisk {
  readonly id: NodeId
  readonly incarnation: number
  readonly diskId: string
}

/** What a peer says of itself: without a disk id it keeps its log elsewhere, and cannot say. */
export type DiskClaim = Pick<PeerDisk, 'id' | 'incarnation'> & { readonly diskId: string | undefined }

/** Where a node keeps what it knows of the disks of its peers, beyond its own end. */
export interface PeerDisks {
  /** As it was when this was opened, oldest first. */
  readonly stored: readonly PeerDisk[]
  /** Replaces all of it: atomic, and durable when `done` is called without an error. One at a time. */
  write(disks: readonly PeerDisk[], done: Done): void
  /** Waits for a write under way. */
  close(done: Done): void
}

/** The rule. Whoever has been seen under an id and an incarnation first is the one; an incarnation is given to one disk only (§4.4). */
export class KnownDisks {
  /** Oldest first. */
  readonly #disks = new Map<string, PeerDisk>()

  constructor(disks: readonly PeerDisk[]) {
    for (const disk of disks) this.#disks.set(keyOf(disk), disk)
  }

  get all(): readonly PeerDisk[] {
    return [...this.#disks.values()]
  }

  find(peer: Pick<PeerDisk, 'id' | 'incarnation'>): string | undefined {
    return this.#disks.get(keyOf(peer))?.diskId
  }

  /** `new`: nothing speaks against it, once it is remembered. */
  judge(claim: DiskClaim): 'known' | 'new' | 'another' {
    const known = this.find(claim)
    if (known === claim.diskId) return 'known'
    return known === undefined ? 'new' : 'another'
  }

  /** Nothing takes the place of what is known. `mayForget`: who goes first when there are too many. */
  add(disk: PeerDisk, mayForget: (disk: PeerDisk) => boolean): void {
    if (this.#disks.has(keyOf(disk))) return
    this.#disks.set(keyOf(disk), disk)
    if (this.#disks.size <= peerDisksMax) return
    const oldest = this.all.find((other) => other !== disk && mayForget(other))
    if (oldest !== undefined) this.#disks.delete(keyOf(oldest))
  }

  /** Forgets those for whom `isGone` holds. */
  forget(isGone: (disk: PeerDisk) => boolean): void {
    for (const [key, disk] of this.#disks) if (isGone(disk)) this.#disks.delete(key)
  }
}

/** What both sides are told. */
export const anotherDisk = ({ id, incarnation }: Pick<PeerDisk, 'id' | 'incarnation'>): string =>
  `node ${id} (incarnation ${incarnation}) has another disk than the one it was known with: it was bootstrapped again or its directory was ` +
  'replaced. It must not vote as the one it was: remove its directory and start it with `join`'

const keyOf = ({ id, incarnation }: Pick<PeerDisk, 'id' | 'incarnation'>): string => `${id} ${incarnation}`
