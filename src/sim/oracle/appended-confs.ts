// Configurations that a leader appends, one by one.
import type { Verdict } from '../violation.ts'
import { type Confs, describe } from './confs.ts'
import type { Watched } from './watched.ts'

/** One unsettled change at a time, and none before its leader has committed in its term (§4.1, with the erratum of 2015). */
export function checkAppendedConfs(node: Watched, { verdict, confs }: { readonly verdict: Verdict; readonly confs: Confs }): void {
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
    const leaves = before.conf.votersOutgoing.length > 0
    verdict.check(
      !leaves || conf.conf.votersOutgoing.length === 0,
      'a joint configuration is left before the next change (§4.3)',
      () => `node ${id} appends ${describe(conf.conf)} after ${describe(before.conf)}`,
    )
  }
  node.appendedConfs = []
}
