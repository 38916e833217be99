// What of a write is replication, and what is raftgen's own: beside a path that does the first alone.
import { median, ratioText, shown } from '../report/figures.js'
import { BareCluster } from '../systems/bare.js'
import { RaftgenCluster } from '../systems/raftgen.js'
import type { Measured } from '../systems/system.js'
import type { Scenario } from './scenario.js'

export const bare: Scenario = {
  name: 'bare',
  title: 'writes beside a path that does nothing but replicate (raftgen alone)',
  when: 'full',
  async run({ isFull, rounds, seconds, folder, progress }) {
    const inFlights = isFull ? [1, 16, 64, 256, 1_024] : [1, 64, 1_024]
    progress('starting three processes of each')
    const raftgen = await RaftgenCluster.start({ root: folder })
    const path = await BareCluster.start(folder)
    const cells = inFlights.map((inFlight) => ({ inFlight, raftgen: [] as Measured[], bare: [] as Measured[] }))
    try {
      for (const system of [raftgen, path])
        await system.measure({ operation: 'put', inFlight: 256, connections: 4, seconds: 4, warmUpSeconds: 0 })
      for (let round = 0; round < rounds; round++) {
        for (const cell of cells) {
          const load = { operation: 'put', inFlight: cell.inFlight, connections: 4, seconds, warmUpSeconds: 1 } as const
          const turns = [
            { system: raftgen, measured: cell.raftgen },
            { system: path, measured: cell.bare },
          ]
          for (const { system, measured } of round % 2 === 0 ? turns : turns.toReversed()) {
            progress(`round ${round + 1} of ${rounds}: ${cell.inFlight} in flight, ${system.name}`)
            measured.push(await system.measure(load))
          }
        }
      }
    } finally {
      await Promise.all([raftgen.close(), path.close()])
    }
    return {
      title: 'Beside a bare path',
      text: `Three processes with a fixed leader that batch, write to Level, synced, and forward, and do nothing else: no terms, sessions, checks, handlers, digests or state. Writes over 4 connections, medians of ${rounds} rounds of ${seconds} s in turn. Ratios are of raftgen to the bare path in the same round: median, and lowest to highest.`,
      header: [
        'in flight',
        'raftgen /s',
        'bare /s',
        'writes',
        'raftgen p50 ms',
        'bare p50 ms',
        'raftgen nodes us/call',
        'bare nodes us/call',
      ],
      rows: cells.map((cell) => {
        const both = (figure: (one: Measured) => number): readonly string[] =>
          [cell.raftgen, cell.bare].map((measured) => shown(median(measured.map(figure))))
        const ratios = cell.raftgen.map(({ perSecond }, i) => perSecond / (cell.bare[i]?.perSecond ?? Number.NaN))
        return [
          String(cell.inFlight),
          ...both(({ perSecond }) => perSecond),
          ratioText(ratios),
          ...both(({ p50Ms }) => p50Ms),
          ...both(({ nodes, perSecond }) => (nodes.reduce((sum, { cores }) => sum + cores, 0) * 1e6) / perSecond),
        ]
      }),
      charts: [],
      raw: cells,
    }
  },
}
