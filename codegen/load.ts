// Runs the user's schema file and reads its syntax. Everything that can be wrong with the file as a whole is found here.
import { readFile } from 'node:fs/promises'
import { dirname, extname, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMachineDefinition } from '../src/schema/define-machine.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { Position } from './place.ts'
import type { SchemaSource } from './source.ts'

export interface LoadedSchema {
  /** What `defineMachine` was given. */
  readonly definition: unknown
  readonly source: SchemaSource
}
export type Loaded = ({ readonly kind: 'loaded' } & LoadedSchema) | { readonly kind: 'failed'; readonly diagnostics: readonly Diagnostic[] }

export interface LoadOptions {
  /** Absolute. */
  readonly schemaFile: string
  /** As diagnostics name it. */
  readonly displayFile: string
}

export async function loadSchema({ schemaFile, displayFile }: LoadOptions): Promise<Loaded> {
  const text = await readFile(schemaFile, 'utf8').catch((error: NodeJS.ErrnoException) => error)
  if (typeof text !== 'string') return failed(notReadable(displayFile, text))

  const { SchemaSource } = await import('./source.ts')
  const shown = (path: string): string => displayBeside(path, schemaFile, displayFile)
  const source = new SchemaSource({ path: schemaFile, text, shown })
  const module = await run(schemaFile).catch((error: unknown) => new LoadFailure(error))
  if (module instanceof LoadFailure) return failed(...doesNotLoad(module.reason, { schemaFile, displayFile, shown, source }))
  const machine = Reflect.get(module, 'default')
  if (isMachineDefinition(machine)) return { kind: 'loaded', definition: machine.definition, source }
  return failed({
    ...base(displayFile),
    ...source.machine().position,
    code: 'NO_MACHINE',
    message: machine === undefined ? 'the schema has no default export' : 'the default export of the schema is not a machine',
    hint: "Write `export default defineMachine({ ... })`, with `import { defineMachine } from 'raftgen'`.",
  })
}

class LoadFailure {
  readonly reason: unknown
  constructor(reason: unknown) {
    this.reason = reason
  }
}

/** The copy that runs: its `defineMachine` and this generator belong together, and a schema may live where nothing is installed. */
const raftgen = fileURLToPath(new URL(`../src/index${extname(fileURLToPath(import.meta.url))}`, import.meta.url))

/** One that throws is run once more by jiti's own way: what is said of it then has the lines of the file. */
async function run(schemaFile: string): Promise<object> {
  const [{ createJiti }, { transpiled }] = await Promise.all([import('jiti'), import('./transpile.ts')])
  const options = { fsCache: false, moduleCache: false, interopDefault: false, alias: { raftgen } }
  const slow = createJiti(pathToFileURL(schemaFile).href, options)
  const fast = createJiti(pathToFileURL(schemaFile).href, {
    ...options,
    transform: (request) => ({
      code:
        transpiled({ source: request.source, filename: request.filename ?? '', async: request.async === true }) ?? slow.transform(request),
    }),
  })
  return await fast.import<object>(schemaFile).catch(() => slow.import<object>(schemaFile))
}

const base = (file: string): Pick<Diagnostic, 'severity' | 'file' | 'line' | 'column'> => ({ severity: 'error', file, line: 0, column: 0 })
const failed = (...diagnostics: readonly Diagnostic[]): Loaded => ({ kind: 'failed', diagnostics })

function notReadable(displayFile: string, error: NodeJS.ErrnoException): Diagnostic {
  if (error.code === 'ENOENT') {
    return {
      ...base(displayFile),
      code: 'SCHEMA_NOT_FOUND',
      message: `there is no file ${displayFile}`,
      hint: 'Give the path of a schema file; `raftgen init` makes a first one.',
    }
  }
  const what = error.code === 'EISDIR' ? 'it is a directory' : error.message
  return {
    ...base(displayFile),
    code: 'SCHEMA_NOT_FOUND',
    message: `cannot read ${displayFile}: ${what}`,
    hint: 'Give the path of a schema file.',
  }
}

interface Failing extends LoadOptions {
  readonly shown: (path: string) => string
  readonly source: SchemaSource
}

