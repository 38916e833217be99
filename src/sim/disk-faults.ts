// What a test does to the disks of a simulation, on purpose and at a place of its choice.
import type { Index, NodeId } from '../core/types.ts'
import { blockKey, readBlockKey } from '../storage/records.ts'
import type { SlotPosition } from '../storage/slots.ts'
import type { Cluster } from './cluster.ts'

export class DiskFaults {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Keeps a copy of all that is on the disk of `node`. */
  keepCopy(node: NodeId): void {
    this.#cluster.server(node).takeCopy()
  }

  /** Ends `node`, puts the copy in the place of its disk, and starts it. */
  putBack(node: NodeId): void {
    this.#cluster.server(node).restoreCopy()
  }

  /** First indexes of what was written together, of the log of `node`, ascending. */
  blocks(node: NodeId): readonly Index[] {
    const names = [...this.#cluster.server(node).disk.content.keys()]
    return names.flatMap((name) => readBlockKey(Buffer.from(name, 'latin1')) ?? []).toSorted((a, b) => a - b)
  }

  /** The entry at `index` is gone from the log of `node`, and those that were written together with it. It shows when they are read. */
  loseEntry(node: NodeId, index: Index): void {
    const server = this.#cluster.server(node)
    const block = this.blocks(node).findLast((firstIndex) => firstIndex <= index)
    if (block === undefined) return
    server.disk.prepare([{ kind: 'delete', key: blockKey(block) }])
    server.onDamaged(`entry ${index} is lost`)
  }

  /** These slots of the high water of `node` cannot be read any more. */
  spoilSlots(node: NodeId, positions: readonly SlotPosition[]): void {
    const server = this.#cluster.server(node)
    for (const position of positions) server.highWater.put(position, new Uint8Array(0))
    server.onDamaged(`slots ${positions.join(', ')} are lost`)
  }

  /** The next read of `node` fails. */
  failRead(node: NodeId): void {
    this.#cluster.server(node).disk.failNextRead()
  }

  /** `node` dies the next time it hands that to its disk. */
  dieAt(node: NodeId, trap: 'atWrite' | 'atSlot'): void {
    this.#cluster.server(node).life?.arm(trap)
  }

  /** Everything in the database of `node` is gone. */
  loseDatabase(node: NodeId): void {
    const server = this.#cluster.server(node)
    server.disk.wipe()
    server.onDamaged('its database is lost')
  }
}
