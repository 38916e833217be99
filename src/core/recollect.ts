import type { Recollected } from './api.ts'
import type { Elections } from './elections.ts'
import type { NodeContext } from './node-context.ts'
import { votersOf } from './quorum.ts'
import type { Member, NodeId } from './types.ts'

/** What this node remembers of another; see `Raft.recollect`. */
export function recollectionOf(
  { log, witnesses }: NodeContext,
  { role }: Elections,
  { member, awaited }: { readonly member: Pick<Member, 'id' | 'incarnation'>; readonly awaited: readonly NodeId[] },
): Recollected {
  if (role.kind === 'leader') role.observe()
  const { match, matchTerm, votedTerm } = witnesses.of(member)
  const { conf, lastingConf, held, isFloorUnknown: isForgetful } = log
  const isConfLasting = conf === lastingConf && conf.votersOutgoing.length === 0
  const gone = awaited.filter((id) => lastingConf.removed.includes(id))
  return { match, matchTerm, votedTerm, held, isForgetful, voters: votersOf(conf), isConfLasting, gone }
}
