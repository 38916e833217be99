// Configurations that a leader appends, one by one.
import type { ConfState } from '../../core/types.ts'
import type { Verdict } from '../violation.ts'
import { type Confs, describe, incarnationIn } from './confs.ts'
import type { Disks } from './disks.ts'
import type { Watched } from './watched.ts'

interface Oracles {
  readonly verdict: Verdict
  readonly confs: Confs
  readonly disks: Disks
}

/** One unsettled change at a time, and none before its leader has committed in its term (§4.1, with the erratum of 2015). */
export function checkAppendedConfs(node: Watched, { verdict, confs, disks }: Oracles): void {
  if (node.appendedConfs.length === 0) return
  const { id, term, commitIndex, written } = node
  for (const index of node.appendedConfs) {
    const conf = written.confAt(index)
    const before = written.confAt(index - 1)
    // A follower by now, whose log was truncated.
    if (conf === undefined || before === undefined || conf.index !== index) continue
    confs.onFollows(before.conf, conf.conf, index)
    verdict.check(
      before.index <= commitIndex && (written.termAt(commitIndex) === written.termAt(index) || term > (written.termAt(index) ?? 0)),
      'one unsettled change at a time (§4.1)',
      () => `node ${id} appends configuration ${index} after ${before.index}, it has committed ${commitIndex} in term ${term}`,
    )
    checkPromoted(node, conf.conf, before.conf, { verdict, disks })
    const leaves = before.conf.votersOutgoing.length > 0
    verdict.check(
      !leaves || conf.conf.votersOutgoing.length === 0,
      'a joint configuration is left before the next change (§4.3)',
      () => `node ${id} appends ${describe(conf.conf)} after ${describe(before.conf)}`,
    )
  }
  node.appendedConfs = []
}

/** Who gets a vote has something of the log: its former incarnation may have had all of it (§4.2.1). */
function checkPromoted(node: Watched, conf: ConfState, before: ConfState, { verdict, disks }: Pick<Oracles, 'verdict' | 'disks'>): void {
  for (const id of conf.voters) {
    if (before.voters.includes(id)) continue
    const incarnation = incarnationIn(conf, id)
    const disk = disks.everSeen.find((one) => one.id === id && one.incarnation === incarnation)
    verdict.check(
      disk === undefined || disk.isDamaged || disk.durable.lastIndex > 0,
      'who is promoted holds the log (§4.2.1)',
      () => `node ${node.id} gives a vote to node ${id}, incarnation ${incarnation}, which has nothing yet`,
    )
  }
}