function doesNotLoad(reason: unknown, failing: Failing): readonly Diagnostic[] {
  const { schemaFile, displayFile, shown, source } = failing
  const problems = source.syntaxProblems()
  if (problems.length > 0) {
    const hint = 'Correct the syntax; the line is where TypeScript noticed.'
    return problems.map((problem) => ({ severity: 'error', ...problem, code: 'SCHEMA_SYNTAX', hint }))
  }
  const message = reason instanceof Error ? (reason.message.split('\n')[0] ?? '') : String(reason)
  const missing = /Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1]
  if (missing !== undefined) return [notFound(asWritten(missing), failing)]
  const frame = frameOf(reason)
  const text = source.texts().find(({ path }) => path === (frame?.file ?? schemaFile))?.text
  const kind = reason instanceof Error && reason.name !== 'Error' ? `${reason.name}: ` : ''
  return [
    {
      severity: 'error',
      code: 'SCHEMA_DOES_NOT_LOAD',
      file: frame === undefined ? displayFile : shown(frame.file),
      ...(frame === undefined ? { line: 0, column: 0 } : wholeLine(text ?? '', frame.line)),
      message: `the schema throws while it is loaded: ${kind}${withoutInternals(message, text ?? '')}`,
      hint: 'The schema file is run like any module; correct what throws.',
    },
  ]
}

/** A part of raftgen is looked for beside the copy that runs. */
function asWritten(missing: string): string {
  const path = missing.startsWith('file:') ? fileURLToPath(missing) : missing
  return path.startsWith(`${raftgen}/`) ? `raftgen${path.slice(raftgen.length)}` : missing
}

const raftgenHint = "A schema has all that it needs from raftgen itself: `import { defineMachine } from 'raftgen'`."

function notFound(missing: string, { schemaFile, displayFile, shown, source }: Failing): Diagnostic {
  const isPath = missing.startsWith('.') || missing.startsWith(sep)
  const found = source.texts().flatMap(({ path, text }) => {
    const line = text.split('\n').findIndex((candidate) => imports(candidate, missing, path)) + 1
    return line === 0 ? [] : [{ file: shown(path), ...wholeLine(text, line) }]
  })
  return {
    severity: 'error',
    code: 'SCHEMA_DOES_NOT_LOAD',
    ...(found[0] ?? base(displayFile)),
    message: `the schema imports ${missing.startsWith(sep) ? displayBeside(missing, schemaFile, displayFile) : missing}, which cannot be found`,
    hint: missing.startsWith('raftgen/') ? raftgenHint : isPath ? 'Correct the path.' : `Install it: npm install ${missing}`,
  }
}

/** `missing`: as it is written, or the file that it would be. */
function imports(line: string, missing: string, path: string): boolean {
  return [...line.matchAll(/'([^']+)'|"([^"]+)"/g)].some(([, single, double]) => {
    const specifier = single ?? double ?? ''
    return specifier === missing || (specifier.startsWith('.') && resolve(dirname(path), specifier) === missing)
  })
}

/** The innermost place in a file of the user's: not in a package, not in ours. */
function frameOf(reason: unknown): { readonly file: string; readonly line: number } | undefined {
  if (!(reason instanceof Error) || reason.stack === undefined) return undefined
  const frames = [...reason.stack.matchAll(/(?:\(|at (?:async )?)((?:file:\/\/)?\/[^():]+):(\d+):\d+\)?$/gm)].map(
    ([, file = '', line]) => ({
      file: file.startsWith('file:') ? fileURLToPath(file) : file,
      line: Number(line),
    }),
  )
  const syntax = /^(\/[^:]+):(\d+)/.exec(reason.stack)
  if (syntax !== null) return { file: syntax[1] ?? '', line: Number(syntax[2]) }
  return frames.find(({ file }) => !file.includes('/node_modules/') && !isOurs(file))
}

const ours = fileURLToPath(new URL('..', import.meta.url))
const isOurs = (file: string): boolean => file.startsWith(`${ours}src/`) || file.startsWith(`${ours}codegen/`)

/** jiti keeps lines, not columns. */
function wholeLine(text: string, line: number): Position {
  const source = text.split('\n')[line - 1] ?? ''
  const column = source.length - source.trimStart().length + 1
  return { line, column, endLine: line, endColumn: Math.max(column, source.trimEnd().length + 1) }
}

/** What the transpiler calls an import says nothing to the user: `_typebox.default.Strong` is `Type.Strong` again. */
function withoutInternals(message: string, text: string): string {
  const named = message.replace(/\(0, _\w+?\d*\.(\w+)\)/g, '$1')
  return named.replace(
    /\b_(\w+?)\d*\.default\b/g,
    (_, module: string) => new RegExp(`import\\s+(\\w+)[^'"]*['"][^'"]*${module}`).exec(text)?.[1] ?? module,
  )
}

/** `file` as seen from where `displayFile` is seen from. */
function displayBeside(file: string, schemaFile: string, displayFile: string): string {
  const fromSchema = relative(dirname(schemaFile), file).split(sep).join('/')
  return posix.join(posix.dirname(displayFile), fromSchema)
}
