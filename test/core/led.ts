import type { ConfStep, CoreLimits, Message, NodeId } from '../../src/core/index.ts'
import { type ClusterEvents, confOf, CoreCluster, memberOf } from './core-cluster.ts'

/** A cluster at work: node 1 leads (or who is named), its first entry is committed and known to everyone. */
export function led(
  given: Parameters<typeof confOf>[0] & {
    readonly leader?: NodeId
    readonly limits?: Partial<CoreLimits>
    readonly events?: ClusterEvents
  },
): CoreCluster {
  const { leader = 1, limits = {}, events = {} } = given
  const cluster = new CoreCluster({ conf: confOf(given), limits }, events).start()
  // Whoever has just started promises nothing to anybody for the length of a lease.
  for (const { id } of cluster.nodes.values())
    if (id !== leader && given.leaseMs !== undefined) cluster.tick(id, given.leaseMs, { stepMs: 10_000 })
  cluster.elect(leader)
  cluster.run(250)
  return cluster
}

/** Of node 1 unless it says otherwise; as it is asked for, whoever may be out of reach. */
export function change(
  cluster: CoreCluster,
  steps: readonly ConfStep[],
  { at = 1, force = true }: { readonly at?: NodeId; readonly force?: boolean } = {},
): void {
  cluster.input(at, { kind: 'changeConf', ticket: 1, steps, force })
}

export const add = (id: NodeId, joining = false): ConfStep => ({ kind: 'addLearner', member: memberOf(id), joining })
export const remove = (id: NodeId): ConfStep => ({ kind: 'remove', id })
export const promote = (id: NodeId): ConfStep => ({ kind: 'promote', id })
export const demote = (id: NodeId): ConfStep => ({ kind: 'demote', id })

export const statusOf = (cluster: CoreCluster, id: NodeId) => cluster.node(id).core.status
export const votersOf = (cluster: CoreCluster, id: NodeId) => statusOf(cluster, id).conf.voters
/** Whether `id` knows the newest entry of the leader to be committed. */
export const hasCommitted = (cluster: CoreCluster, id: NodeId) => statusOf(cluster, id).commitIndex === statusOf(cluster, id).lastIndex

/** `AppendEntries 1>2` and such, of what is on its way. */
export const onTheWay = (cluster: CoreCluster, ...kinds: readonly Message['kind'][]) =>
  cluster.network.filter(({ kind }) => kinds.length === 0 || kinds.includes(kind)).map(({ kind, from, to }) => `${kind} ${from}>${to}`)
