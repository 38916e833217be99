// The same load over ever more connections.
import { median, ratioText, shown } from '../report/figures.js'
import type { Measured } from '../systems/system.js'
import type { Scenario } from './scenario.js'

const inFlight = 1_000

export const connections: Scenario = {
  name: 'connections',
  title: 'a thousand writes in flight, over 10, 100 and 1,000 connections',
  when: 'full',
  isShared: true,
  async run({ systems, rounds, seconds, progress }) {
    const counts = [10, 100, 1_000]
    const measured = new Map(systems.map(({ name }) => [name, counts.map((): Measured[] => [])]))
    for (let round = 0; round < rounds; round++) {
      for (const [i, count] of counts.entries()) {
        for (const system of systems) {
          progress(`round ${round + 1} of ${rounds}: ${count} connections, ${system.name}`)
          const load = { operation: 'put', inFlight, connections: count, seconds, warmUpSeconds: 1 } as const
          measured.get(system.name)?.[i]?.push(await system.measure(load))
        }
      }
    }
    const rows = [...measured].flatMap(([name, all]) =>
      all.map((some, i) => {
        const figure = (of: (one: Measured) => number): string => shown(median(some.map(of)))
        const toFirst = ratioText(some.map(({ perSecond }, round) => perSecond / (all[0]?.[round]?.perSecond ?? Number.NaN)))
        const microseconds = figure(({ nodes, perSecond }) => (nodes.reduce((sum, { cores }) => sum + cores, 0) * 1e6) / perSecond)
        const memory = figure(({ nodes }) => Math.max(...nodes.map(({ mebibytes }) => mebibytes)))
        return [
          name,
          shown(counts[i] ?? 0),
          figure(({ perSecond }) => perSecond),
          toFirst,
          figure(({ p50Ms }) => p50Ms),
          figure(({ p99Ms }) => p99Ms),
          microseconds,
          memory,
        ]
      }),
    )
    return {
      title: 'Connections',
      text: `${shown(inFlight)} writes in flight, spread over that many connections; medians of ${rounds} rounds of ${seconds} s.`,
      header: ['', 'connections', '/s', 'to 10', 'p50 ms', 'p99 ms', 'nodes us/call', 'MiB a node'],
      rows,
      charts: [],
      raw: Object.fromEntries(measured),
    }
  },
}
