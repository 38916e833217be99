// What `--schema` names, or a data directory keeps: the wire lock of a machine, and whether it can read what that machine has written.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Lock } from '../../codegen/lock.ts'
import { readLock } from '../../codegen/lock-file.ts'
import type { MachineFormat } from '../storage/machine-file.ts'
import { type KeptSchema, schemaPath } from '../storage/schema-file.ts'
import { WrongUse } from './wrong-use.ts'
import { shownPath } from './terminal.ts'

const lockEnd = '.wire.json'

export interface OpenLock {
  /** Of which machine. */
  readonly name: string
  /** None where it cannot read what is at hand. */
  readonly lock: Lock | undefined
  /** Why there is none, without a full stop: `locks in version 2 with wire format aa, and locks.wire.json has no version 2`. */
  readonly mismatch: string | undefined
}

/** `machine`: who has written what is at hand, as far as that is known. Throws `WrongUse` where nothing that could be read is named. */
export function openLock(argument: string, machine: MachineFormat | undefined): OpenLock {
  const path = resolve(argument)
  if (!existsSync(path)) throw new WrongUse(`there is no schema file ${argument}`, 'Correct the path.')
  const file = path.endsWith(lockEnd) ? path : lockBeside(path, machine)
  const name = basename(file, lockEnd)
  const read = readLock(readFileSync(file, 'utf8'), name)
  if (read.kind === 'unreadable') throw new WrongUse(`${shownPath(file)}: ${read.problem.message}`, read.problem.hint)
  const { lock } = read
  const mismatch = machine === undefined || lock === undefined ? undefined : mismatchOf(lock, machine, { name, file: shownPath(file) })
  return { name, lock: mismatch === undefined ? lock : undefined, mismatch }
}

export interface KeptLock extends OpenLock {
  /** Which was used, or why it is of no use. */
  readonly notice: string | undefined
}

/** What the builds have left in `dir` that ran on it. `machine`: as for `openLock`. */
export function openKept({ dir, machine, schema }: KeptIn): KeptLock {
  const file = schemaPath(dir)
  if (schema === undefined) return { name: '', lock: undefined, mismatch: undefined, notice: undefined }
  const { machine: name, versions } = schema
  const entries = versions.map(({ version, text }) => `${JSON.stringify(`${version}`)}: ${text}`)
  const read = readLock(`{ "lock": 2, "machine": ${JSON.stringify(name)}, "versions": { ${entries.join(', ')} } }`, name)
  if (read.kind === 'unreadable' || read.lock === undefined) {
    return { name, lock: undefined, mismatch: undefined, notice: `${file} is not one that this release of raftgen can read` }
  }
  const mismatch = machine === undefined ? undefined : mismatchOf(read.lock, machine, { name, file })
  if (mismatch !== undefined) return { name, lock: undefined, mismatch, notice: undefined }
  const numbers = versions.map(({ version }) => version)
  const notice = `the schema in ${file} is used: ${name}, ${numbers.length === 1 ? 'version' : 'versions'} ${numbers.join(', ')}`
  return { name, lock: read.lock, mismatch: undefined, notice }
}
interface KeptIn {
  readonly dir: string
  readonly machine: MachineFormat | undefined
  readonly schema: KeptSchema | undefined
}

function mismatchOf(
  lock: Lock,
  machine: MachineFormat,
  { name, file }: { readonly name: string; readonly file: string },
): string | undefined {
  if (machine.name !== name) return `the machine ${machine.name}, and ${file} is of ${name}`
  const locked = lock.versions[machine.version]
  const written = `${name} in version ${machine.version} with wire format ${machine.wire}`
  if (locked === undefined) return `${written}, and ${file} has no version ${machine.version}`
  return locked.wire === machine.wire ? undefined : `${written}, and version ${machine.version} in ${file} has ${locked.wire}`
}

/** The lock of the machine that wrote what is at hand; where nothing says who did, the only one there is. */
function lockBeside(path: string, machine: MachineFormat | undefined): string {
  const folder = statSync(path).isDirectory() ? path : dirname(path)
  const locks = readdirSync(folder).filter((name) => name.endsWith(lockEnd))
  const wanted = machine === undefined ? undefined : `${machine.name}${lockEnd}`
  const [first, second] = locks
  if (wanted !== undefined && locks.includes(wanted)) return join(folder, wanted)
  if (first === undefined) {
    throw new WrongUse(
      `there is no wire lock (*${lockEnd}) in ${shownPath(folder)}`,
      'Name the schema that the node was generated from, or its wire lock.',
    )
  }
  if (second !== undefined) {
    throw new WrongUse(`there are several wire locks in ${shownPath(folder)}: ${locks.join(', ')}`, 'Name one of them with --schema.')
  }
  return join(folder, first)
}
