// One run of `--watch`, in a process of its own: loads all that a run needs, waits for its command line, runs it once, and ends.
import { existsSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { localImports } from './local-imports.ts'
import { packageRoot } from './own-package.ts'
import { runCommand } from './program.ts'
import { processTerminal } from './terminal.ts'
import { endChannel } from './warm-child.ts'

/** After so many the compiler of JavaScript has seen what is used often. */
const rehearsals = 12

const [, , schemaFile = ''] = process.argv
/** Where most projects have it. */
const handlersFile = join(dirname(schemaFile), 'handlers.ts')

let ordered: readonly string[] | undefined
const order = new Promise<readonly string[]>((resolve) => {
  process.once('message', (args: readonly string[]) => {
    ordered = args
    resolve(args)
  })
})
// Whoever waited for us is gone.
process.once('disconnect', () => {
  if (ordered === undefined) process.exit(0)
})

await rehearse()
if (ordered === undefined) {
  globalThis.gc?.()
  process.send?.('warm')
}
const args = await order
// From here on the process is that of the schema: nothing of ours is to be seen.
process.disconnect()
const code = await runCommand(args, processTerminal)
process.stdout.write('', () => process.stderr.write('', () => end()))

/** Tells the watcher once what the schema does at its exit is done too: the memory of a process takes a while to be given back. */
function end(): void {
  process.once('exit', () => {
    try {
      writeSync(endChannel, '.')
    } catch {
      // Nobody listens any more.
    }
  })
  process.exit(code)
}

/** Reads the schema as it is now, without running it, and generates one of ours; writes nothing. Gives way to an order. */
async function rehearse(): Promise<void> {
  const [{ generate }, { findHandlers }, { SchemaSource }, { transpiled }] = await Promise.all([
    import('../../codegen/generate.ts'),
    import('../../codegen/stub-place.ts'),
    import('../../codegen/source.ts'),
    import('../../codegen/transpile.ts'),
    import('./generate.ts'),
    import('../../codegen/stubs.ts'),
    import('../../codegen/migrations.ts'),
  ])
  const ours = join(packageRoot(), 'templates/service/schema.ts')
  for (let done = 0; done < rehearsals && !(await isOrdered()); done++) {
    // What is wrong with the project will be told by the run.
    await generate({ schemaFile: ours }).catch(() => undefined)
    for (const [path, text] of localImports(schemaFile)) {
      if (text === undefined || (await isOrdered())) continue
      transpiled({ source: text, filename: path, async: true })
      if (path === schemaFile) new SchemaSource({ path, text, shown: (file) => file }).machine()
    }
    if (!(await isOrdered()) && existsSync(handlersFile)) findHandlers(readFileSync(handlersFile, 'utf8'), '')
  }
}

/** Lets messages arrive. */
async function isOrdered(): Promise<boolean> {
  await new Promise((resume) => setImmediate(resume))
  return ordered !== undefined
}
