// The disks of all servers, those that are gone and those that were something else once included.
import type { ConfState, Index, NodeId } from '../../core/types.ts'
import { compareIds } from '../../storage/high-water.ts'
import { type Confs, incarnationIn, isQuorum } from './confs.ts'
import { LogShadow } from './log-shadow.ts'
import { type Watched, watch } from './watched.ts'

export class Disks {
  readonly #confs: Confs
  readonly #watched = new Map<NodeId, Watched>()
  /** Disks that are gone, or were damaged since: what they had acknowledged may still be counted. */
  readonly #lost: Watched[] = []

  constructor(confs: Confs) {
    this.#confs = confs
  }

  /** There is a log on it. */
  of(id: NodeId): Watched {
    const node = this.#watched.get(id)
    if (node === undefined) throw new Error(`node ${id} has no log`)
    return node
  }

  find(id: NodeId): Watched | undefined {
    return this.#watched.get(id)
  }

  get everSeen(): readonly Watched[] {
    return [...this.#watched.values(), ...this.#lost]
  }

  durableIndex(id: NodeId): Index {
    return this.#watched.get(id)?.durable.lastIndex ?? 0
  }

  /** Whether the disk of `id` holds as much as it has ever acknowledged, and no fence: what is only so in memory a crash takes away again. */
  isWhole(id: NodeId): boolean {
    const { durable, fence, promised } = this.of(id)
    return fence.isGone && compareIds(durable.last, promised) >= 0
  }

  /** The newest configuration on the disk of `id`; `undefined` where there is no log. */
  durableConf(id: NodeId): ConfState | undefined {
    return this.#watched.get(id)?.durable.conf
  }

  /**
   * Whether `id`, in this incarnation, is no member any more. A leader that has committed its own leaving may know that before anybody else does,
   * and before its own disk has it: then a majority of those who stay have it on theirs.
   */
  isRemoved(id: NodeId, incarnation: number): boolean {
    const leavesOut = (conf: ConfState): boolean => {
      const known = incarnationIn(conf, id)
      return known === 0 || known > incarnation
    }
    if (leavesOut(this.#confs.newest)) return true
    const disks = [...this.#watched.values()]
    return disks.some(({ durable }) => {
      const { conf, confIndex: index } = durable
      const term = durable.termAt(index) ?? 0
      const holds = (voter: NodeId, its: number): boolean =>
        disks.some((disk) => disk.id === voter && disk.incarnation === its && disk.durable.holds({ index, term }))
      return leavesOut(conf) && isQuorum(conf, holds)
    })
  }

  /** Whether everyone takes `id` for a member, by the newest configuration that is known to each. */
  isMemberForAll(id: NodeId): boolean {
    return [...this.#watched.values()].every(({ conf }) => incarnationIn(conf, id) > 0)
  }

  /** `id` has an empty log now, and nothing of what it had before. */
  onBootstrapped(node: { readonly id: NodeId; readonly incarnation: number; readonly conf: ConfState }): void {
    this.#watched.set(node.id, watch(node))
  }

  /** The disk of `id` is gone. */
  onWiped(id: NodeId): void {
    const node = this.#watched.get(id)
    if (node !== undefined) this.#lost.push(node)
    this.#watched.delete(id)
  }

  /** Its process is gone: what was on its way to the disk is there, or never will be. */
  onEnded(id: NodeId): void {
    const node = this.#watched.get(id)
    if (node !== undefined) node.underWay = []
  }

  /** The disk of `id` was damaged. Its node may go on for a while, and acknowledge more. */
  onDamaged(id: NodeId): void {
    this.of(id).isDamaged = true
  }

  /** Some of what the disk of `id` holds is found to be lost. */
  onLost(id: NodeId): void {
    this.#remember(this.of(id))
  }

  copyOf(id: NodeId): LogShadow {
    const { durable } = this.of(id)
    const copy = new LogShadow(durable.conf)
    copy.copyOf(durable)
    return copy
  }

  /** The disk of `id` is what it was when `shadow` was copied. */
  onRolledBack(id: NodeId, shadow: LogShadow): void {
    const node = this.of(id)
    this.#remember(node)
    node.durable.copyOf(shadow)
  }

  #remember(node: Watched): void {
    this.#lost.push({ ...node, durable: this.copyOf(node.id) })
  }
}
