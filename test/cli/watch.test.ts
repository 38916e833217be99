import { spawn } from 'node:child_process'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { built, builtMain } from './built.ts'
import { add, counterSchema, project, reset, textOf } from './project.ts'
import { writeFiles } from './temporary-folder.ts'

beforeAll(built, 180_000)

/** `raftgen --watch` under observation. */
function watching(folder: string) {
  const child = spawn(process.execPath, [builtMain, 'schema.ts', '--watch'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let err = ''
  let onText = (): void => {}
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    onText()
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    ended,
    /** Waits until `text` has been said, and forgets what came before its end. */
    async says(text: string): Promise<void> {
      await new Promise<void>((resolve, reject) => {
        const deadline = setTimeout(() => reject(new Error(`not said within 20 s: ${text}\nbut: ${err}`)), 20_000)
        onText = () => {
          const at = err.indexOf(text)
          if (at === -1) return
          err = err.slice(at + text.length)
          clearTimeout(deadline)
          resolve()
        }
        onText()
      })
    },
  }
}

test('--watch generates again when the schema or what it imports changes, outlives a bad schema, and ends fine with SIGINT', async () => {
  const imported = counterSchema()
    .replace('Type.Object({ by: Type.Integer() })', 'Add')
    .replace('import Type', "import { Add } from './add.js'\nimport Type")
  const folder = project({
    'schema.ts': imported,
    'add.ts': "import Type from 'typebox'\nexport const Add = Type.Object({ by: Type.Integer() })\n",
  })
  const { child, ended, says } = watching(folder)
  await says('counter: 9 created')
  await says('watching schema.ts and 1 import; Ctrl-C ends\n')

  writeFiles(folder, { 'add.ts': "import Type from 'typebox'\nexport const Add = Type.Object({ amount: Type.Integer() })\n" })
  await says('updated')
  await says('watching schema.ts and 1 import; Ctrl-C ends\n')
  expect(textOf(folder, 'generated/types.ts')).toContain('amount')

  writeFiles(folder, { 'schema.ts': 'export default {\n' })
  await says('1 error; nothing was written\n')
  await says('watching schema.ts; Ctrl-C ends\n')

  writeFiles(folder, { 'schema.ts': counterSchema({ commands: `${add}\n${reset}` }) })
  await says('stubs in handlers.ts: reset\n')
  await says('watching schema.ts; Ctrl-C ends\n')

  child.kill('SIGINT')
  expect(await ended).toBe(0)
}, 60_000)
