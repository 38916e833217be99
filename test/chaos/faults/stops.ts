// Processes that stand still, and go on as if nothing had happened: what a machine does that swaps, or is moved.
import { cast, type Fault } from './fault.ts'

const shortestMs = 100
const longestMs = 5_000

const stopped = (name: string, victims: (nodes: readonly number[]) => readonly number[]): Fault => ({
  family: 'stop',
  lane: 'process',
  name,
  run: async (scene) => {
    const { leader, others } = cast(scene)
    const ids = victims([leader, ...others])
    // Short ones are the more interesting, and long ones must be there.
    const ms = Math.round(Math.min(longestMs, shortestMs + scene.chance.wait(1_200)))
    for (const id of ids) scene.cluster.process(id).signal('SIGSTOP')
    try {
      await scene.hold(ms)
    } finally {
      for (const id of ids) scene.cluster.process(id).signal('SIGCONT')
    }
    return { hits: ids.length, detail: `nodes ${ids.join(', ')} for ${ms} ms` }
  },
})

export const stops: readonly Fault[] = [
  stopped('the leader', ([leader = 0]) => [leader]),
  stopped('a follower', ([, one = 0]) => [one]),
  stopped('a majority', (nodes) => nodes.slice(0, Math.floor(nodes.length / 2) + 1)),
  stopped('all followers', ([, ...others]) => others),
  stopped('all', (nodes) => nodes),
]
