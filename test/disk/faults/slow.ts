// A disk that does not answer: each sync takes longer than clients wait for a leader. It is no error; the others must go on without it.
import { type FileKind, journal, log, newest } from '../files.ts'
import { type Fault, played } from './fault.ts'
import { inject, missingStrace } from './strace.ts'

const kind = 'hung disk (strace)'
const hungMs = 20_000

const hung: readonly { readonly name: string; readonly calls: string; readonly file: FileKind }[] = [
  { name: 'write to the journal', calls: 'write,pwrite64', file: journal },
  // Behind the journal: nothing waits for it for a while.
  { name: "sync of LevelDB's log", calls: 'fdatasync', file: log },
]

export const slow: readonly Fault[] = hung.flatMap(({ name: call, calls, file }) =>
  (['leader', 'follower'] as const).map((role) => {
    const name = `each ${call} of the ${role} takes ${hungMs / 1_000} s`
    return {
      kind,
      name,
      missing: missingStrace,
      run: async () =>
        await played({ kind, name }, async (scene) => {
          const victim = await scene.one(role)
          const path = await newest(file, scene.trio.dir(victim))
          const end = await inject(scene.replica(victim).pid, { calls, what: `delay_enter=${hungMs * 1_000}`, path })
          try {
            await scene.serves('while the disk hangs', { calls: 50, timeoutMs: hungMs / 2 })
          } finally {
            await end()
          }
          await scene.heals()
        }),
    }
  }),
)
