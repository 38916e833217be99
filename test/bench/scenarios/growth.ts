// Whether a command costs the same after ten million as after a thousand.
import { shown } from '../report/figures.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { Measured } from '../systems/system.js'
import type { Chart, Scenario } from './scenario.js'

interface Point {
  /** Commands in the log when it was measured. */
  readonly commands: number
  readonly measured: Measured
}

export const growth: Scenario = {
  name: 'growth',
  title: 'what a write costs as the log grows, from 10^3 to 10^7 commands (raftgen alone)',
  when: 'full',
  async run({ folder, seconds, isFull, progress }) {
    const marks = isFull ? [1e3, 1e4, 1e5, 1e6, 3e6, 1e7] : [1e3, 1e4, 1e5]
    const cluster = await RaftgenCluster.start({ root: folder })
    const points: Point[] = []
    try {
      let commands = 0
      const load = async (forSeconds: number): Promise<Measured> => {
        const one = await cluster.measure({ operation: 'put', inFlight: 256, connections: 4, seconds: forSeconds, warmUpSeconds: 0.5 })
        commands += one.perSecond * (forSeconds + 0.5)
        return one
      }
      // What is compiled late is compiled now.
      await load(3)
      for (const mark of marks) {
        while (commands < mark) {
          progress(`${shown(commands)} of ${shown(mark)} commands`)
          await load(Math.min(20, Math.max(0.5, (mark - commands) / 50_000)))
        }
        const before = commands
        points.push({ commands: before, measured: await load(seconds) })
      }
    } finally {
      await cluster.close()
    }
    return {
      title: 'Growth',
      text: 'One cluster from its first command on, snapshots and compaction included: 256 writes in flight, measured when so many commands had been written.',
      header: ['commands before', '/s', 'nodes us/call', 'to the first', 'p50 ms', 'p99 ms', 'MiB a node'],
      rows: points.map(({ commands, measured }) => [
        shown(commands),
        shown(measured.perSecond),
        shown(microseconds(measured)),
        `${(microseconds(measured) / microseconds(points[0]?.measured ?? measured)).toFixed(2)}x`,
        shown(measured.p50Ms),
        shown(measured.p99Ms),
        shown(Math.max(...measured.nodes.map(({ mebibytes }) => mebibytes))),
      ]),
      charts: [chartOf(points)],
      raw: points,
    }
  },
}

const microseconds = ({ nodes, perSecond }: Pick<Measured, 'nodes' | 'perSecond'>): number =>
  (nodes.reduce((sum, { cores }) => sum + cores, 0) * 1e6) / perSecond

const chartOf = (points: readonly Point[]): Chart => ({
  name: 'growth',
  title: 'CPU of three nodes for one write, by commands before it',
  unit: 'us',
  isLogarithmic: false,
  categories: points.map(({ commands }) => shown(commands)),
  series: [{ name: 'raftgen', values: points.map(({ measured }) => microseconds(measured)) }],
})
