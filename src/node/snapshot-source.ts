import type { NodeId, SnapshotChunk, SnapshotMeta, SnapshotRequest } from '../core/index.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import { replicaPieceBytes } from '../wire/replica-codec.ts'
import type { NodeEvent } from './options.ts'
import type { SnapshotShelf } from './snapshot-shelf.ts'

/** Pieces read at once, for all who fetch; one for each. Requests beyond are dropped: who fetches asks again. */
const readsMax = 8

const noData = new Uint8Array(0)

export interface SourcePorts {
  readonly id: NodeId
  readonly snapshots: Snapshots
  readonly shelf: SnapshotShelf
  /** Whether others may have what is here. */
  isSound(): boolean
  /** None is there that is new enough: may one be taken? */
  wanted(minIndex: number): void
  wake(): void
  report(event: NodeEvent): void
}

type Answer = Pick<SnapshotChunk, 'to' | 'snapshot' | 'offset' | 'data'>

/** Gives other members pieces of the snapshots here. It remembers nothing of them: a piece is asked for by snapshot and offset. */
export class SnapshotSource {
  readonly #ports: SourcePorts
  /** For whom a piece is being read. */
  readonly #reading = new Set<NodeId>()
  #answers: Answer[] = []

  constructor(ports: SourcePorts) {
    this.#ports = ports
  }

  receive(request: SnapshotRequest): void {
    const { from, minIndex, of, offset } = request
    if (this.#reading.has(from) || this.#reading.size >= readsMax) return
    const { shelf, isSound } = this.#ports
    const known = of === undefined ? shelf.newest(minIndex) : shelf.find(of)
    const snapshot = isSound() ? known : undefined
    if (snapshot === undefined || offset >= snapshot.bytes) {
      if (known === undefined && of === undefined) this.#ports.wanted(minIndex)
      this.#answers.push({ to: from, snapshot: undefined, offset, data: noData })
      return
    }
    shelf.serve(snapshot)
    this.#read(snapshot, { to: from, offset })
  }

  /** What is to be sent: the term of the sender is added as it leaves. */
  takeAnswers(): readonly Answer[] {
    if (this.#answers.length === 0) return this.#answers
    const answers = this.#answers
    this.#answers = []
    return answers
  }

  #read(snapshot: SnapshotMeta, { to, offset }: { readonly to: NodeId; readonly offset: number }): void {
    const { snapshots, wake, report } = this.#ports
    this.#reading.add(to)
    snapshots.read(snapshot, { offset, bytesMax: replicaPieceBytes }, (error, data) => {
      this.#reading.delete(to)
      if (error !== undefined) report({ kind: 'snapshotFailed', index: snapshot.id.index, error })
      this.#answers.push(error === undefined ? { to, snapshot, offset, data } : { to, snapshot: undefined, offset, data: noData })
      wake()
    })
  }
}
