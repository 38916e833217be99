// The user's functions between versions: a file that raftgen begins, and to which it adds what is missing. It never changes or deletes a character.
import type { Upcast } from './emit/steps/upcast.ts'
import { quoted } from './names.ts'

export interface MigrationsRequest {
  readonly upcasts: readonly Upcast[]
  /** What is in the file; none when it does not exist. */
  readonly text: string | undefined
  /** How it imports the types: `./generated/versions.js`. */
  readonly versionsModule: string
}
export interface MigrationsPlan {
  /** What the file is to hold; none when it stays as it is. */
  readonly text: string | undefined
  /** Names of the functions that were added, and do nothing yet. */
  readonly added: readonly string[]
}

/** Creates the file, or adds what it lacks. Writes nothing. */
export async function planMigrations({ upcasts, text, versionsModule }: MigrationsRequest): Promise<MigrationsPlan> {
  if (upcasts.length === 0) return { text: undefined, added: [] }
  const { namesIn } = await import('./module-names.ts')
  const known = namesIn(text ?? '')
  const missing = upcasts.filter(({ name }) => !known.has(name))
  if (missing.length === 0) return { text: undefined, added: [] }
  const types = [...new Set(missing.flatMap(({ from, to }) => [from, to]))].filter((name) => !known.has(name)).sort()
  const imported = types.length === 0 ? '' : `import type { ${types.join(', ')} } from ${quoted(versionsModule)}\n`
  const stubs = missing.map(stubText).join('\n')
  const added = missing.filter(({ why }) => why !== undefined).map(({ name }) => name)
  if (text === undefined || text.trim() === '') return { text: `${head}${imported}\n${stubs}`, added }
  return { text: `${text}${text.endsWith('\n') ? '' : '\n'}\n${imported}${imported === '' ? '' : '\n'}${stubs}`, added }
}

const head = `// Written once by raftgen; yours from then on. Later runs add what is missing and never change or delete a line.
//
// What values of an older version become in the next one. Every replica runs these functions over the same log, so they must answer alike everywhere:
// nothing here may depend on the time, chance, the machine, or anything but the value that is given.
`

/** Does not compile until it is written: a function that returns nothing would be found out only once the version is in force. */
function stubText({ name, from, to, key, fills, why }: Upcast): string {
  if (fills === true) return fillingStub({ name, from, to, why })
  const parameters = `old: ${from}${key === undefined ? '' : `, key: ${key}`}`
  return `/** To be written: ${why}. */
export function ${name}(${parameters}): ${to} {}
`
}

function fillingStub({ name, from, to, why }: Pick<Upcast, 'name' | 'from' | 'to' | 'why'>): string {
  if (why === undefined)
    return `/**
 * Comes last: all that was has its place by then. Where something of the new state follows from the old one, fill it in here, with a \`function*\` that yields
 * now and then if that is much.
 */
export function ${name}(_old: ${from}, _state: ${to}): void {}
`
  return `/** To be written: ${why}. Comes last: all else has its place by then. With a \`function*\` that yields now and then if it is much. */
export function ${name}(old: ${from}, state: ${to}): void {
  return 'to be written'
}
`
}
