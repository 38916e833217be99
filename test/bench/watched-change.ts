// How long `raftgen --watch` takes from a saved change to the end of its run, on a schema of a hundred commands: `npm run bench:watch`.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { hundredCommands } from '../cli/hundred-commands.ts'

const changes = 15
/** Between two changes: a person needs longer. */
const pauseMs = 5_000

const root = resolve(import.meta.dirname, '../..')
const main = join(root, 'dist/src/cli/main.cjs')
const folder = mkdtempSync(join(tmpdir(), 'raftgen-watch-'))
const schema = join(folder, 'schema.ts')
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
const shown = (times: readonly number[]): string => `median ${median(times).toFixed(0)} ms (${times.map((ms) => ms.toFixed(0)).join(', ')})`
const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

/** What this machine takes for a fixed piece of work: 40 ms or so on a laptop that has nothing else to do. */
function pace(): number {
  const started = performance.now()
  let sum = 0
  for (let i = 0; i < 40_000_000; i++) sum = (sum * 31 + i) % 1_000_003
  return performance.now() - started + (sum < 0 ? 1 : 0)
}

function coldRun(edit: number): number {
  writeFileSync(schema, hundredCommands(edit))
  const started = performance.now()
  spawnSync(process.execPath, [main, schema])
  return performance.now() - started
}

try {
  console.log(`fixed piece of work: ${shown(Array.from({ length: 5 }, pace))}`)
  console.log(`raftgen schema.ts:   ${shown([1, 2, 3].map(coldRun))}`)
  const child = spawn(process.execPath, [main, schema, '--watch'], { stdio: ['ignore', 'ignore', 'pipe'] })
  let onText = (_: string): void => {}
  child.stderr.setEncoding('utf8').on('data', (text: string) => onText(text))
  const ended = (): Promise<number> =>
    new Promise((resume) => {
      onText = (text) => {
        if (text.includes('Ctrl-C ends')) resume(performance.now())
      }
    })
  await ended()
  const times: number[] = []
  for (let i = 0; i < changes; i++) {
    await pause(pauseMs)
    const end = ended()
    const started = performance.now()
    writeFileSync(schema, hundredCommands(10 + i))
    times.push((await end) - started)
  }
  console.log(`--watch, a change:   ${shown(times)}`)
  child.kill()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
