// A disk that does not answer: each sync takes longer than clients wait for a leader. It is no error; the others must go on without it.
import { log, newest } from '../files.ts'
import { type Fault, played } from './fault.ts'
import { inject, missingStrace } from './strace.ts'

const kind = 'hung disk (strace)'
const hungMs = 20_000

export const slow: readonly Fault[] = (['leader', 'follower'] as const).map((role) => {
  const name = `each sync of the ${role} takes ${hungMs / 1_000} s`
  return {
    kind,
    name,
    missing: missingStrace,
    run: async () =>
      await played({ kind, name }, async (scene) => {
        const victim = await scene.one(role)
        const path = await newest(log, scene.trio.dir(victim))
        const end = await inject(scene.replica(victim).pid, { calls: 'fdatasync', what: `delay_enter=${hungMs * 1_000}`, path })
        try {
          await scene.serves('while the disk hangs', { calls: 50, timeoutMs: hungMs / 2 })
        } finally {
          await end()
        }
        await scene.heals()
      }),
  }
})
