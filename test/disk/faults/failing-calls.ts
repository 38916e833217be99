// Calls for files of a node that fail with EIO: a write or a sync stops it, and is never tried again; a read is damage.
import { type FileKind, current, highWater, identity, journal, log, manifest, newest, peers, snapshot, table } from '../files.ts'
import type { Wrap } from '../replicas.ts'
import { type Fault, played } from './fault.ts'
import type { Scene } from './scene.ts'
import { inject, missingStrace, straced } from './strace.ts'

const roles = ['leader', 'follower'] as const

const writes: readonly { readonly name: string; readonly calls: string; readonly file: FileKind }[] = [
  { name: "a sync of LevelDB's log fails", calls: 'fdatasync,fsync', file: log },
  { name: "a write to LevelDB's log fails", calls: 'write,pwrite64', file: log },
  // The high water is in it, and in its own file only at a start and at a close.
  { name: 'a write to the journal fails', calls: 'write,pwrite64', file: journal },
]

const failingWrites: readonly Fault[] = writes.flatMap(({ name, calls, file }) =>
  roles.map((role) =>
    fault('EIO on writes (strace)', `${name}, of the ${role}`, async (scene) => {
      const victim = await scene.one(role)
      const path = await newest(file, scene.trio.dir(victim))
      const end = await inject(scene.replica(victim).pid, { calls, what: 'error=EIO', path })
      try {
        const ended = await scene.ends(victim)
        if (ended.code !== 'STORAGE_FAILED') throw new Error(`it ends with ${ended.code}`)
        await scene.serves('without it')
      } finally {
        await end()
      }
      await scene.heals()
    }),
  ),
)

const reads: readonly { readonly file: FileKind; readonly calls: string }[] = [
  { file: log, calls: 'read,pread64' },
  // LevelDB reads tables through memory.
  { file: table, calls: 'mmap,pread64,read' },
  { file: manifest, calls: 'read,pread64' },
  { file: current, calls: 'read,pread64' },
  { file: highWater, calls: 'read,pread64' },
  { file: journal, calls: 'read,pread64' },
  { file: identity, calls: 'read,pread64' },
  { file: peers, calls: 'read,pread64' },
  { file: snapshot, calls: 'read,pread64' },
]

const failingReads: readonly Fault[] = reads.map(({ file, calls }) =>
  fault('EIO on reads (strace)', `a start that cannot read ${file.name}`, async (scene) => {
    const victim = await scene.one('follower')
    await scene.stop(victim)
    const path = await newest(file, scene.trio.dir(victim))
    await startsOrSays(scene, victim, straced({ calls, what: 'error=EIO', path }))
    await scene.stop(victim)
    await scene.heals()
  }),
)

/** With the fault it comes up, or says why not. */
async function startsOrSays(scene: Scene, victim: Parameters<Scene['start']>[0], wrap: Wrap): Promise<void> {
  const ended = await scene.start(victim, wrap)
  if (ended !== undefined) scene.checkWords(victim, ended)
  await scene.serves('while it has the fault')
}

export const failingCalls: readonly Fault[] = [...failingWrites, ...failingReads]

function fault(kind: string, name: string, play: (scene: Scene) => Promise<void>): Fault {
  return { kind, name, missing: missingStrace, run: async () => await played({ kind, name }, play) }
}
