// Half an hour at half of what the cluster can take: whether it ends as it began.
import { median, shown } from '../report/figures.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { HealthNote } from '../watch.js'
import type { Chart, Scenario } from './scenario.js'

const minuteMs = 60_000

type Minute = Awaited<ReturnType<RaftgenCluster['offer']>>

export const soak: Scenario = {
  name: 'soak',
  title: 'half of what the cluster can take, for 30 minutes (raftgen alone; only where it is asked for by name)',
  when: 'named',
  async run({ folder, isFull, progress }) {
    const cluster = await RaftgenCluster.start({ root: folder, node: { health: minuteMs } })
    const health: (HealthNote & { readonly node: number })[] = []
    const found: Minute[] = []
    try {
      progress('what it can take')
      const { perSecond } = await cluster.measure({ operation: 'put', inFlight: 1_024, connections: 4, seconds: 10, warmUpSeconds: 5 })
      cluster.onNote((node, { health: note }) => note !== undefined && health.push({ ...note, node }))
      const minutes = isFull ? 30 : 5
      for (let minute = 0; minute < minutes; minute++) {
        progress(`minute ${minute + 1} of ${minutes} at ${shown(perSecond / 2)} a second`)
        found.push(await cluster.offer({ perSecond: perSecond / 2, connections: 4, seconds: 58, timeoutMs: 10_000 }))
      }
      const parts = [
        { name: 'first quarter', of: quarterOf(found, 'first'), health: quarterOf(health, 'first') },
        { name: 'last quarter', of: quarterOf(found, 'last'), health: quarterOf(health, 'last') },
      ]
      return {
        title: 'Soak',
        text: `${shown(perSecond / 2)} writes a second for ${minutes} minutes, open loop. Medians of minutes; of the nodes the largest figures. Heap: the least that was in use in a minute, so after a collection. Delay: how late timers of a node's event loop come.`,
        header: ['', 'done /s', 'p50 ms', 'p99 ms', 'p99 to p50', 'event loop delay p99 ms', 'heap MiB', 'resident MiB'],
        rows: parts.map(({ name, of, health: notes }) => {
          const figure = (pick: (minute: Minute) => number): number => median(of.map(pick))
          const [p50, p99] = [figure(({ p50Ms }) => p50Ms), figure(({ p99Ms }) => p99Ms)]
          const ofNodes = (pick: (note: HealthNote) => number): string =>
            shown(Math.max(...[0, 1, 2].map((node) => median(notes.filter((note) => note.node === node).map(pick)))))
          const nodes = [ofNodes(({ delayP99Ms }) => delayP99Ms), ofNodes(({ heapMiB }) => heapMiB), shown(figure(memoryOf))]
          return [name, shown(figure((one) => one.perSecond)), shown(p50), shown(p99), `${shown(p99 / p50)}x`, ...nodes]
        }),
        charts: [chartOf(found)],
        raw: { found, health },
      }
    } finally {
      await cluster.close()
    }
  },
}

const quarterOf = <T>(all: readonly T[], which: 'first' | 'last'): readonly T[] => {
  const count = Math.max(1, Math.floor(all.length / 4))
  return which === 'first' ? all.slice(0, count) : all.slice(-count)
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
