// One follower of three is dead.
import { median, ratioText, shown } from '../report/figures.js'
import type { Measured } from '../systems/system.js'
import type { Scenario } from './scenario.js'

export const degraded: Scenario = {
  name: 'degraded',
  title: 'a follower is down',
  when: 'full',
  isShared: true,
  async run({ systems, rounds, seconds, progress }) {
    const measured = new Map(systems.map(({ name }) => [name, { well: [] as Measured[], down: [] as Measured[] }]))
    const load = { operation: 'put', inFlight: 256, connections: 4, seconds, warmUpSeconds: 1 } as const
    for (let round = 0; round < rounds; round++) {
      for (const system of systems) {
        const own = measured.get(system.name)
        progress(`round ${round + 1} of ${rounds}: all of ${system.name}`)
        own?.well.push(await system.measure(load))
        const follower = ((await system.leader()) + 1) % system.nodes.length
        progress(`round ${round + 1} of ${rounds}: a follower of ${system.name} is dead`)
        await system.kill(follower)
        own?.down.push(await system.measure(load))
        await system.start(follower)
      }
    }
    const rows = [...measured].map(([name, { well, down }]) => {
      const figure = (some: readonly Measured[], of: (one: Measured) => number): string => shown(median(some.map(of)))
      const ratio = ratioText(down.map(({ perSecond }, i) => perSecond / (well[i]?.perSecond ?? Number.NaN)))
      return [
        name,
        figure(well, ({ perSecond }) => perSecond),
        figure(down, ({ perSecond }) => perSecond),
        ratio,
        figure(well, ({ p99Ms }) => p99Ms),
        figure(down, ({ p99Ms }) => p99Ms),
      ]
    })
    return {
      title: 'A follower is down',
      text: `256 writes in flight, with three nodes and with two; medians of ${rounds} rounds of ${seconds} s. Two processes leave more of two cores to each.`,
      header: ['', 'three /s', 'two /s', 'ratio', 'three p99 ms', 'two p99 ms'],
      rows,
      charts: [],
      raw: Object.fromEntries(measured),
    }
  },
}
