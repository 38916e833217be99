// Disks that fail, hang or are full. A node whose write fails says so and stops; it is started again, as a supervisor would.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { log, newest } from '../../disk/files.ts'
import { fill, free } from '../../disk/faults/mounts.ts'
import { inject, missingStrace } from '../../disk/faults/strace.ts'
import { eventually } from '../../server/servers.ts'
import { cast, type Fault, type Felt, type Scene } from './fault.ts'

const endsWithinMs = 8_000
/** Several times what LevelDB may be behind the journal. */
const noticesWithinMs = 1_000
const shortestMs = 500
const longestMs = 2_500

type Role = 'leader' | 'follower'
const roles: readonly Role[] = ['leader', 'follower']

async function victimOf(scene: Scene, role: Role): Promise<number> {
  const { leader, others } = cast(scene)
  return role === 'leader' ? leader : (others[0] ?? leader)
}

/** While `during` lasts node `id` may stop for its disk; afterwards it runs again. */
async function supervised(scene: Scene, id: number, during: () => Promise<void>): Promise<string> {
  const { cluster } = scene
  cluster.expect(id, 'STORAGE_FAILED')
  try {
    await during()
    return cluster.endedWith(id) ?? 'it went on'
  } finally {
    if (cluster.isUp(id)) cluster.expect(id, undefined)
    await cluster.revive([id])
  }
}

const hasEnded = (scene: Scene, id: number): true | undefined => (scene.cluster.isUp(id) ? undefined : true)

const failing = (role: Role): Fault => ({
  family: 'disk',
  lane: 'process',
  name: `writes of the journal and the high water fail, of the ${role}`,
  run: async (scene) => {
    const id = await victimOf(scene, role)
    const what = await supervised(scene, id, async () => {
      await scene.cluster.order(id, { kind: 'disk', fault: 'EIO', delayMs: 0 })
      await eventually('end', () => hasEnded(scene, id), endsWithinMs).catch(() => undefined)
      if (scene.cluster.isUp(id)) await scene.cluster.order(id, { kind: 'disk', fault: 'none', delayMs: 0 })
    })
    return { hits: what === 'STORAGE_FAILED' ? 1 : 0, detail: `node ${id}: ${what}` }
  },
})

const slow = (role: Role): Fault => ({
  family: 'disk',
  lane: 'process',
  name: `writes of the journal and the high water are late, of the ${role}`,
  run: async (scene) => {
    const id = await victimOf(scene, role)
    const delayMs = scene.chance.pick([20, 100, 700])
    const before = await scene.cluster.order(id, { kind: 'disk', fault: 'slow', delayMs })
    await scene.hold(scene.chance.between(shortestMs, longestMs))
    const after = await scene.cluster.order(id, { kind: 'disk', fault: 'none', delayMs: 0 })
    return { hits: Math.max(0, after - before), detail: `node ${id}, each by ${delayMs} ms` }
  },
})

const traced = (role: Role, kind: 'fails' | 'is late'): Fault => ({
  family: 'disk',
  lane: 'process',
  name: `a sync of LevelDB's log ${kind} (strace), of the ${role}`,
  missing: missingStrace,
  run: async (scene) => {
    const id = await victimOf(scene, role)
    const trace = join(scene.folder, 'strace.txt')
    const what = kind === 'fails' ? 'error=EIO' : `delay_enter=${scene.chance.pick([20, 100, 400]) * 1_000}`
    const told = await supervised(scene, id, async () => {
      const path = await newest(log, scene.cluster.dir(id))
      const end = await inject(scene.cluster.process(id).pid, { calls: 'fdatasync', what, path, trace })
      if (kind === 'fails') await eventually('end', () => hasEnded(scene, id), endsWithinMs).catch(() => undefined)
      else await scene.hold(scene.chance.between(shortestMs, longestMs))
      await end()
    })
    const hits = (await readFile(trace, 'utf8')).split('\n').filter((line) => /INJECTED|DELAYED/.test(line)).length
    return { hits, detail: `node ${id}, ${what}: ${told}` }
  },
})

const full: Fault = {
  family: 'disk',
  lane: 'process',
  name: 'no space (tmpfs)',
  missing: (scene) => Promise.resolve(scene.small === undefined ? 'no node has a disk of its own here' : undefined),
  run: async (scene): Promise<Felt> => {
    const { small } = scene
    if (small === undefined) return { hits: 0, detail: 'no disk' }
    const { id, path } = small
    const what = await supervised(scene, id, async () => {
      await fill(path)
      await scene.hold(scene.chance.between(shortestMs, longestMs))
      await free(path)
      // LevelDB is given what is in the journal some time later: what it could not write is noticed then.
      await eventually('end', () => hasEnded(scene, id), noticesWithinMs).catch(() => undefined)
    })
    return { hits: 1, detail: `node ${id}: ${what}` }
  },
}

export const disks: readonly Fault[] = [
  ...roles.map(failing),
  ...roles.map(slow),
  ...roles.flatMap((role) => [traced(role, 'fails'), traced(role, 'is late')]),
  full,
]
