// What `--schema` names, and whether it can read the log at hand.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { readLock } from '../../codegen/lock-file.ts'
import type { MachineFormat } from '../storage/machine-file.ts'
import { CommandDecoder } from './command-decoder.ts'
import { WrongUse } from './exit-code.ts'
import { shownPath } from './terminal.ts'

const lockEnd = '.wire.json'

export interface LogSchema {
  /** None: commands are shown as bytes. */
  readonly decoder: CommandDecoder | undefined
  /** Why there is none, or what else should be known. */
  readonly notice: string | undefined
}

/** `machine`: as the data directory `dir` notes it. Throws `WrongUse` where nothing that could be read is named. */
export function openSchema(argument: string | undefined, { machine, dir }: { machine: MachineFormat | undefined; dir: string }): LogSchema {
  if (argument === undefined) return { decoder: undefined, notice: undefined }
  const path = resolve(argument)
  if (!existsSync(path)) throw new WrongUse(`there is no schema file ${argument}`, 'Correct the path.')
  const file = path.endsWith(lockEnd) ? path : lockBeside(path, machine)
  const name = basename(file, lockEnd)
  const read = readLock(readFileSync(file, 'utf8'), name)
  if (read.kind === 'unreadable') throw new WrongUse(`${shownPath(file)}: ${read.problem.message}`, read.problem.hint)
  if (read.lock === undefined) return { decoder: undefined, notice: undefined }
  const decoder = new CommandDecoder(read.lock)
  if (machine === undefined)
    return { decoder, notice: `${dir} does not say which machine wrote its log; commands are read as those of ${name}` }
  const without = (what: string): LogSchema => ({
    decoder: undefined,
    notice: `${dir} holds a log of ${what}; commands are shown as bytes`,
  })
  if (machine.name !== name) return without(`the machine ${machine.name}, and ${shownPath(file)} is of ${name}`)
  const locked = read.lock.versions[machine.version]
  const written = `${name} in version ${machine.version} with wire format ${machine.wire}`
  if (locked === undefined) return without(`${written}, and ${shownPath(file)} has no version ${machine.version}`)
  if (locked.wire !== machine.wire) return without(`${written}, and version ${machine.version} in ${shownPath(file)} has ${locked.wire}`)
  return { decoder, notice: undefined }
}

/** The lock of the machine that wrote the log; where nothing says who did, the only one there is. */
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
