// No byte of space is left: where the leader writes, where a follower does, everywhere. Then there is some again.
import { join } from 'node:path'
import type { Result } from '../result.ts'
import { type Id, ids } from '../trio.ts'
import { type Fault, played, type Surroundings } from './fault.ts'
import { fill, free, missingMounts, Mounts } from './mounts.ts'
import type { Scene } from './scene.ts'

const kind = 'no space (tmpfs)'

const onOne = (role: 'leader' | 'follower'): Fault =>
  fault(`the disk of the ${role} is full`, async (scene, mountOf) => {
    const victim = await scene.one(role)
    await fill(mountOf(victim))
    await scene.serves('while one disk is full')
    await startsOrSays(scene, victim)
    await free(mountOf(victim))
    await scene.heals()
  })

const everywhere = fault('all disks are full', async (scene, mountOf) => {
  await Promise.all(ids.map((id) => fill(mountOf(id))))
  await scene.noticesFull()
  const goesOn = await scene.load.goesOn({ timeoutMs: 5_000 })
  if (goesOn !== undefined) throw new Error('writes are acknowledged, and there is no space for them')
  for (const id of ids) await startsOrSays(scene, id)
  await Promise.all(ids.map((id) => free(mountOf(id))))
  await scene.heals()
})

/** A node that has ended has said why; it starts on the full disk, or says why not. */
async function startsOrSays(scene: Scene, id: Id): Promise<void> {
  const { ended } = scene.replica(id)
  if (ended === undefined) return
  scene.checkWords(id, ended)
  await scene.stop(id)
  const refused = await scene.start(id)
  if (refused !== undefined) scene.checkWords(id, refused)
}

export const space: readonly Fault[] = [onOne('leader'), onOne('follower'), everywhere]

function fault(name: string, play: (scene: Scene, mountOf: (id: Id) => string) => Promise<void>): Fault {
  const run = async ({ folder }: Surroundings): Promise<Result> =>
    await Mounts.use(folder, async (mounts) => {
      const mounted = new Map<Id, string>()
      for (const id of ids) mounted.set(id, await mounts.small(`disk-${id}`))
      const mountOf = (id: Id): string => mounted.get(id) ?? ''
      const dirs = new Map(ids.map((id) => [id, join(mountOf(id), `node-${id}`)]))
      return await played({ kind, name }, (scene) => play(scene, mountOf), dirs)
    })
  return { kind, name, missing: missingMounts, run }
}
