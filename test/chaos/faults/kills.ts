import { cast, type Fault, type Scene } from './fault.ts'

const downMaxMs = 2_000

type Victims = (nodes: readonly number[]) => readonly number[]

const majority = (count: number): number => Math.floor(count / 2) + 1

const which: readonly { readonly name: string; readonly victims: Victims }[] = [
  { name: 'the leader', victims: ([leader = 0]) => [leader] },
  { name: 'a follower', victims: ([, one = 0]) => [one] },
  { name: 'the leader and a follower', victims: ([leader = 0, one = 0]) => [leader, one] },
  { name: 'a minority', victims: (nodes) => nodes.slice(0, nodes.length - majority(nodes.length)) },
  { name: 'a majority', victims: (nodes) => nodes.slice(0, majority(nodes.length)) },
  { name: 'all but the leader', victims: ([, ...others]) => others },
  { name: 'all', victims: (nodes) => nodes },
]

/** `kill -9`, all of them at once, and after some time they start again. */
const killed = (name: string, victims: Victims): Fault => ({
  family: 'kill',
  lane: 'process',
  name,
  run: async (scene) => {
    const { leader, others } = cast(scene)
    const ids = victims([leader, ...others])
    const ms = scene.chance.happens(0.3) ? 0 : Math.round(scene.chance.between(0, downMaxMs))
    await scene.cluster.kill(ids)
    await scene.hold(ms)
    await scene.cluster.revive(ids)
    return { hits: ids.length, detail: `nodes ${ids.join(', ')}, down for ${ms} ms` }
  },
})

/** A node that does not get far. */
const loop: Fault = {
  family: 'kill',
  lane: 'process',
  name: 'one again and again',
  run: async (scene: Scene) => {
    const { leader, others } = cast(scene)
    const [one = leader] = others
    const lives = scene.chance.whole(3, 5)
    for (let life = 0; life < lives; life++) {
      await scene.cluster.kill([one])
      await scene.cluster.revive([one])
      await scene.hold(scene.chance.between(0, 300))
    }
    return { hits: lives, detail: `node ${one}` }
  },
}

export const kills: readonly Fault[] = [...which.map(({ name, victims }) => killed(name, victims)), loop]
