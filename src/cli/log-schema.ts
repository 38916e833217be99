// What is known of the commands in a log: by `--schema`, or else by what the builds have left beside it that ran there.
import type { Inspection } from '../storage/inspect.ts'
import { CommandDecoder } from './command-decoder.ts'
import { openKept, openLock } from './schema-lock.ts'

export interface LogSchema {
  /** None: commands are shown as bytes. */
  readonly decoder: CommandDecoder | undefined
  /** Why there is none, or what else should be known. */
  readonly notice: string | undefined
}

/** `found`: a data directory. Throws `WrongUse` where nothing that could be read is named. */
export function openSchema(argument: string | undefined, found: Pick<Inspection, 'dir' | 'machine' | 'schema'>): LogSchema {
  const { dir, machine, schema } = found
  if (argument === undefined && schema === undefined) return { decoder: undefined, notice: undefined }
  const { name, lock, mismatch, notice } = argument === undefined ? openKept(found) : { ...openLock(argument, machine), notice: undefined }
  if (mismatch !== undefined) return { decoder: undefined, notice: `${dir} holds a log of ${mismatch}; commands are shown as bytes` }
  if (lock === undefined) return { decoder: undefined, notice }
  const unknown = `${dir} does not say which machine wrote its log; commands are read as those of ${name}`
  return { decoder: new CommandDecoder(lock), notice: machine === undefined ? unknown : notice }
}
