// `raftgen freeze <schema.ts>`: generate, then mark the version in the wire lock as frozen, then generate again, since the code says so too.
// Every step can be repeated: a run that is cut off in between is finished by the next.
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Lock } from '../../codegen/lock.ts'
import { writePlan } from '../../codegen/write.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { generateCommand } from './generate.ts'
import type { FreezeOptions } from './program.ts'
import { schemaFileOf } from './schema-file.ts'
import { shownPath, type Terminal } from './terminal.ts'

export interface FreezeCommand {
  readonly schema: string
  readonly options: FreezeOptions
  readonly terminal: Terminal
}

export async function freezeCommand({ schema, options, terminal }: FreezeCommand): Promise<ExitCode> {
  const machine = { name: '', version: 0 }
  // With --json there is one object: ours, or that of a generation that found errors.
  let found = ''
  const keep = (line: string): void => {
    found = line
  }
  const generate = (): Promise<ExitCode> =>
    generateCommand({
      schema,
      options,
      terminal: options.json === true ? { ...terminal, out: keep } : terminal,
      onPlan: ({ name, version }) => Object.assign(machine, { name, version }),
    })
  const code = await generate()
  if (code !== exitCode.fine) {
    if (options.json === true) terminal.out(found)
    return code
  }

  const { name, version } = machine
  const file = join(dirname(schemaFileOf(schema)), `${name}.wire.json`)
  const changed = await freeze(file, { name, version })
  if (changed) await generate()
  if (options.json === true) terminal.out(JSON.stringify({ ok: true, machine: name, version, lock: shownPath(file), changed }))
  terminal.err(`${name}: version ${version} is frozen${changed ? '; commit it before you deploy' : ' already'}`)
  return exitCode.fine
}

/** Whether there was something to change. */
async function freeze(file: string, { name, version }: { readonly name: string; readonly version: number }): Promise<boolean> {
  const { lockText, readLock } = await import('../../codegen/lock-file.ts')
  const text = await readFile(file, 'utf8')
  const read = readLock(text, name)
  const locked = read.kind === 'read' ? read.lock?.versions[version] : undefined
  if (read.kind === 'unreadable' || read.lock === undefined || locked === undefined) {
    throw new WrongUse(`${shownPath(file)} was changed while raftgen was reading it; nothing is frozen`, 'Run it again.')
  }
  if (locked.status === 'frozen') return false
  const frozen: Lock = { ...read.lock, versions: { ...read.lock.versions, [version]: { ...locked, status: 'frozen' } } }
  await writePlan({ files: [{ path: file, text: lockText(frozen), basis: { text } }], stale: [] })
  return true
}
