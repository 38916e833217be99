// How long a node is away that was killed: with a long log, and with a large snapshot.
import { nodeStatus } from 'raftgen/client'
import { join } from 'node:path'
import { median, shown } from '../report/figures.js'
import { until } from '../systems/until.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { Scenario } from './scenario.js'

interface Trial {
  /** Until it knows a leader and answers. */
  readonly servesMs: number
  /** Until it has applied all that was committed. */
  readonly caughtUpMs: number
  /** That are not in its snapshot. */
  readonly entries: number
}

const noSnapshots = { snapshotEntries: 1_000_000_000, snapshotLogBytes: 2 ** 40 }

export const restart: Scenario = {
  name: 'restart',
  title: 'start of a node that was killed: an empty log, a long one, a large snapshot (raftgen alone)',
  when: 'full',
  async run({ folder, isFull, progress }) {
    const count = isFull ? 1_000_000 : 50_000
    const cases = [
      { name: 'an empty log', commands: 0, limits: noSnapshots },
      { name: `${shown(count)} entries in the log`, commands: count, limits: noSnapshots },
      {
        name: `a snapshot of ${shown(count)} entries`,
        commands: count * 1.02,
        limits: { snapshotEntries: count, snapshotLogBytes: 2 ** 40, logTailEntries: 0 },
      },
    ]
    const found: { readonly name: string; readonly trials: readonly Trial[] }[] = []
    for (const [i, { name, commands, limits }] of cases.entries()) {
      const cluster = await RaftgenCluster.start({ root: join(folder, String(i)), node: { limits } })
      try {
        await fill(cluster, { commands, keyCount: count, progress: (done) => progress(`${name}: ${shown(done)} of ${shown(commands)}`) })
        const trials: Trial[] = []
        for (let trial = 0; trial < 3; trial++) {
          progress(`${name}: killed and started, ${trial + 1} of 3`)
          trials.push(await restarted(cluster, { hasSnapshot: limits !== noSnapshots }))
        }
        found.push({ name, trials })
      } finally {
        await cluster.close()
      }
    }
    return {
      title: 'Start of a node that was killed',
      text: 'A follower is killed (kill -9) and started; 256-byte values, of as many keys as there are entries. Medians of three, from the start of its process on.',
      header: ['', 'serves after ms', 'has applied all after ms', 'entries that are not in a snapshot'],
      rows: found.map(({ name, trials }) => [
        name,
        shown(median(trials.map(({ servesMs }) => servesMs))),
        shown(median(trials.map(({ caughtUpMs }) => caughtUpMs))),
        shown(median(trials.map(({ entries }) => entries))),
      ]),
      charts: [],
      raw: found,
    }
  },
}

interface Filling {
  readonly commands: number
  readonly keyCount: number
  progress(done: number): void
}

async function fill(cluster: RaftgenCluster, { commands, keyCount, progress }: Filling): Promise<void> {
  const load = { operation: 'put', inFlight: 1_024, connections: 4, keyCount, warmUpSeconds: 0 } as const
  for (let done = 0, perSecond = 20_000; done < commands; ) {
    progress(done)
    const seconds = Math.min(10, Math.max(0.5, (commands - done) / perSecond))
    perSecond = (await cluster.measure({ ...load, seconds })).perSecond
    done += perSecond * seconds
  }
}

async function restarted(cluster: RaftgenCluster, { hasSnapshot }: { readonly hasSnapshot: boolean }): Promise<Trial> {
  const follower = ((await cluster.leader()) + 1) % cluster.nodes.length
  const address = cluster.nodes[follower]?.address ?? ''
  const entries = await until(`node at ${address} has a snapshot`, 120_000, async () => {
    const { snapshotIndex, commitIndex } = await nodeStatus({ address })
    return snapshotIndex > 0 === hasSnapshot ? commitIndex - snapshotIndex : undefined
  })
  await cluster.kill(follower)
  const began = performance.now()
  const servesMs = await cluster.start(follower)
  await until(`node at ${address} has applied all`, 120_000, async () => {
    const { lastApplied, commitIndex } = await nodeStatus({ address })
    return commitIndex > 0 && lastApplied === commitIndex ? true : undefined
  })
  return { servesMs, caughtUpMs: performance.now() - began, entries }
}
