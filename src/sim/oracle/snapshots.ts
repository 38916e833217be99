// Snapshots, whoever took or fetched them: of one index all are the same, and they hold what a replica has that applied the log up to there.
import { type ApplyOutcome, Replica, type Treatment } from '../../machine/replica.ts'
import type { StateMachine } from '../../machine/state-machine.ts'
import type { Entry, Index, NodeId, SnapshotMeta } from '../../core/types.ts'
import { checksum } from '../../storage/checksum.ts'
import { decodeEnvelope } from '../../wire/envelope-codec.ts'
import { encodeReplica } from '../../wire/replica-codec.ts'
import type { Verdict } from '../violation.ts'
import { describe } from './confs.ts'
import { isSameConf } from './log-shadow.ts'

export class SnapshotsSeen {
  readonly #verdict: Verdict
  readonly #seen = new Map<Index, { readonly node: NodeId; readonly meta: SnapshotMeta }>()

  constructor(verdict: Verdict) {
    this.#verdict = verdict
  }

  get count(): number {
    return this.#seen.size
  }

  onSnapshot(node: NodeId, meta: SnapshotMeta): void {
    const { index, term } = meta.id
    const before = this.#seen.get(index) ?? { node, meta }
    this.#seen.set(index, before)
    const isSame =
      before.meta.id.term === term &&
      before.meta.bytes === meta.bytes &&
      before.meta.checksum === meta.checksum &&
      isSameConf(before.meta.conf, meta.conf)
    this.#verdict.check(
      isSame,
      'equal states at an equal index',
      () => `node ${node} has another snapshot of ${index} than node ${before.node}: ${nameOf(meta)}; ${nameOf(before.meta)}`,
    )
  }

  /** Replays the log with `machine`, and compares at each index of which there was a snapshot. */
  checkReplay(committed: (index: Index) => Entry | undefined, machine: StateMachine): void {
    const replica = new Replica(machine)
    const skipped = skippedIn(committed)
    for (let index = 1, entry = committed(1); entry !== undefined; entry = committed(++index)) {
      if (entry.kind === 'command') applyWhole(replica, entry, skipped.has(index) ? 'skip' : 'fail')
      else replica.pass(entry)
      const seen = this.#seen.get(index)
      if (seen === undefined) continue
      let found = 0
      for (const piece of encodeReplica(replica)) found = checksum(piece, found)
      this.#verdict.check(
        found === seen.meta.checksum,
        'a snapshot holds the state of its index (§5.1)',
        () => `node ${seen.node} had a snapshot of ${index} that is not what the log gives there`,
      )
    }
  }
}

function applyWhole(replica: Replica, entry: Entry, treatment: Treatment): void {
  const envelope = decodeEnvelope(entry.data)
  for (let outcome: ApplyOutcome = 'raising'; outcome === 'raising'; ) outcome = replica.apply(entry, envelope, treatment)
}

/** What the whole log says of skipped commands, wherever it says so. */
function skippedIn(committed: (index: Index) => Entry | undefined): ReadonlySet<Index> {
  const skipped = new Set<Index>()
  for (let index = 1, entry = committed(1); entry !== undefined; entry = committed(++index)) {
    const envelope = entry.kind === 'command' ? decodeEnvelope(entry.data) : undefined
    if (envelope?.kind === 'skip') skipped.add(envelope.skipped)
  }
  return skipped
}

const nameOf = ({ id, bytes, checksum: sum, conf }: SnapshotMeta): string =>
  `term ${id.term}, ${bytes} bytes, checksum ${sum}, ${describe(conf)}`
