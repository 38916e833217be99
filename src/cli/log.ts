// `raftgen log ...`: what its commands have in common.
import { statSync } from 'node:fs'
import { RaftgenError } from '../errors.ts'
import type { ExitCode } from './exit-code.ts'
import { Advised, WrongUse } from './wrong-use.ts'
import type { LogCommandLine } from './log-program.ts'
import { withScratch } from './scratch.ts'
import type { Terminal } from './terminal.ts'

export async function logCommand(line: LogCommandLine, terminal: Terminal): Promise<ExitCode> {
  const dir = dataDirOf(line.dir)
  return await withStoppedNode((scratch) => run({ ...line, dir }, { scratch, terminal }))
}

/** Looks at the directory of a node that must not run. `scratch`: an empty directory, removed afterwards. */
export async function withStoppedNode<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  try {
    return await withScratch(work)
  } catch (error) {
    if (!(error instanceof RaftgenError) || error.code !== 'STORAGE_LOCKED') throw error
    const hint = 'Stop the node first. To have it down for less time, copy the directory while it is stopped, and look at the copy.'
    throw new Advised(error, hint)
  }
}

export interface LogContext {
  /** An empty directory, removed afterwards. */
  readonly scratch: string
  readonly terminal: Terminal
}

async function run(line: LogCommandLine, context: LogContext): Promise<ExitCode> {
  switch (line.name) {
    case 'verify': {
      const { verifyLog } = await import('./log-verify.ts')
      return await verifyLog(line, context)
    }
    case 'show': {
      const { showLog } = await import('./log-show.ts')
      return await showLog(line, context)
    }
    case 'repair': {
      const { repairLog } = await import('./log-repair.ts')
      return await repairLog(line, context)
    }
  }
}

/** As it was written, without a slash at its end. Throws `WrongUse`. */
export function dataDirOf(argument: string): string {
  const dir = argument.replace(/(?<=.)[/\\]+$/, '')
  const stats = statSync(dir, { throwIfNoEntry: false })
  const hint = 'Name the data directory of a node: the one that it is started with.'
  if (stats === undefined) throw new WrongUse(`there is no directory ${dir}`, hint)
  if (!stats.isDirectory()) throw new WrongUse(`${dir} is not a directory`, hint)
  return dir
}

/** A whole number from 1. Throws `WrongUse`. */
export function parsedNumber(text: string, option: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
  throw new WrongUse(`${option}: '${text}' is not a whole number from 1`, 'Entries are numbered from 1.')
}
