// A schema file with its wire lock, read and found right: what is emitted, compared and frozen is made of it. Writes nothing.
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { type BuiltSchema, buildSchema } from './build/machine.ts'
import { Reporter } from './build/reporter.ts'
import type { Where } from './build/where.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { Draft } from './draft.ts'
import { Evaluator } from './evaluate.ts'
import { finish } from './finish.ts'
import { loadSchema } from './load.ts'
import type { Lock, LockedVersion } from './lock.ts'
import { planLock, readLock } from './lock-file.ts'
import type { Model } from './model.ts'
import { checkRenames } from './renames.ts'
import { checkRetirement } from './retirement.ts'

export interface LockedSchema {
  readonly draft: Draft
  readonly model: Model
  /** This version, as the lock is to have it. */
  readonly locked: LockedVersion
  readonly where: Where
  /** The schema file, as messages name it. */
  readonly file: string
  /** Absolute. */
  readonly lockFile: string
  /** The lock on the disk; none where there is none yet. */
  readonly found: Lock | undefined
  /** Its text. */
  readonly foundText: string | undefined
  /** As it is to be. */
  readonly lock: Lock
  /** Nothing in it is an error so far. */
  readonly reporter: Reporter
}
export type SchemaRead =
  | { readonly kind: 'read'; readonly schema: LockedSchema }
  | { readonly kind: 'wrong'; readonly diagnostics: readonly Diagnostic[] }

export interface SchemaPlace {
  /** Absolute. */
  readonly schemaFile: string
  /** What diagnostics name files by. */
  readonly cwd: string
}

export async function readSchema({ schemaFile, cwd }: SchemaPlace): Promise<SchemaRead> {
  const shown = (path: string): string => relative(cwd, path).split(sep).join('/')
  const file = shown(schemaFile)
  const loaded = await loadSchema({ schemaFile, displayFile: file })
  if (loaded.kind === 'failed') return { kind: 'wrong', diagnostics: loaded.diagnostics }

  const { definition, source } = loaded
  const reporter = new Reporter(file)
  for (const position of source.protoProperties()) {
    reporter.report(position, {
      code: 'NAME_RESERVED',
      message: 'a property is called __proto__, which JavaScript takes for the prototype',
      hint: 'Give it another name.',
    })
  }
  const built = buildSchema(definition, source.machine(), reporter)
  if (reporter.failed) return { kind: 'wrong', diagnostics: reporter.diagnostics }
  const lockFile = join(dirname(schemaFile), `${built.draft.name}.wire.json`)
  return withLock(built, { lockFile, shownLock: shown(lockFile), file, reporter })
}

interface LockPlace {
  readonly lockFile: string
  readonly shownLock: string
  readonly file: string
  readonly reporter: Reporter
}

async function withLock({ draft, where }: BuiltSchema, { lockFile, shownLock, file, reporter }: LockPlace): Promise<SchemaRead> {
  const foundText = await readFile(lockFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const refused = (problem: Pick<Diagnostic, 'code' | 'message' | 'hint'>): SchemaRead => ({
    kind: 'wrong',
    diagnostics: [...reporter.diagnostics, { severity: 'error', file: shownLock, line: 0, column: 0, ...problem }],
  })
  const read = readLock(foundText, draft.name)
  if (read.kind === 'unreadable') return refused(read.problem)
  const found = read.lock
  checkRenames(draft, found, { where, reporter })
  checkRetirement(draft, found, { where, reporter })
  const evaluator = new Evaluator(draft.types)
  const plan = planLock(draft, found, evaluator)
  if (reporter.failed) return { kind: 'wrong', diagnostics: reporter.diagnostics }
  if (plan.kind === 'refused') return refused(plan.problem)
  const model = finish(draft, plan.version, evaluator)
  return {
    kind: 'read',
    schema: { draft, model, locked: plan.version, where, file, lockFile, found, foundText, lock: plan.lock, reporter },
  }
}
