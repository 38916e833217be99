// `raftgen state diff`: where the states of two replicas differ after the same entry.
import { realpathSync } from 'node:fs'
import { RaftgenError } from '../errors.ts'
import { readSchema } from '../storage/schema-file.ts'
import { WireError } from '../wire/bytes.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { Advised, WrongUse } from './wrong-use.ts'
import { parsedNumber } from './log.ts'
import { slowly } from './log-progress.ts'
import { openKept, openLock } from './schema-lock.ts'
import { closePair, openPair, type Pair } from './snapshot-pair.ts'
import { compareStates } from './state-comparison.ts'
import { limitDefault, type StateCommandLine } from './state-program.ts'
import { type StateReader, stateReader } from './state-reader.ts'
import type { Comparison } from './state-tally.ts'
import { comparisonLines, comparisonObject } from './state-words.ts'
import type { Terminal } from './terminal.ts'
import { visibleText } from './value-text.ts'

export async function diffStates({ dirs, options }: Pick<StateCommandLine, 'dirs' | 'options'>, terminal: Terminal): Promise<ExitCode> {
  const at = options.at === undefined ? undefined : parsedNumber(options.at, '--at')
  const limit = options.limit === undefined ? limitDefault : parsedLimit(options.limit)
  const [dirA, dirB] = dirs
  if (realpathSync(dirA) === realpathSync(dirB))
    throw new WrongUse(`${dirA} and ${dirB} are the same directory`, 'Name those of two nodes.')
  const say = slowly(terminal)
  const pair = await openPair(dirs, {
    at,
    notice: (text) => terminal.err(text),
    onFile: (path) => say(() => `verifying ${path}`),
    onRead: ({ seen, position, bytes }) => say(() => `comparing ${seen.path}: ${Math.floor((position / bytes) * 100)} %`),
  })
  try {
    const { reader, notice } = await openReader(options.schema, pair)
    if (notice !== undefined) terminal.err(notice)
    const comparison = await compare(pair, { reader, limit })
    for (const misfit of comparison.misfits) terminal.err(visibleText(misfit))
    if (options.json === true) terminal.out(JSON.stringify(comparisonObject(pair, comparison)))
    else terminal.out(comparisonLines(pair, comparison).join('\n'))
    return comparison.count === 0 ? exitCode.fine : exitCode.findings
  } finally {
    await closePair(pair)
  }
}

interface Reading {
  readonly reader: StateReader
  readonly notice: string | undefined
}

async function openReader(argument: string | undefined, pair: Pair): Promise<Reading> {
  const [{ dir, head }] = pair
  const { machine } = head
  if (argument === undefined) return (await keptReader(pair)) ?? { reader: stateReader(undefined, machine), notice: undefined }
  const { lock, mismatch } = openLock(argument, machine)
  const notice = mismatch === undefined ? undefined : `${dir} holds a state of ${mismatch}; values are shown as they were written`
  return { reader: stateReader(lock, machine), notice }
}

/** By what one of the nodes keeps of the schema: the first that has the version. */
async function keptReader(pair: Pair): Promise<Reading | undefined> {
  for (const { dir, head } of pair) {
    const schema = await readSchema(dir).catch((cause: unknown) => {
      if (cause instanceof RaftgenError) return undefined
      throw cause
    })
    const { lock, notice } = openKept({ dir, machine: head.machine, schema })
    if (lock !== undefined) return { reader: stateReader(lock, head.machine), notice }
  }
  return undefined
}

async function compare(pair: Pair, options: Parameters<typeof compareStates>[1]): Promise<Comparison> {
  try {
    return await compareStates(pair, options)
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
    const places = pair.map(({ content }) => content.seen.path).join(' and ')
    const error = new RaftgenError('STORAGE_DAMAGED', `${places} cannot be compared: ${thrown.message}`, { cause: thrown })
    throw new Advised(error, 'Compare snapshots of another entry with --at, or with another replica.')
  }
}

export function parsedLimit(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new WrongUse(`--limit: '${text}' is not a whole number`, 'With 0 no difference is printed, and all are counted.')
}
