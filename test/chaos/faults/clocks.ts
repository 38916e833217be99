// Wall clocks that jump. Nothing but the pace of log time may notice.
import { cast, type Fault, type Scene } from './fault.ts'

const hourMs = 3_600_000
const shortestMs = 500
const longestMs = 2_000

const jump = (name: string, victims: (nodes: readonly number[]) => readonly number[], offsetMs: number): Fault => ({
  family: 'clock',
  lane: 'process',
  name,
  run: async (scene) => {
    const { leader, others } = cast(scene)
    const ids = victims([leader, ...others])
    const ms = Math.round(scene.chance.between(shortestMs, longestMs))
    await set(scene, ids, offsetMs)
    await scene.hold(ms)
    return { hits: await set(scene, ids, 0), detail: `nodes ${ids.join(', ')} for ${ms} ms` }
  },
})

/** To and fro, several times in a heartbeat interval. */
const strobing: Fault = {
  family: 'clock',
  lane: 'process',
  name: 'that of the leader strobes by an hour',
  run: async (scene) => {
    const { leader } = cast(scene)
    for (let times = 50; times > 0; times--) {
      await set(scene, [leader], times % 2 === 0 ? hourMs : -hourMs)
      await scene.hold(20)
    }
    return { hits: await set(scene, [leader], 0), detail: `node ${leader}` }
  },
}

async function set(scene: Scene, ids: readonly number[], offsetMs: number): Promise<number> {
  const hits = await Promise.all(ids.map((id) => scene.cluster.order(id, { kind: 'clock', offsetMs })))
  return hits.reduce((sum, one) => sum + one, 0)
}

export const clocks: readonly Fault[] = [
  jump('that of the leader goes forward by an hour', ([leader = 0]) => [leader], hourMs),
  jump('that of the leader goes back by an hour', ([leader = 0]) => [leader], -hourMs),
  jump('those of all go forward by an hour', (nodes) => nodes, hourMs),
  jump('those of all go back by an hour', (nodes) => nodes, -hourMs),
  strobing,
]
