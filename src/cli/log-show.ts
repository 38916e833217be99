// `raftgen log show`: the entries of a log, one a line, and what is missing between them. Never more of it in memory than a piece.
import { type Inspection, inspect } from '../storage/inspect.ts'
import { entriesName } from '../storage/inspect-log.ts'
import type { LogPiece } from '../storage/log-walk.ts'
import type { CommandDecoder } from './command-decoder.ts'
import { columnsFor, entryLine, entryObject, headLine, readEntry, type ShownEntry } from './entry-words.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { type LogContext, parsedNumber } from './log.ts'
import type { LogCommandLine, LogShowOptions } from './log-program.ts'
import { progressOf } from './log-progress.ts'
import { openSchema } from './log-schema.ts'
import { knownEnd, knownTerm } from './log-words.ts'
import { suggestion } from './suggest.ts'
import { counted, type Terminal } from './terminal.ts'

type ShowLine = Extract<LogCommandLine, { readonly name: 'show' }>

interface Wanted {
  readonly firstIndex: number | undefined
  readonly lastIndex: number | undefined
  readonly last: number | undefined
  readonly command: string | undefined
}

export async function showLog({ dir, options }: ShowLine, { scratch, terminal }: LogContext): Promise<ExitCode> {
  const wanted = wantedOf(options)
  const inspection = await inspect(dir, { scratch, ...progressOf(dir, terminal) })
  try {
    const { decoder, notice } = openSchema(options.schema, inspection)
    if (notice !== undefined) terminal.err(notice)
    checkCommand(wanted.command, decoder, options.schema)
    await print(inspection, { wanted, decoder, asJson: options.json === true, terminal })
    const problems = inspection.findings.filter(({ kind }) => kind === 'log' || kind === 'database').length
    if (problems === 0) return exitCode.fine
    terminal.err(`${dir} is damaged: ${counted(problems, 'finding')}; \`raftgen log verify ${dir}\` says what becomes of it`)
    return exitCode.findings
  } finally {
    await inspection.close()
  }
}

function wantedOf({ from, to, last, command }: LogShowOptions): Wanted {
  if (last !== undefined && from !== undefined) throw new WrongUse('--from and --last exclude each other', 'Leave one of them out.')
  const numberOf = (text: string | undefined, option: string): number | undefined =>
    text === undefined ? undefined : parsedNumber(text, option)
  return { firstIndex: numberOf(from, '--from'), lastIndex: numberOf(to, '--to'), last: numberOf(last, '--last'), command }
}

function checkCommand(command: string | undefined, decoder: CommandDecoder | undefined, schema: string | undefined): void {
  if (command === undefined || decoder?.commandNames.includes(command) === true) return
  if (decoder === undefined && schema === undefined)
    throw new WrongUse('--command needs --schema', 'The directory keeps none, and without it nothing tells what a command is called.')
  if (decoder === undefined)
    throw new WrongUse('--command needs a schema that can read the log', 'Leave --command out, or name another schema.')
  const meant = suggestion(command, decoder.commandNames)
  const hint = meant === undefined ? `There are: ${decoder.commandNames.join(', ')}.` : `Did you mean ${meant}?`
  throw new WrongUse(`the schema has no command ${command}`, hint)
}

interface Printing {
  readonly wanted: Wanted
  readonly decoder: CommandDecoder | undefined
  readonly asJson: boolean
  readonly terminal: Terminal
}

async function print(inspection: Inspection, { wanted, decoder, asJson, terminal }: Printing): Promise<void> {
  const { walk, dir } = inspection
  const end = Math.max(knownEnd(inspection), await walk.lastIndex())
  const lastIndex = Math.min(wanted.lastIndex ?? end, end)
  // With a filter nobody knows before the end which are the last.
  const skipped = wanted.last === undefined || wanted.command !== undefined ? 1 : lastIndex - wanted.last + 1
  const firstIndex = Math.max(wanted.firstIndex ?? skipped, 1)
  const columns = columnsFor({ index: lastIndex, term: knownTerm(inspection) })
  const output = new Output(terminal, wanted.command === undefined ? undefined : wanted.last)
  if (firstIndex > lastIndex) return terminal.err(`${dir} holds ${end === 0 ? 'no entries' : `nothing of that: its last entry is ${end}`}`)
  if (!asJson) terminal.out(headLine(columns))
  if (firstIndex < walk.firstIndex) output.put([compactedText(walk.firstIndex - 1, asJson)])
  const words = { command: wanted.command, decoder, asJson, entryText: (shown: ShownEntry) => entryLine(shown, columns) }
  for await (const piece of walk.pieces({ firstIndex, lastIndex })) {
    output.put([...linesOf(piece, words)])
    await terminal.drained?.()
  }
  output.end()
}

interface Words {
  readonly command: string | undefined
  readonly decoder: CommandDecoder | undefined
  readonly asJson: boolean
  readonly entryText: (shown: ShownEntry) => string
}

function* linesOf(piece: LogPiece, { command, decoder, asJson, entryText }: Words): Generator<string> {
  if (piece.kind === 'hole') {
    yield asJson ? JSON.stringify(piece) : `# ${holeText(piece)}`
    return
  }
  for (const entry of piece.entries) {
    const shown = readEntry(entry, decoder)
    if (command !== undefined && shown.call?.name !== command) continue
    yield asJson ? JSON.stringify(entryObject(shown)) : entryText(shown)
  }
}

export function holeText(hole: Extract<LogPiece, { readonly kind: 'hole' }>): string {
  const name = entriesName(hole)
  return hole.what.includes('missing') ? `${name}: missing` : `${name}: missing or damaged: ${hole.what}`
}

const compactedText = (lastIndex: number, asJson: boolean): string =>
  asJson
    ? JSON.stringify({ kind: 'compacted', firstIndex: 1, lastIndex })
    : `# ${entriesName({ firstIndex: 1, lastIndex })}: compacted, a snapshot stands for them`

/** Lines as they come, or the last of them. */
class Output {
  readonly #terminal: Terminal
  readonly #last: number | undefined
  #kept: readonly string[] = []

  constructor(terminal: Terminal, last: number | undefined) {
    this.#terminal = terminal
    this.#last = last
  }

  put(lines: readonly string[]): void {
    // At once: a write for each line is what takes the time.
    if (this.#last === undefined) return lines.length === 0 ? undefined : this.#terminal.out(lines.join('\n'))
    this.#kept = [...this.#kept, ...lines].slice(-this.#last)
  }

  end(): void {
    for (const line of this.#kept) this.#terminal.out(line)
  }
}
