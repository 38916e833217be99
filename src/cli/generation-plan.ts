// All that one run would leave on the disk: what is emitted, and the handlers file with its stubs.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { migrationsFileOf } from '../../codegen/beside-handlers.ts'
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import type { Evolution } from '../../codegen/evolution/since-frozen.ts'
import type { Model } from '../../codegen/model.ts'
import type { PlannedFile, WritePlan } from '../../codegen/write.ts'
import { WrongUse } from './wrong-use.ts'
import { planOlderHandlers } from './older-handlers.ts'
import { shownPath } from './terminal.ts'

export interface GenerationOptions {
  /** Absolute. */
  readonly schemaFile: string
  /** Relative to the working directory. Default: `generated` beside the schema. */
  readonly out: string | undefined
  /** Relative to the working directory. Default: `handlers.ts` beside the schema. */
  readonly handlers: string | undefined
  readonly importExtension: 'js' | 'ts'
}
export type PlannedMachine = Pick<Model, 'name' | 'version' | 'open'>

export interface GenerationPlan extends WritePlan {
  /** None when the schema is wrong. */
  readonly machine: PlannedMachine | undefined
  /** `LocksHandlers`; none when the schema is wrong. */
  readonly handlersType: string | undefined
  readonly handlersFile: string
  /** Operations that get a stub. */
  readonly added: readonly string[]
  readonly migrationsFile: string
  /** `handlers.v1.ts from commit 1a2b3c4`: handlers of older versions that were copied. */
  readonly copied: readonly string[]
  /** Functions between versions that the user is to write. */
  readonly upcasts: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
  readonly evolution: Evolution | undefined
}

export async function planGeneration({ schemaFile, out, handlers, importExtension }: GenerationOptions): Promise<GenerationPlan> {
  const outDir = out === undefined ? join(dirname(schemaFile), 'generated') : resolve(out)
  const handlersFile = handlers === undefined ? join(dirname(schemaFile), 'handlers.ts') : resolve(handlers)
  const migrationsFile = migrationsFileOf(handlersFile)
  const { generate } = await import('../../codegen/generate.ts')
  const generation = await withoutStdout(() => generate({ schemaFile, outDir, migrationsFile, importExtension }))
  const { model, files, stale, diagnostics, evolution } = generation
  const emitted = { files, stale, machine: model, handlersType: model?.names.handlers, handlersFile, migrationsFile, evolution }
  if (model === undefined || diagnostics.some(({ severity }) => severity === 'error'))
    return { ...emitted, added: [], copied: [], upcasts: [], diagnostics }

  if (files.some(({ path }) => path === handlersFile)) {
    throw new WrongUse(`--handlers ${shownPath(handlersFile)} is a file that raftgen overwrites`, 'Name a file of your own.')
  }
  const text = existsSync(handlersFile) ? readFileSync(handlersFile, 'utf8') : undefined
  const taken = text === undefined ? undefined : await takenBy({ handlersFile, text, model, schemaFile })
  if (taken !== undefined)
    return { ...emitted, files: [], stale: [], added: [], copied: [], upcasts: [], diagnostics: [...diagnostics, taken] }
  const { planStubs } = await import('../../codegen/stubs.ts')
  const stubs = await planStubs({
    file: shownPath(handlersFile),
    text,
    operations: generation.operations,
    handlersType: model.names.handlers,
    generatedModule: moduleFrom(handlersFile, join(outDir, `index.${importExtension}`)),
  })
  const lockFile = join(dirname(schemaFile), `${model.name}.wire.json`)
  const older = await planOlderHandlers({ ended: generation.endedGenerations, handlersFile, text, outDir, lockFile })
  const found = existsSync(migrationsFile) ? readFileSync(migrationsFile, 'utf8') : undefined
  const { planMigrations } = await import('../../codegen/migrations.ts')
  const versionsModule = moduleFrom(migrationsFile, join(outDir, `versions.${importExtension}`))
  const migrations = await planMigrations({ upcasts: generation.upcasts, text: found, versionsModule })
  const ofUser: readonly PlannedFile[] = [
    ...(stubs.text === undefined ? [] : [{ path: handlersFile, text: stubs.text, basis: { text } }]),
    ...older.files,
    ...(migrations.text === undefined ? [] : [{ path: migrationsFile, text: migrations.text, basis: { text: found } }]),
  ]
  return {
    ...emitted,
    files: [...files, ...ofUser],
    added: stubs.added,
    copied: older.copied,
    upcasts: migrations.added,
    diagnostics: [...diagnostics, ...stubs.diagnostics, ...older.diagnostics],
  }
}

interface HandlersOf {
  readonly handlersFile: string
  readonly text: string
  readonly model: Model
  readonly schemaFile: string
}

async function takenBy({ handlersFile, text, model, schemaFile }: HandlersOf): Promise<Diagnostic | undefined> {
  const { handlersTaken } = await import('../../codegen/out-owner.ts')
  const names = { handlersType: model.names.handlers, machine: model.name }
  return await handlersTaken({ handlersFile, text, schemaFile, ...names, shown: shownPath })
}

/** How `file` names the module `target`. */
function moduleFrom(file: string, target: string): string {
  const path = relative(dirname(file), target).split(sep).join('/')
  return path.startsWith('.') ? path : `./${path}`
}

/** A schema is a program: what it prints while it is loaded goes to stderr, since stdout carries our data. */
export async function withoutStdout<T>(work: () => Promise<T>): Promise<T> {
  const { stdout, stderr } = process
  const own = Object.getOwnPropertyDescriptor(stdout, 'write')
  Object.defineProperty(stdout, 'write', { value: stderr.write.bind(stderr), configurable: true, writable: true })
  try {
    return await work()
  } finally {
    // Usually the method of the prototype, which shows again once ours is gone.
    if (own === undefined) Reflect.deleteProperty(stdout, 'write')
    else Object.defineProperty(stdout, 'write', own)
  }
}
