// For how long the event loop of a node stands still: under load, and while a snapshot of a large state is taken.
import { join } from 'node:path'
import { shown } from '../report/figures.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { SnapshotNote, WatchNote } from '../watch.js'
import type { Scenario } from './scenario.js'

const sliceMs = 100

export const eventLoop: Scenario = {
  name: 'event-loop',
  title: 'the longest block of the event loop: under load, and beside snapshots of a large state (raftgen alone)',
  when: 'full',
  async run({ folder, seconds, isFull, progress }) {
    const entries = isFull ? 1_000_000 : 50_000
    const limits = { snapshotEntries: isFull ? 400_000 : 20_000, snapshotLogBytes: 2 ** 40 }
    const cluster = await RaftgenCluster.start({ root: join(folder, 'nodes'), node: { limits, watch: sliceMs } })
    const slices: (WatchNote & { readonly node: number })[] = []
    const snapshots: (SnapshotNote & { readonly node: number })[] = []
    cluster.onNote((node, { watch, snapshot }) => {
      if (watch !== undefined) slices.push({ ...watch, node })
      if (snapshot !== undefined) snapshots.push({ ...snapshot, node })
    })
    try {
      const load = { operation: 'put', connections: 4, keyCount: entries, warmUpSeconds: 0 } as const
      for (let done = 0; done < entries; ) {
        progress(`state: ${shown(done)} of ${shown(entries)} entries`)
        done += (await cluster.measure({ ...load, inFlight: 1_024, seconds: 5 })).perSecond * 5
      }
      const begunAt = Date.now()
      const longer = isFull ? 120 : seconds * 4
      progress(`64 writes in flight for ${longer} s`)
      await cluster.measure({ ...load, inFlight: 64, seconds: longer })
      const isTaking = ({ at, node }: { readonly at: number; readonly node: number }): boolean =>
        snapshots.some((one) => one.node === node && at + sliceMs > one.from && at < one.to)
      const own = slices.filter(({ at }) => at >= begunAt)
      const parts = [
        { name: 'under load', of: own.filter((slice) => !isTaking(slice)) },
        { name: `beside a snapshot of ${shown(entries)} entries`, of: own.filter(isTaking) },
      ]
      return {
        title: 'Longest block of the event loop',
        text: `Of all three nodes, in slices of ${sliceMs} ms, with 64 writes in flight: the longest block in each slice, ms; in brackets without what the garbage collector took. Three processes share the cores: a block may be that of another process.`,
        header: ['', 'slices', 'p50', 'p90', 'p99', 'longest'],
        rows: parts.map(({ name, of }) => [name, String(of.length), ...[0.5, 0.9, 0.99, 1].map((share) => blockText(of, share))]),
        charts: [],
        raw: { parts: parts.map(({ name, of }) => ({ name, slices: of.length, ...distributionOf(of) })), snapshots },
      }
    } finally {
      await cluster.close()
    }
  },
}

/** From the shortest to the longest, in steps of one in a hundred: thousands of slices say no more. */
const distributionOf = (slices: readonly WatchNote[]): Readonly<Record<'longestMs' | 'withoutGcMs', readonly number[]>> => {
  const shares = Array.from({ length: 101 }, (_, i) => i / 100)
  const of = (figure: 'longestMs' | 'withoutGcMs'): readonly number[] =>
    shares.map((share) =>
      Number(
        percentile(
          slices.map((slice) => slice[figure]),
          share,
        ).toFixed(2),
      ),
    )
  return { longestMs: of('longestMs'), withoutGcMs: of('withoutGcMs') }
}

const blockText = (slices: readonly WatchNote[], share: number): string =>
  `${shown(
    percentile(
      slices.map(({ longestMs }) => longestMs),
      share,
    ),
  )} (${shown(
    percentile(
      slices.map(({ withoutGcMs }) => withoutGcMs),
      share,
    ),
  )})`

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
