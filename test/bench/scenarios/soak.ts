// Half an hour at half of what the cluster can take: whether it ends as it began.
import { median, shown } from '../report/figures.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { Chart, Scenario } from './scenario.js'

type Minute = Awaited<ReturnType<RaftgenCluster['offer']>>

export const soak: Scenario = {
  name: 'soak',
  title: 'half of what the cluster can take, for 30 minutes (raftgen alone; only where it is asked for by name)',
  when: 'named',
  async run({ folder, isFull, progress }) {
    const cluster = await RaftgenCluster.start({ root: folder })
    const found: Minute[] = []
    try {
      progress('what it can take')
      const { perSecond } = await cluster.measure({ operation: 'put', inFlight: 1_024, connections: 4, seconds: 10, warmUpSeconds: 5 })
      const minutes = isFull ? 30 : 5
      for (let minute = 0; minute < minutes; minute++) {
        progress(`minute ${minute + 1} of ${minutes} at ${shown(perSecond / 2)} a second`)
        found.push(await cluster.offer({ perSecond: perSecond / 2, connections: 4, seconds: 58, timeoutMs: 10_000 }))
      }
      const quarter = Math.max(1, Math.floor(found.length / 4))
      const parts = [
        { name: 'first quarter', of: found.slice(0, quarter) },
        { name: 'last quarter', of: found.slice(-quarter) },
      ]
      return {
        title: 'Soak',
        text: `${shown(perSecond / 2)} writes a second for ${minutes} minutes, open loop; medians of minutes.`,
        header: ['', 'done /s', 'p50 ms', 'p99 ms', 'p99 to p50', 'MiB of the largest node'],
        rows: parts.map(({ name, of }) => {
          const figure = (pick: (minute: Minute) => number): number => median(of.map(pick))
          const [p50, p99] = [figure(({ p50Ms }) => p50Ms), figure(({ p99Ms }) => p99Ms)]
          return [name, shown(figure((one) => one.perSecond)), shown(p50), shown(p99), `${shown(p99 / p50)}x`, shown(figure(memoryOf))]
        }),
        charts: [chartOf(found)],
        raw: found,
      }
    } finally {
      await cluster.close()
    }
  },
}

const memoryOf = ({ nodes }: Minute): number => Math.max(...nodes.map(({ mebibytes }) => mebibytes))

const chartOf = (found: readonly Minute[]): Chart => ({
  name: 'soak',
  title: 'latency by minute of the soak',
  unit: 'ms',
  isLogarithmic: false,
  categories: found.map((_, i) => String(i + 1)),
  series: [
    { name: 'p50', values: found.map(({ p50Ms }) => p50Ms) },
    { name: 'p99', values: found.map(({ p99Ms }) => p99Ms) },
  ],
})
