import { type ConfState, type CoreLimits, type HardState, type Message, type NodeId, type Term } from '../../src/core/index.ts'
import { confOf, CoreCluster, type CoreNode } from './core-cluster.ts'

export interface Lone {
  readonly cluster: CoreCluster
  readonly node: CoreNode
  /** What it sent since the last call. */
  sent(): readonly Message[]
}

/** Server 1 alone before the test: the other servers are the test itself. Its disk has entries of these terms. */
export function lone(
  given: {
    readonly conf?: ConfState
    readonly voters?: readonly NodeId[]
    readonly terms?: readonly Term[]
    readonly hardState?: HardState
    readonly limits?: Partial<CoreLimits>
  } = {},
): Lone {
  const { terms = [], hardState, limits, conf = confOf({ voters: given.voters ?? [1, 2, 3] }) } = given
  const cluster = new CoreCluster({
    conf,
    outsiders: conf.members.some(({ id }) => id === 1) ? [] : [1],
    ...(limits === undefined ? {} : { limits }),
  })
  cluster.plant(1, { terms, ...(hardState === undefined ? {} : { hardState }) })
  cluster.start(1)
  const sent = () => {
    const messages = cluster.network
    cluster.network = []
    return messages
  }
  return { cluster, node: cluster.node(1), sent }
}

/** The same, leading: elected by everyone, nothing of its no-op acknowledged. */
export function loneLeader(given: Parameters<typeof lone>[0] = {}): Lone {
  const it = lone(given)
  it.cluster.campaign(1)
  const others = it.cluster
    .node(1)
    .core.status.conf.members.map(({ id }) => id)
    .filter((id) => id !== 1)
  const { term } = it.node.core.softState
  for (const from of others) it.cluster.receive({ kind: 'PreVoteReply', from, to: 1, term: term + 1, granted: true })
  for (const from of others) it.cluster.receive({ kind: 'RequestVoteReply', from, to: 1, term: term + 1, granted: true })
  return it
}
