import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { linkPackages } from './raftgen.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A small schema; commands by name, each with its lines. */
export const counterSchema = (
  operations: { readonly commands?: string; readonly queries?: string } = {},
): string => `import Type from 'typebox'
import { defineMachine } from 'raftgen'

export default defineMachine({
  name: 'counter',
  version: 1,
  state: Type.Object({ value: Type.Integer() }),
  initial: { value: 0 },
  commands: {
${operations.commands ?? add}
  },
  queries: {
${operations.queries ?? read}
  },
})
`
export const add = `    /** Adds to the counter. */
    add: { input: Type.Object({ by: Type.Integer() }), output: Type.Integer() },`
export const reset = `    /** Back to 0. */
    reset: { input: Type.Object({}) },`
const read = `    /** What it is now. */
    read: { input: Type.Object({}), output: Type.Integer() },`

/** A folder with a schema, in which `raftgen` and `typebox` are installed. */
export function project(files: Readonly<Record<string, string>> = { 'schema.ts': counterSchema() }): string {
  const folder = temporaryFolder({ 'package.json': '{ "type": "module" }', ...files })
  linkPackages(folder)
  return folder
}

export const textOf = (folder: string, file: string): string => readFileSync(join(folder, file), 'utf8')

/** Every file of the project but what is installed, with its time of change. */
export function fileTimes(folder: string): ReadonlyMap<string, number> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return new Map(files.map((file) => [file, statSync(file).mtimeMs]))
}
