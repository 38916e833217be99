// Now and then a sync fails, as libfiu has it: the node stops, is started again, and meets the same.
import { type Fault, played } from './fault.ts'
import { missingTools, output } from './tools.ts'

const kind = 'sync fails (libfiu)'
const lives = 4
const probability = 0.03

const wrap = { command: ['fiu-run', '-x', '-c', `enable_random name=posix/io/sync/fdatasync,probability=${probability}`] }

async function missing(): Promise<string | undefined> {
  const tools = await missingTools(['fiu-run'])
  if (tools !== undefined) return tools
  return await output('fiu-run', ['-x', process.execPath, '--version']).then(
    () => undefined,
    (error: Error) => `fiu-run does not work here: ${error.message.split('\n').at(-1)}`,
  )
}

export const libfiu: readonly Fault[] = (['leader', 'follower'] as const).map((role) => {
  const name = `of the ${role}, in ${lives} lives`
  return {
    kind,
    name,
    missing,
    run: async () =>
      await played({ kind, name }, async (scene) => {
        const victim = await scene.one(role)
        await scene.stop(victim)
        for (let life = 0; life < lives; life++) {
          const refused = await scene.start(victim, wrap)
          if (refused === undefined) {
            if (role === 'leader') await scene.trio.lead(victim).catch(() => undefined)
            await scene.ends(victim)
          } else scene.checkWords(victim, refused)
          await scene.serves('without it')
          await scene.stop(victim)
        }
        await scene.heals()
      }),
  }
})
