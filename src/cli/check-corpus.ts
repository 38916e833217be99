// `raftgen check --only corpus`: bytes that frozen versions have written, kept in `<name>.corpus.json` beside the wire lock, and read by today's code.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import { writePlan } from '../../codegen/write.ts'
import { type CorpusVersion, corpusProblems, drawCorpus } from '../prove/corpus.ts'
import { resolveSubject } from '../prove/subject.ts'
import type { Checked, PartReport } from './check.ts'
import { WrongUse } from './wrong-use.ts'
import { openLock } from './schema-lock.ts'
import { counted, shownPath } from './terminal.ts'
import { type UserMachine, userMachine } from './user-machine.ts'

interface Corpus {
  /** Format of this file. */
  readonly corpus: 1
  readonly machine: string
  readonly versions: Readonly<Record<string, CorpusVersion>>
}

/** Throws `WrongUse`. */
export async function corpusPart({ schemaFile, handlersFile, options }: Checked): Promise<PartReport> {
  const subject = await userMachine({ schemaFile, handlersFile, out: options.out })
  const { name, version } = subject.machine()
  const file = join(dirname(schemaFile), `${name}.corpus.json`)
  const found = readCorpus(file, name)
  const frozen = frozenIn(schemaFile, subject)
  const missing = frozen.filter((number) => found.versions[number] === undefined)
  const isDrawn = options.write === true && missing.includes(version)
  const corpus = isDrawn ? await write(file, found, subject) : found
  const known = Object.entries(corpus.versions).filter(([number]) => subject.ladder.versions.some((one) => one.version === Number(number)))
  const at = { severity: 'error', file: shownPath(file), line: 0, column: 0 } as const
  const problems = known.flatMap(([number, its]): readonly Diagnostic[] =>
    corpusProblems(its, Number(number), subject).map((problem) => ({
      ...at,
      code: 'CORPUS_BROKEN',
      message: `version ${number}: ${problem}`,
      hint: 'Logs and snapshots hold such bytes. Put back what has changed the codec, or the step between the versions.',
    })),
  )
  const lacking = missing
    .filter((number) => corpus.versions[number] === undefined)
    .map((number): Diagnostic => ({ ...at, severity: 'warning', code: 'CORPUS_MISSING', ...missingText(number, version, schemaFile) }))
  const notes = isDrawn ? [`version ${version} was drawn and written to ${shownPath(file)}: commit it`] : []
  return { diagnostics: [...problems, ...lacking], subject: `${shownPath(file)}: ${counted(known.length, 'version')}`, notes }
}

const missingText = (number: number, newest: number, schemaFile: string): Pick<Diagnostic, 'message' | 'hint'> => ({
  message: `version ${number} is frozen, and nothing that it writes is kept`,
  hint:
    number === newest
      ? `Run \`raftgen check ${shownPath(schemaFile)} --only corpus --write\`, and commit the file.`
      : `Where version ${number} is the newest, run \`raftgen check ${shownPath(schemaFile)} --only corpus --write\`, and take over the file.`,
})

/** Versions that are fixed, and that this build knows. */
function frozenIn(schemaFile: string, { ladder, machine }: UserMachine): readonly number[] {
  const { name, version, wire } = machine()
  const { lock } = openLock(schemaFile, { name, version, wire })
  return ladder.versions.map((one) => one.version).filter((number) => lock?.versions[number]?.status === 'frozen')
}

function readCorpus(file: string, machine: string): Corpus {
  if (!existsSync(file) || !statSync(file).isFile()) return { corpus: 1, machine, versions: {} }
  const wrong = new WrongUse(`${shownPath(file)} is not a corpus of ${machine}`, 'Restore it from version control.')
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (isCorpus(value) && value.machine === machine) return value
  } catch {
    throw wrong
  }
  throw wrong
}

const isCorpus = (value: unknown): value is Corpus =>
  typeof value === 'object' &&
  value !== null &&
  Reflect.get(value, 'corpus') === 1 &&
  typeof Reflect.get(value, 'versions') === 'object' &&
  Object.values(Object(Reflect.get(value, 'versions'))).every(isVersion)

const isVersion = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof Reflect.get(value, 'wire') === 'string' &&
  ['calls', 'replies', 'snapshot'].every((part) => typeof Reflect.get(value, part) === 'object' && Reflect.get(value, part) !== null)

async function write(file: string, found: Corpus, subject: UserMachine): Promise<Corpus> {
  const corpus = { ...found, versions: { ...found.versions, [subject.machine().version]: drawCorpus(resolveSubject(subject)) } }
  await writePlan({ files: [{ path: file, text: `${JSON.stringify(corpus, undefined, 2)}\n` }], stale: [] })
  return corpus
}
