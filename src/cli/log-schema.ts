// What `--schema` says of the commands in a log.
import type { MachineFormat } from '../storage/machine-file.ts'
import { CommandDecoder } from './command-decoder.ts'
import { openLock } from './schema-lock.ts'

export interface LogSchema {
  /** None: commands are shown as bytes. */
  readonly decoder: CommandDecoder | undefined
  /** Why there is none, or what else should be known. */
  readonly notice: string | undefined
}

/** `machine`: as the data directory `dir` notes it. Throws `WrongUse` where nothing that could be read is named. */
export function openSchema(argument: string | undefined, { machine, dir }: { machine: MachineFormat | undefined; dir: string }): LogSchema {
  if (argument === undefined) return { decoder: undefined, notice: undefined }
  const { name, lock, mismatch } = openLock(argument, machine)
  if (mismatch !== undefined) return { decoder: undefined, notice: `${dir} holds a log of ${mismatch}; commands are shown as bytes` }
  if (lock === undefined) return { decoder: undefined, notice: undefined }
  const unknown = `${dir} does not say which machine wrote its log; commands are read as those of ${name}`
  return { decoder: new CommandDecoder(lock), notice: machine === undefined ? unknown : undefined }
}
