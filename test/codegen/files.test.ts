// A schema in several files is the schema that it would be in one.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Generation, generate } from '../../codegen/generate.ts'
import { Project, printed } from './project.ts'

const types = `import Type from 'typebox'
export const Name = Type.String({ minLength: 1, maxLength: 64 })
/** Who holds a lock. */
export const Owner = Type.Union([Type.Object({ kind: Type.Literal('person') }), Type.Object({ kind: Type.Literal('job'), id: Type.Integer() })])
/** A lock that is held. */
export const Lease = Type.Object({
  /** By whom. */
  owner: Owner,
  token: Type.Integer(),
})
`
const errors = `import Type from 'typebox'
import { Owner } from './types.ts'
/** Somebody has it. */
export const Held = Type.Object({ owner: Owner })
`
const acquire = `import Type from 'typebox'
import { Lease, Name, Owner } from './types.ts'
/** Takes a lock. */
export const acquire = { input: Type.Object({ name: Name, owner: Owner }), output: Lease, errors: ['Held'] } as const
`
const machine = (imports: string, parts: { readonly lease: string; readonly errors: string; readonly commands: string }): string =>
  `${imports}
export default defineMachine({
  name: 'locks',
  version: 1,
  state: Type.Object({ leases: Record(Name, ${parts.lease}) }),
  errors: ${parts.errors},
  commands: ${parts.commands},
})
`
const own = "import { defineMachine, Record } from 'raftgen'\nimport Type from 'typebox'\n"
const plain = { lease: 'Lease', errors: '{ Held }', commands: '{ acquire }' }

const withoutImports = (text: string): string => text.replace(/^import .*\n/gm, '').replaceAll('export ', '')
const inOneFile = machine(own + withoutImports(types + errors + acquire), plain)

const texts = ({ files }: Generation, folder: string): readonly (readonly [string, string])[] =>
  files.map(({ path, text }) => [path.slice(folder.length), text])

/** Of a schema in `files`, with those that it imports. */
async function generated(files: Readonly<Record<string, string>>): Promise<{ readonly generation: Generation; readonly project: Project }> {
  const project = new Project()
  for (const [name, text] of Object.entries(files)) project.write(name, text)
  return { project, generation: await generate({ schemaFile: 'schema.ts', cwd: project.folder }) }
}

const split = { 'types.ts': types, 'errors.ts': errors, 'acquire.ts': acquire }
const named = "import { Lease, Name } from './types"

const ways: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'named imports with .ts': {
    ...split,
    'schema.ts': machine(`${own}${named}.ts'\nimport { Held } from './errors.ts'\nimport { acquire } from './acquire.ts'`, plain),
  },
  'named imports with .js, as a compiler wants them': {
    ...split,
    'schema.ts': machine(`${own}${named}.js'\nimport { Held } from './errors.js'\nimport { acquire } from './acquire.js'`, plain),
  },
  'named imports without extensions': {
    ...split,
    'schema.ts': machine(`${own}${named}'\nimport { Held } from './errors'\nimport { acquire } from './acquire'`, plain),
  },
  'folders with an index, and parts that import each other from there': {
    'parts/types.ts': types,
    'parts/errors.ts': errors,
    'parts/commands/acquire.ts': acquire.replace('./types.ts', '../index.ts'),
    'parts/index.ts': "export * from './types'\nexport * from './errors'\n",
    'schema.ts': machine(`${own}import { Held, Lease, Name } from './parts'\nimport { acquire } from './parts/commands/acquire'`, plain),
  },
  'names that are given on, under another name, and by default': {
    ...split,
    'lease.ts': "import { Lease } from './types.ts'\nexport default Lease\n",
    'given.ts': "export { Held as Refusal } from './errors.ts'\nexport { acquire as take } from './acquire.ts'\n",
    'schema.ts': machine(
      `${own}import { Name } from './types.ts'\nimport L from './lease.ts'\nimport { Refusal, take as taking } from './given.ts'`,
      { lease: 'L', errors: '{ Held: Refusal }', commands: '{ acquire: taking }' },
    ),
  },
  'whole modules': {
    ...split,
    'all.ts': "export * as parts from './types.ts'\n",
    'schema.ts': machine(
      `${own}import { parts } from './all.ts'\nimport { Name } from './types.ts'\nimport * as errors from './errors.ts'\nimport * as commands from './acquire.ts'`,
      { lease: 'parts.Lease', errors: '{ Held: errors.Held }', commands: '{ acquire: commands.acquire }' },
    ),
  },
  'objects that are spread': {
    ...split,
    'parts.ts':
      "import { acquire } from './acquire.ts'\nimport { Held } from './errors.ts'\nexport const commands = { acquire }\nexport const errors = { Held }\n",
    'schema.ts': machine(`${own}${named}.ts'\nimport { commands, errors } from './parts.ts'`, {
      lease: 'Lease',
      errors: 'errors',
      commands: '{ ...commands }',
    }),
  },
  'a machine that is given on': {
    ...split,
    'machine.ts': machine(`${own}${named}.ts'\nimport { Held } from './errors.ts'\nimport { acquire } from './acquire.ts'`, plain),
    'schema.ts': "export { default } from './machine.ts'\n",
  },
}

describe('generated code and wire lock are those of one file', () => {
  test.each(Object.entries(ways))('%s', async (_, files) => {
    const one = await generated({ 'schema.ts': inOneFile })
    const several = await generated(files)
    expect(printed(several.generation)).toEqual([])
    expect(texts(several.generation, several.project.folder)).toEqual(texts(one.generation, one.project.folder))
    expect([...(one.generation.model?.types.keys() ?? [])]).toEqual(expect.arrayContaining(['Owner', 'Lease']))
  })
})

