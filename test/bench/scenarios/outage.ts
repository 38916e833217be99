// How long nobody can write after the leader was killed.
import { median, ratioText, shown } from '../report/figures.js'
import type { Scenario } from './scenario.js'

export const outage: Scenario = {
  name: 'outage',
  title: 'time without writes after kill -9 of the leader',
  when: 'always',
  isShared: true,
  async run({ systems, isFull, progress }) {
    const trials = isFull ? 10 : 1
    const found = new Map(systems.map(({ name }) => [name, [] as number[]]))
    for (let trial = 0; trial < trials; trial++) {
      for (const system of systems) {
        progress(`trial ${trial + 1} of ${trials}: the leader of ${system.name} is killed`)
        found.get(system.name)?.push(await system.outage())
      }
    }
    const medians = [...found.values()].map(median)
    const ratio = medians.length > 1 ? ratioText([(medians[0] ?? Number.NaN) / (medians[1] ?? Number.NaN)]) : '–'
    const rows = [...found].map(([name, times], i) => [
      ...[name, String(times.length), shown(median(times)), shown(Math.min(...times)), shown(Math.max(...times))],
      ...[i === 0 ? ratio : ''],
    ])
    return {
      title: 'Without writes after kill -9 of the leader',
      text: 'Sixteen writes are under way at any time; the longest time between two that were acknowledged. Default settings of both.',
      header: ['', 'trials', 'median ms', 'shortest ms', 'longest ms', 'ratio'],
      rows,
      charts: [],
      raw: Object.fromEntries(found),
    }
  },
}
