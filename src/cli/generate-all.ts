// `raftgen <schema.ts> ...`: one machine after the other. What is wrong with one is told, and the others are generated all the same.
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { explainFailure } from './failure.ts'
import { generateCommand } from './generate.ts'
import type { GenerateOptions } from './program.ts'
import { schemaFileOf } from './schema-file.ts'
import type { Terminal } from './terminal.ts'

export interface GenerateAllCommand {
  readonly schemas: readonly string[]
  readonly options: GenerateOptions
  /** The command line as it was given, for the runs of `--watch`. */
  readonly args: readonly string[]
  readonly terminal: Terminal
}

export async function generateAllCommand({ schemas: given, options, args, terminal }: GenerateAllCommand): Promise<ExitCode> {
  const schemas = [...new Set(given)]
  if (schemas.length > 1) checkPlaces(options)
  if (options.watch === true) {
    if (options.check === true) throw new WrongUse('--check and --watch exclude each other', 'Leave one of them out.')
    const watched = schemas.map((schema) => ({
      schemaFile: schemaFileOf(schema),
      args: args.filter((arg) => arg !== '--watch' && (arg === schema || !schemas.includes(arg))),
    }))
    const { watchCommand } = await import('./watch.ts')
    return await watchCommand({ watched, terminal })
  }
  const [schema = '', ...others] = schemas
  if (others.length === 0) return await generateCommand({ schema, options, terminal })
  // A word where a command is expected: what follows it are no schemas.
  if (/^[a-z]+$/i.test(schema)) schemaFileOf(schema)
  let worst: ExitCode = exitCode.fine
  for (const one of schemas) worst = worse(worst, await generateOne(one, options, terminal))
  return worst
}

function checkPlaces({ out, handlers }: GenerateOptions): void {
  const option = out !== undefined ? '--out' : handlers !== undefined ? '--handlers' : undefined
  if (option === undefined) return
  throw new WrongUse(`${option} is of one machine, and there are several schemas`, 'Run raftgen once for each, with places of its own.')
}

async function generateOne(schema: string, options: GenerateOptions, terminal: Terminal): Promise<ExitCode> {
  try {
    return await generateCommand({ schema, options, terminal })
  } catch (error) {
    return explainFailure(error, { terminal, asJson: options.json === true })
  }
}

/** The codes grow with what they say of the run. */
const worse = (left: ExitCode, right: ExitCode): ExitCode => (left > right ? left : right)