describe('what is wrong is told where it stands', () => {
  const schema = ways['named imports with .ts']?.['schema.ts'] ?? ''
  const found = async (changed: Readonly<Record<string, string>>): Promise<readonly string[]> => {
    const { generation } = await generated({ ...split, 'schema.ts': schema, ...changed })
    return printed(generation).map((line) => line.replace(/ \| .*/, ''))
  }

  test('in the file of a type', async () => {
    expect(await found({ 'types.ts': types.replace('token: Type.Integer()', 'token: Type.Any()') })).toEqual([
      'types.ts:9:10 error TYPE_UNSUPPORTED state.leases{}.token is any, so replicas could not agree on its bytes',
    ])
  })

  test('in the file of a command, of an error, and of the machine at once, by file', async () => {
    const lines = await found({
      'acquire.ts': acquire.replace('output:', 'outputs:'),
      'errors.ts': errors.replace('{ owner: Owner }', '{ code: Owner }'),
      'schema.ts': schema.replace('version: 1', 'version: 0'),
    })
    expect(lines).toEqual([
      'acquire.ts:4:76 error KEY_UNKNOWN commands.acquire has the unknown key outputs',
      'errors.ts:4:35 error NAME_RESERVED the error Held has a field called code, which is where its own name goes',
      'schema.ts:8:12 error MACHINE_VERSION the machine has version 0',
    ])
  })

  test('in a file that cannot be parsed', async () => {
    expect(await found({ 'types.ts': 'export const Name = ;\n' })).toEqual(['types.ts:1:21 error SCHEMA_SYNTAX Expression expected.'])
  })

  test('in the file that imports what is not there', async () => {
    expect(await found({ 'errors.ts': errors.replace('./types.ts', './typos.ts') })).toEqual([
      'errors.ts:2:1 error SCHEMA_DOES_NOT_LOAD the schema imports ./typos.ts, which cannot be found',
    ])
  })

  test('in the line of the file that throws', async () => {
    expect(await found({ 'errors.ts': errors.replace('Type.Object', '  Type.Objekt') })).toEqual([
      'errors.ts:4:1 error SCHEMA_DOES_NOT_LOAD the schema throws while it is loaded: TypeError: Type.Objekt is not a function',
    ])
  })

  test('two constants of one name in two files are told to be two', async () => {
    const other = "import Type from 'typebox'\nexport const Lease = Type.Object({ until: Type.Integer() })\n"
    const [line] = await found({
      'other.ts': other,
      'acquire.ts': acquire.replace('import { Lease, Name', "import { Lease } from './other.ts'\nimport { Name"),
    })
    expect(line).toBe(
      'acquire.ts:5:84 error NAME_TAKEN the type of commands.acquire.output would be called Lease in the generated code, as is the type of state.leases{}',
    )
  })

  test('an edit since the frozen version is told in the file of its type', async () => {
    const project = new Project()
    for (const [name, text] of Object.entries({ ...split, 'schema.ts': schema })) project.write(name, text)
    const first = await project.emit(schema)
    const lock = first.files.find(({ path }) => path.endsWith('.wire.json'))?.text ?? ''
    project.write('locks.wire.json', lock.replace('"open"', '"frozen"'))
    project.write('types.ts', types.replace('maxLength: 64', 'maxLength: 32'))
    const { diagnostics } = await project.generate(schema.replace('version: 1', 'version: 2'))
    expect(diagnostics.map(({ code }) => code)).toContain('EVOLVE_BOUND_NARROWED')
    project.write('types.ts', types.replace('  token: Type.Integer(),', '  token: Type.Integer(),\n  zone: Type.String(),'))
    const { evolution } = await project.generate(schema.replace('version: 1', 'version: 2'))
    expect(evolution?.findings.map(({ rule, file, line }) => `${file}:${line} ${rule}`)).toContain(
      'types.ts:10 EVOLVE_FIELD_ADDED_REQUIRED',
    )
  })
})

test('types that two machines share are the same in both', async () => {
  const project = new Project()
  project.write('shared/types.ts', types)
  const schemaOf = (name: string): string =>
    `${own}import { Lease, Name } from '../shared/types.ts'\nexport default defineMachine({ name: '${name}', version: 1, state: Type.Object({ leases: Record(Name, Lease) }), queries: { look: { input: Type.Object({ name: Name }), output: Lease } } })\n`
  for (const name of ['a', 'b']) project.write(`${name}/schema.ts`, schemaOf(name))
  const [a, b] = await Promise.all(['a', 'b'].map((name) => generate({ schemaFile: `${name}/schema.ts`, cwd: project.folder })))
  expect([a?.diagnostics, b?.diagnostics]).toEqual([[], []])
  const leaseOf = (generation: Generation | undefined): unknown => generation?.model?.types.get('Lease')
  expect(leaseOf(a)).toEqual(leaseOf(b))
  expect(leaseOf(a)).toMatchObject({ docs: 'A lock that is held.', fields: [{ docs: 'By whom.' }, {}] })

  project.write('shared/types.ts', types.replace('Type.Integer(),\n', 'Type.Any(),\n'))
  const { diagnostics } = await generate({ schemaFile: 'a/schema.ts', cwd: project.folder })
  expect(diagnostics.map(({ file, line }) => `${file}:${line}`)).toEqual(['shared/types.ts:9'])
  expect(join(project.folder, diagnostics[0]?.file ?? '')).toBe(join(project.folder, 'shared/types.ts'))
})
