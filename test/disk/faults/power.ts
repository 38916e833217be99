// The power goes: what was not synced is gone, and no process lives on. Of one machine, and of all at once.
import { join } from 'node:path'
import { Chance } from '../../../src/sim/chance.ts'
import type { Result } from '../result.ts'
import { type Id, ids } from '../trio.ts'
import { type Fault, played, type Surroundings } from './fault.ts'
import { cutPower, missingLoops, Mounts } from './mounts.ts'
import type { Scene } from './scene.ts'

const kind = 'power cut (ext4)'
const cuts = 4

/** Each node has a file system of its own; those in `which` lose theirs at the same time. */
const powerCut = (name: string, which: (scene: Scene, chance: Chance) => Promise<readonly Id[]>): Fault => ({
  kind,
  name,
  missing: missingLoops,
  run: async ({ folder, seed }: Surroundings): Promise<Result> =>
    await Mounts.use(folder, async (mounts) => {
      const chance = new Chance(seed)
      const mounted = new Map<Id, string>()
      for (const id of ids) mounted.set(id, await mounts.ext4(`disk-${id}`))
      const dirs = new Map([...mounted].map(([id, path]) => [id, join(path, `node-${id}`)]))
      const play = async (scene: Scene): Promise<void> => {
        for (let cut = 0; cut < cuts; cut++) {
          await scene.serves(`before cut ${cut + 1}`, { calls: chance.whole(1, 60) })
          await cutAndRestore(scene, mounts, await which(scene, chance))
        }
        await scene.heals()
      }
      return await played({ kind, name }, play, dirs)
    }),
})

async function cutAndRestore(scene: Scene, mounts: Mounts, which: readonly Id[]): Promise<void> {
  const nameOf = (id: Id): string => `disk-${id}`
  const paths = which.map((id) => mounts.pathOf(nameOf(id)))
  await Promise.all(paths.map(cutPower))
  await Promise.all(which.map((id) => scene.stop(id)))
  for (const path of paths) await mounts.unmount(path)
  for (const id of which) await mounts.mountImage(nameOf(id))
  const all = await Promise.all(which.map(async (id) => ({ id, ended: await scene.start(id) })))
  for (const { id, ended } of all) if (ended !== undefined) throw new Error(`node ${id} does not start after a power cut: ${ended.message}`)
}

export const power: readonly Fault[] = [
  powerCut('of the leader, again and again', async (scene) => [await scene.one('leader')]),
  powerCut('of a follower, again and again', async (scene) => [await scene.one('follower')]),
  powerCut('of any two, again and again', async (_, chance) => ids.filter((id) => id !== chance.pick(ids)).slice(0, 2)),
  powerCut('of all at once, again and again', async () => ids),
]
