// What the majority loses by one follower that is slow, or that stands still.
import { nodeStatus } from 'raftgen/client'
import { median, ratioText, shown } from '../report/figures.js'
import { until } from '../systems/until.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { Measured } from '../systems/system.js'
import type { Scenario } from './scenario.js'

const phases = ['well', 'slow', 'stopped'] as const
type Phase = (typeof phases)[number]
const words: Readonly<Record<Phase, string>> = {
  well: 'all well',
  slow: 'a link of 1 Mbit/s into one follower',
  stopped: 'one follower stopped (SIGSTOP)',
}
const slowBytesPerSecond = 125_000

export const slowFollower: Scenario = {
  name: 'slow-follower',
  title: 'a follower is slow, or stands still (raftgen alone)',
  when: 'full',
  async run({ folder, rounds, seconds, progress }) {
    const cluster = await RaftgenCluster.start({ root: folder, isRelayed: true })
    const found: Record<Phase, { readonly measured: Measured; readonly leaderMiB: number }[]> = { well: [], slow: [], stopped: [] }
    try {
      const load = { operation: 'put', inFlight: 256, connections: 4, seconds, warmUpSeconds: 1 } as const
      await cluster.measure(load)
      const leader = await cluster.leader()
      const follower = (leader + 1) % cluster.nodes.length
      const [node, relay] = [cluster.nodes[follower], cluster.relays[follower]]
      if (node === undefined || relay === undefined) throw new Error('there is no follower')
      for (let round = 0; round < rounds; round++) {
        for (const phase of phases) {
          progress(`round ${round + 1} of ${rounds}: ${words[phase]}`)
          if (phase === 'slow') relay.bytesPerSecond = slowBytesPerSecond
          if (phase === 'stopped') node.signal('SIGSTOP')
          const measured = await cluster.measure(load)
          relay.bytesPerSecond = Number.POSITIVE_INFINITY
          if (phase === 'stopped') node.signal('SIGCONT')
          found[phase].push({ measured, leaderMiB: measured.nodes[leader]?.mebibytes ?? Number.NaN })
          // The next phase begins with a follower that lacks nothing, whatever it missed.
          await until('the follower has caught up', 60_000, async () => {
            const [ahead, behind] = await Promise.all(
              [leader, follower].map((i) => nodeStatus({ address: cluster.nodes[i]?.address ?? '' })),
            )
            return ahead !== undefined && behind !== undefined && behind.lastApplied >= ahead.commitIndex ? true : undefined
          })
        }
      }
    } finally {
      for (const node of cluster.nodes) node.signal('SIGCONT')
      await cluster.close()
    }
    return {
      title: 'A follower is slow',
      text: `256 writes in flight, the phases in turn; nodes reach each other through a relay. Medians of ${rounds} rounds of ${seconds} s.`,
      header: ['', '/s', 'ratio', 'p50 ms', 'p99 ms', 'MiB of the leader'],
      rows: phases.map((phase) => {
        const figure = (of: (measured: Measured) => number): string => shown(median(found[phase].map(({ measured }) => of(measured))))
        const ratio = ratioText(
          found[phase].map(({ measured }, i) => measured.perSecond / (found.well[i]?.measured.perSecond ?? Number.NaN)),
        )
        const memory = shown(Math.max(...found[phase].map(({ leaderMiB }) => leaderMiB)))
        return [
          words[phase],
          figure(({ perSecond }) => perSecond),
          ratio,
          figure(({ p50Ms }) => p50Ms),
          figure(({ p99Ms }) => p99Ms),
          memory,
        ]
      }),
      charts: [],
      raw: found,
    }
  },
}
