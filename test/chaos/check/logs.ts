// The data directories of nodes that have stopped, as the tools of an operator see them: whole, and with the commands that were applied.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Applied, isSame } from './applied.ts'
import { Findings } from './findings.ts'

const raftgen = new URL('../../../dist/src/cli/main.cjs', import.meta.url).pathname
const schema = new URL('../machine/schema.ts', import.meta.url).pathname

export interface CheckedLogs {
  readonly problems: readonly string[]
  /** Commands in the logs that were compared. */
  readonly compared: number
}

/** `dirs`: by the ids of their nodes. */
export async function checkLogs(dirs: ReadonlyMap<number, string>, applied: Applied): Promise<CheckedLogs> {
  const findings = new Findings()
  let compared = 0
  for (const [id, dir] of dirs) {
    const verified = await run(['log', 'verify', dir], () => undefined)
    if (verified.code !== 0) findings.add(`the directory of node ${id} is whole`, verified.said)
    const shown = await run(['log', 'show', dir, '--schema', schema, '--json'], (line) => {
      const entry: unknown = JSON.parse(line)
      if (!isCommandEntry(entry)) return
      const { index, command, input } = entry
      const here = applied.commands.get(index)
      // An entry that was not applied is one that its session had brought before.
      if (here === undefined) return
      compared += 1
      if (!isSame(here, { index, command, input }))
        findings.add('what was applied is what the log holds', `node ${id} has ${line}, applied was ${JSON.stringify(here)}`)
    })
    if (shown.code !== 0) findings.add(`the log of node ${id} can be shown`, shown.said)
  }
  return { problems: findings.sentences, compared }
}

interface CommandEntry {
  readonly kind: 'command'
  readonly index: number
  readonly command: string
  readonly input: { readonly key: string; readonly value: number; readonly expected?: number | null }
}

function isCommandEntry(entry: unknown): entry is CommandEntry {
  return typeof entry === 'object' && entry !== null && 'kind' in entry && entry.kind === 'command' && 'input' in entry
}

async function run(args: readonly string[], onLine: (line: string) => void): Promise<{ readonly code: number; readonly said: string }> {
  const child = spawn(process.execPath, [raftgen, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
  })
  let last = ''
  for await (const line of createInterface({ input: child.stdout })) {
    last = line
    onLine(line)
  }
  const [code] = await closed
  return { code: Number(code), said: `${last} ${said}`.trim() }
}
