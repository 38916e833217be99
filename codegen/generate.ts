// The whole way from a schema file to the text of the files that belong to it. Writes nothing.
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Diagnostic } from './diagnostic.ts'
import { emit } from './emit/index.ts'
import type { Upcast } from './emit/steps/upcast.ts'
import { diagnosticsOf } from './evolution/diagnostics.ts'
import { type Evolution, evolutionSince } from './evolution/since-frozen.ts'
import { lockText, schemaTexts } from './lock-file.ts'
import { type LockedSchema, readSchema } from './locked-schema.ts'
import type { Model, OperationSummary } from './model.ts'
import { type OlderVersions, olderVersions, sameGeneration } from './older-versions.ts'
import { outTaken } from './out-owner.ts'
import { retiredOperations } from './retired-operations.ts'
import { emittedHeader } from './write.ts'

export interface GenerateOptions {
  readonly schemaFile: string
  /** Default: `generated` beside the schema. */
  readonly outDir?: string
  /** Accepted for symmetry with the command line; nothing here reads or writes it. */
  readonly handlersFile?: string
  /** Where the user's functions between versions are to be. Default: `migrations.ts` beside the schema. Nothing here reads or writes it. */
  readonly migrationsFile?: string
  /** Of imports between emitted files. Default `js`. */
  readonly importExtension?: 'js' | 'ts'
  /** What relative paths are relative to, and what diagnostics name files by. Default: the working directory. */
  readonly cwd?: string
}
export interface GeneratedFile {
  /** Absolute. */
  readonly path: string
  readonly text: string
  /** Of the wire lock, which is not ours alone: what it was made from. */
  readonly basis?: { readonly text: string | undefined }
}
export interface EndedGeneration {
  /** The last of it. */
  readonly version: number
  /** What handlers there must be. */
  readonly operations: readonly OperationSummary[]
}
export interface Generation {
  /** None when something is an error. */
  readonly model: Model | undefined
  /** None when something is an error. */
  readonly files: readonly GeneratedFile[]
  /** What handlers there must be: those of the model, and of what is retired. None when something is an error. */
  readonly operations: readonly OperationSummary[]
  /** What the user's migrations are to export. */
  readonly upcasts: readonly Upcast[]
  /** Generations that are over, ascending: their handlers are asked for beside those of the newest. */
  readonly endedGenerations: readonly EndedGeneration[]
  /** Files in `outDir` that earlier runs emitted and this one does not. */
  readonly stale: readonly string[]
  /** All of them, by position. */
  readonly diagnostics: readonly Diagnostic[]
  /** What was edited since the version that was frozen last. None where there is none before this one. */
  readonly evolution?: Evolution
}

export async function generate(options: GenerateOptions): Promise<Generation> {
  const cwd = options.cwd ?? process.cwd()
  const schemaFile = resolve(cwd, options.schemaFile)
  const shown = (path: string): string => relative(cwd, path).split(sep).join('/')
  const read = await readSchema({ schemaFile, cwd })
  if (read.kind === 'wrong') return nothing(read.diagnostics)

  const { schema } = read
  const { model, reporter } = schema
  const outDir = resolve(cwd, options.outDir ?? join(dirname(schemaFile), 'generated'))
  const taken = await outTaken({ outDir, schemaFile, machine: model.name, shown })
  if (taken !== undefined) return nothing([...reporter.diagnostics, taken])

  const evolution = evolutionSince(schema)
  const diagnostics = [...reporter.diagnostics, ...(evolution === undefined ? [] : edits(evolution, model))]
  if (evolution !== undefined && hasErrors(diagnostics)) return { ...nothing(diagnostics), evolution }
  const extension = options.importExtension ?? 'js'
  const migrationsFile = resolve(cwd, options.migrationsFile ?? join(dirname(schemaFile), 'migrations.ts'))
  const older = olderVersions(schema)
  const emitted = emit(model, {
    toolVersion: await toolVersion(),
    source: fromFolder(outDir, schemaFile),
    extension,
    older,
    schema: schemaTexts(schema.lock),
    retiredErrors: schema.draft.retired.errors,
    migrations: fromFolder(outDir, migrationsFile).replace(/ts$/, extension),
  })
  const files = [...emitted.files.map(({ name, text }) => ({ path: join(outDir, name), text })), lockOf(schema)]
  return {
    model,
    files,
    operations: servedOperations(model, older),
    upcasts: emitted.upcasts,
    endedGenerations: endedGenerations(older),
    stale: await staleFiles(outDir, new Set(files.map(({ path }) => path))),
    diagnostics: sorted(diagnostics),
    ...(evolution === undefined ? {} : { evolution }),
  }
}

/** Of a frozen version it is decided what needs a migration, and written. */
const edits = (evolution: Evolution, { open }: Model): readonly Diagnostic[] =>
  diagnosticsOf(evolution).filter(({ severity }) => open || severity === 'error')

const lockOf = ({ lockFile, lock, foundText }: LockedSchema): GeneratedFile => ({
  path: lockFile,
  text: lockText(lock),
  basis: { text: foundText },
})

const endedGenerations = (older: OlderVersions): readonly EndedGeneration[] =>
  older.known
    .filter(({ version }) => older.ended.has(version))
    .map((model) => ({ version: model.version, operations: servedOperations(model, older) }))

/** Its own, and what its generation has had before. */
function servedOperations(model: Model, older: OlderVersions): readonly OperationSummary[] {
  const retired = retiredOperations(model, sameGeneration(older, model.version)).flatMap(({ was }) => {
    const last = was.at(-1)?.operation
    return last === undefined ? [] : [{ name: last.name, handlerKey: last.handlerKey, kind: last.kind, docs: undefined }]
  })
  return [...model.operations, ...retired]
}

const hasErrors = (diagnostics: readonly Diagnostic[]): boolean => diagnostics.some(({ severity }) => severity === 'error')

const nothing = (diagnostics: readonly Diagnostic[]): Generation => ({
  model: undefined,
  files: [],
  operations: [],
  upcasts: [],
  endedGenerations: [],
  stale: [],
  diagnostics: sorted(diagnostics),
})

function sorted(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const before = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  return diagnostics.toSorted((a, b) => before(a.file, b.file) || a.line - b.line || a.column - b.column || before(a.code, b.code))
}

/** Always begins with a dot: it is read as a path. */
function fromFolder(folder: string, file: string): string {
  const path = relative(folder, file).split(sep).join('/')
  return path.startsWith('.') ? path : `./${path}`
}

async function staleFiles(outDir: string, produced: ReadonlySet<string>): Promise<readonly string[]> {
  const entries = await readdir(outDir, { withFileTypes: true }).catch(() => [])
  const folders = entries.filter((entry) => entry.isDirectory() && /^v\d+$/.test(entry.name)).map(({ name }) => join(outDir, name))
  const inside = await Promise.all(folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))))
  const candidates = [...entries.map(({ name }) => join(outDir, name)), ...inside.flat()].filter((path) => path.endsWith('.ts'))
  const marked = await Promise.all(
    candidates.map(async (path) => (!produced.has(path) && (await readFile(path, 'utf8')).startsWith(emittedHeader) ? [path] : [])),
  )
  return marked.flat().sort()
}

/** From the package this file belongs to: beside it in the sources, one folder further up once built. */
async function toolVersion(): Promise<string> {
  for (const up of ['../package.json', '../../package.json']) {
    const text = await readFile(fileURLToPath(new URL(up, import.meta.url)), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const { version }: { readonly version: string } = JSON.parse(text)
    return version
  }
  return 'unknown'
}
