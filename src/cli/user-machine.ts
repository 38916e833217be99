// The machine of a user's project, made of what his files say: schema, generated code, handlers.
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { generate, type Generation } from '../../codegen/generate.ts'
import { loadSchema } from '../../codegen/load.ts'
import type { Model } from '../../codegen/model.ts'
import { olderHandlersFile } from '../../codegen/beside-handlers.ts'
import type { VersionLadder } from '../contract/v1/versions/step.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Subject } from '../prove/index.ts'
import { WrongUse } from './wrong-use.ts'
import { diagnosticText } from './diagnostic-text.ts'
import { shownPath } from './terminal.ts'

export interface UserMachineFiles {
  /** Absolute. */
  readonly schemaFile: string
  /** Absolute. */
  readonly handlersFile: string
  /** Of the generated code. Default: `generated` beside the schema. */
  readonly out: string | undefined
}

/** With the versions that its generated code knows. */
export interface UserMachine extends Subject {
  readonly ladder: VersionLadder
}

/** Throws `WrongUse`: what is missing, out of date or does not load, and what to do about it. */
export async function userMachine(files: UserMachineFiles): Promise<UserMachine> {
  const { schemaFile, handlersFile } = files
  const outDir = files.out === undefined ? join(dirname(schemaFile), 'generated') : resolve(files.out)
  const { model, endedGenerations } = await generationOf(schemaFile, outDir)
  const loaded = await loadSchema({ schemaFile, displayFile: shownPath(schemaFile) })
  if (loaded.kind === 'failed') throw brokenSchema(schemaFile)

  const generatedFile = join(outDir, 'index.ts')
  const again = `Run \`raftgen ${shownPath(schemaFile)}\`.`
  if (!existsSync(generatedFile)) throw new WrongUse(`there is no generated code ${shownPath(generatedFile)}`, again)
  const modules = await importer(schemaFile)
  const generated = await modules(generatedFile)
  const bind: unknown = Reflect.get(generated, model.names.machine)
  const { operations } = model
  const handlers = handlersIn(await modules(handlersFile), { operations, names: model.names }, handlersFile)
  const older = Object.fromEntries(
    await Promise.all(
      endedGenerations.map(async ({ version, operations: its }) => {
        const file = olderHandlersFile(handlersFile, version)
        if (!existsSync(file)) throw new WrongUse(`there are no handlers of version ${version}: ${shownPath(file)}`, again)
        return [`v${version}`, handlersIn(await modules(file), { operations: its, names: model.names }, file)] as const
      }),
    ),
  )
  if (typeof bind !== 'function') throw new WrongUse(`${shownPath(generatedFile)} does not export ${model.names.machine}`, again)
  const make = (): StateMachine => Reflect.apply(bind, undefined, [handlers, older])
  if (make().wire !== model.wire) throw new WrongUse(`${shownPath(outDir)} is not what ${shownPath(schemaFile)} generates any more`, again)
  return { schema: { '~raftgen': 'machine', definition: loaded.definition }, machine: make, ladder: ladderIn(generated, model) }
}

const ladderIn = (generated: object, { names }: Model): VersionLadder =>
  Reflect.get(generated, names.ladder) ?? { versions: [Reflect.get(generated, names.descriptor)], steps: [] }

async function generationOf(schemaFile: string, outDir: string): Promise<Pick<Generation, 'endedGenerations'> & { readonly model: Model }> {
  const { model, endedGenerations, diagnostics } = await generate({ schemaFile, outDir })
  if (model !== undefined) return { model, endedGenerations }
  const told = diagnostics.map((diagnostic) => diagnosticText(diagnostic, (_, text) => text))
  throw new WrongUse(`the schema has errors:\n${told.join('\n')}`, `Correct them; \`raftgen ${shownPath(schemaFile)}\` checks it.`)
}

const brokenSchema = (file: string): WrongUse =>
  new WrongUse(`${shownPath(file)} does not load`, `\`raftgen ${shownPath(file)}\` says why.`)

/** What is imported of raftgen is what runs here: one copy, whichever the project has installed, or none. */
async function importer(schemaFile: string): Promise<(file: string) => Promise<object>> {
  const { createJiti } = await import('jiti')
  const [root, contract, sim] = await Promise.all([import('../index.ts'), import('../contract/v1.ts'), import('../prove/index.ts')])
  const virtualModules = { raftgen: root, 'raftgen/contract/v1': contract, 'raftgen/sim': sim }
  const jiti = createJiti(pathToFileURL(schemaFile).href, { fsCache: false, interopDefault: false, virtualModules })
  return async (file) => {
    try {
      return await jiti.import<object>(file)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new WrongUse(
        `${shownPath(file)} does not load: ${why}`,
        'Handlers are imported as they are: nothing may happen when that is done.',
      )
    }
  }
}

/** The export with a handler for each operation; `handlers` where there are several. */
function handlersIn(module: object, { operations, names }: Pick<Model, 'operations' | 'names'>, file: string): object {
  const isHandlers = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && operations.every(({ name }) => typeof Reflect.get(value, name) === 'function')
  const named: unknown = Reflect.get(module, 'handlers')
  const found = isHandlers(named) ? named : Object.values(module).find(isHandlers)
  if (found !== undefined) return found
  const missing =
    typeof named === 'object' && named !== null ? operations.filter(({ name }) => typeof Reflect.get(named, name) !== 'function') : []
  const what =
    missing.length > 0
      ? `has no handler of ${missing.map(({ name }) => name).join(', ')}`
      : `does not export handlers of type ${names.handlers}`
  throw new WrongUse(
    `${shownPath(file)} ${what}`,
    'Export one object with a function for each command and query; `raftgen <schema.ts>` inserts what is missing.',
  )
}
