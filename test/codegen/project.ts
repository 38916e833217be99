// A schema in a folder of its own, as a user has it: outside of this repository, with packages installed.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { type GenerateOptions, type Generation, generate } from '../../codegen/generate.ts'

const packages = fileURLToPath(new URL('../../node_modules', import.meta.url))
const folders: string[] = []
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'raftgen-codegen-'))

  constructor() {
    folders.push(this.folder)
    symlinkSync(packages, join(this.folder, 'node_modules'))
  }

  write(name: string, text: string): void {
    const path = join(this.folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8')
  }

  /** Generates without writing. */
  async generate(schema: string, options: Partial<GenerateOptions> = {}): Promise<Generation> {
    this.write('schema.ts', schema)
    return await generate({ schemaFile: 'schema.ts', cwd: this.folder, ...options })
  }

  /** Generates and writes what came of it. */
  async emit(schema: string, options: Partial<GenerateOptions> = {}): Promise<Generation> {
    const generation = await this.generate(schema, options)
    for (const { path, text } of generation.files) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    return generation
  }
}

/** The lines of a schema file around what a test is about. */
export const machine = (body: string, before = ''): string => `import { bytes, defineMachine, Record } from 'raftgen'
import Type from 'typebox'
${before}
export default defineMachine({
  name: 'shop',
  version: 1,
${body}
})
`

/** `schema.ts:7:3 error CODE message`, then the hint. */
export const printed = (generation: Generation): readonly string[] =>
  generation.diagnostics.map(
    ({ file, line, column, severity, code, message, hint }) => `${file}:${line}:${column} ${severity} ${code} ${message} | ${hint}`,
  )

export const codes = (generation: Generation): readonly string[] => generation.diagnostics.map(({ code }) => code)
