// More than the cluster can take: open loop, so nobody waits for anybody.
import { shown } from '../report/figures.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { Scenario } from './scenario.js'

/** So long each write may take; what would hardly be done in that time is refused at once. */
const timeoutMs = 1_000

const whoseCores =
  'Who offers has one core, the nodes have the others: a client that refuses most of what it is asked for takes nothing away from them.'
const sharedCores =
  'The process that offers shares the cores: it may not come to as much as it should, and what it takes the nodes do not have.'

export const overload: Scenario = {
  name: 'overload',
  title: 'more writes than the cluster can take: open loop at up to 5x of its capacity (raftgen alone)',
  when: 'full',
  async run({ folder, seconds, isFull, progress }) {
    const cluster = await RaftgenCluster.start({ root: folder })
    try {
      const isSeparate = await cluster.separate()
      progress('what it can take')
      const load = { operation: 'put', inFlight: 1_024, connections: 4, seconds, warmUpSeconds: 6 } as const
      const capacity = await cluster.measure(load)
      const factors = isFull ? [0.5, 0.8, 1, 2, 5] : [0.5, 2, 5]
      const found: { readonly factor: number; readonly offered: Awaited<ReturnType<RaftgenCluster['offer']>> }[] = []
      for (const factor of factors) {
        progress(`${factor}x of ${shown(capacity.perSecond)} a second`)
        found.push({ factor, offered: await cluster.offer({ perSecond: capacity.perSecond * factor, connections: 4, seconds, timeoutMs }) })
      }
      progress('and afterwards')
      const after = await cluster.measure(load)
      return {
        title: 'Overload',
        text: `Capacity: ${shown(capacity.perSecond)} writes a second with 1,024 in flight; afterwards ${shown(after.perSecond)}. Open loop over 4 connections, ${seconds} s each, of writes that may take ${timeoutMs} ms. ${isSeparate ? whoseCores : sharedCores}`,
        header: [
          'offered',
          'begun /s',
          'done /s',
          'of capacity',
          'refused /s',
          'codes',
          'p50 ms',
          'p99 ms',
          'cores: nodes',
          'cores: client',
          'MiB a node',
        ],
        rows: found.map(({ factor, offered }) => [
          `${factor}x`,
          shown(offered.begunPerSecond),
          shown(offered.perSecond),
          `${(offered.perSecond / capacity.perSecond).toFixed(2)}x`,
          shown(offered.failed / seconds),
          Object.keys(offered.refused).join(', ') || 'none',
          shown(offered.p50Ms),
          shown(offered.p99Ms),
          shown(offered.nodes.reduce((sum, { cores }) => sum + cores, 0)),
          shown(offered.client.cores),
          shown(Math.max(...offered.nodes.map(({ mebibytes }) => mebibytes))),
        ]),
        charts: [],
        raw: { capacity, found, after },
      }
    } finally {
      await cluster.close()
    }
  },
}
