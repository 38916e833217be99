import { describe, expect, test } from 'vitest'
import type { Lock, LockedVersion } from '../../codegen/lock.ts'
import { modelOf } from '../../codegen/locked-model.ts'
import { machine, Project, printed } from './project.ts'

const errors = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.includes(' error '))

interface Parts {
  readonly version?: number
  readonly fields?: string
  readonly state?: string
  readonly errors?: string
  readonly more?: string
  readonly command?: string
  readonly retired?: string
}
const schema = ({ version = 1, fields = 'a: Type.Integer(), b: Type.String()', ...parts }: Parts = {}): string =>
  machine(`  retired: { ${parts.retired ?? ''} },
  state: Type.Object({ ${parts.state ?? 'n: Type.Optional(Type.Integer()), m: Type.Optional(Type.String())'} }),
  errors: { ${parts.errors ?? 'Held: Type.Object({ by: Type.String(), at: Type.Integer() })'} },
  commands: { ${parts.command ?? `go: { input: Type.Object({ ${fields} }), errors: ['Held'] }`}, stop: { input: Type.Object({}) }${parts.more ?? ''} },`).replace(
    'version: 1',
    `version: ${version}`,
  )
const lockOf = (project: Project): Lock => JSON.parse(project.read('shop.wire.json'))
function locked(project: Project, version: number): LockedVersion {
  const found = lockOf(project).versions[version]
  if (found === undefined) throw new Error(`no version ${version}`)
  return found
}
const fieldsOf = (version: LockedVersion, type: string): unknown => {
  const found = version.types[type]
  return found !== undefined && 'fields' in found
    ? found.fields.map(({ name, was }) => (was === undefined ? name : `${name} was ${was}`))
    : undefined
}
function freeze(project: Project, version = 1): void {
  const lock = lockOf(project)
  project.write(
    'shop.wire.json',
    JSON.stringify({ ...lock, versions: { ...lock.versions, [version]: { ...lock.versions[version], status: 'frozen' } } }),
  )
}
async function started(): Promise<Project> {
  const project = new Project()
  await project.emit(schema())
  freeze(project)
  return project
}

describe('what was called otherwise', () => {
  test('a field keeps its place', async () => {
    const project = await started()
    const generation = await project.emit(
      schema({ version: 2, fields: "c: Type.Boolean(), z: Type.Integer({ was: 'a' }), b: Type.String()" }),
    )

    expect(errors(printed(generation))).toEqual([])
    expect(fieldsOf(locked(project, 2), 'Go')).toEqual(['z was a', 'b', 'c'])
    expect(modelOf(lockOf(project), 2).types.get('Go')).toMatchObject({
      fields: [{ name: 'z', was: 'a' }, { name: 'b', was: undefined }, {}],
    })
  })

  test('a field of a constant type says so with Type.With, and its type stays the same', async () => {
    const project = new Project()
    const withField = (field: string, version: number): string =>
      schema({ version, fields: field }).replace('\nexport', '\nconst Spot = Type.Object({ x: Type.Integer() })\nexport')
    await project.emit(withField('from: Spot, to: Type.Optional(Spot)', 1))
    freeze(project)
    const generation = await project.emit(withField("from: Spot, until: Type.Optional(Type.With(Spot, { was: 'to' }))", 2))

    expect(errors(printed(generation))).toEqual([])
    expect(fieldsOf(locked(project, 2), 'Go')).toEqual(['from', 'until was to'])
    expect(Object.keys(locked(project, 2).types)).toEqual(['Spot', 'Go', 'Stop'])
  })

  test('a command, an error and its field, and a field of the state keep their tags and places', async () => {
    const project = await started()
    const command = "start: { was: 'go', input: Type.Object({ a: Type.Integer(), b: Type.String() }), errors: ['Taken'] }"
    const generation = await project.emit(
      schema({
        version: 2,
        command,
        errors: "Taken: Type.Object({ at: Type.Integer(), owner: Type.String({ was: 'by' }) }, { was: 'Held' })",
        state: "m: Type.Optional(Type.String()), count: Type.Optional(Type.Integer({ was: 'n' }))",
      }),
    )

    expect(errors(printed(generation))).toEqual([])
    const version = locked(project, 2)
    expect(version.commands).toMatchObject({ start: { tag: 1, was: 'go' }, stop: { tag: 2 } })
    expect(version.errors).toMatchObject({ Taken: { tag: 1, was: 'Held', fields: [{ name: 'owner', was: 'by' }, { name: 'at' }] } })
    expect(version.state.map(({ name, was }) => [name, was])).toEqual([
      ['count', 'n'],
      ['m', undefined],
    ])
    expect(version.retired).toMatchObject({ commands: {}, errors: {} })
    expect(generation.model).toMatchObject({ commands: [{ was: 'go' }, {}], errors: [{ was: 'Held' }], state: [{ was: 'n' }, {}] })
  })

  test('is told when it was added without: the tag that is gone is taken up again', async () => {
    const project = await started()
    await project.emit(
      schema({ version: 2, more: ', halt: { input: Type.Object({}) }', retired: "commands: ['stop']" }).replace(
        'stop: { input: Type.Object({}) }, ',
        '',
      ),
    )
    expect(locked(project, 2)).toMatchObject({ commands: { halt: { tag: 3 } }, retired: { commands: { stop: 2 } } })

    await project.emit(
      schema({ version: 2, more: ", halt: { was: 'stop', input: Type.Object({}) }" }).replace('stop: { input: Type.Object({}) }, ', ''),
    )

    expect(locked(project, 2)).toMatchObject({ commands: { halt: { tag: 2, was: 'stop' } }, retired: { commands: {} } })
  })

  test('may stay in the schema, in the same version and in the next, where it is no news', async () => {
    const project = await started()
    const renamed = schema({ version: 2, fields: "z: Type.Integer({ was: 'a' }), b: Type.String()" })
    await project.emit(renamed)
    expect(errors(printed(await project.emit(renamed)))).toEqual([])
    expect(fieldsOf(locked(project, 2), 'Go')).toEqual(['z was a', 'b'])
    freeze(project, 2)

    expect(errors(printed(await project.emit(renamed.replace("{ was: 'a' }", ''))))).toEqual([])
    expect(fieldsOf(locked(project, 2), 'Go')).toEqual(['z was a', 'b'])
    expect(errors(printed(await project.emit(renamed.replace('version: 2', 'version: 3'))))).toEqual([])
    expect(fieldsOf(locked(project, 3), 'Go')).toEqual(['z', 'b'])
  })

  test('in a first version keeps its place as well, and is not told', async () => {
    const project = new Project()
    await project.emit(schema())
    await project.emit(schema({ fields: "b: Type.String(), z: Type.Integer({ was: 'a' })" }))

    expect(fieldsOf(locked(project, 1), 'Go')).toEqual(['z', 'b'])
    expect(errors(printed(await project.emit(schema({ fields: "b: Type.String(), z: Type.Integer({ was: 'a' })" }))))).toEqual([])
  })
})

describe('an error', () => {
  test.each([
    [
      { fields: "z: Type.Integer({ was: 'x' }), b: Type.String()" },
      'RENAME_UNKNOWN Go.z was called x, and the wire lock knows no x there | Gone are a.',
    ],
    [
      { command: "start: { was: 'goo', input: Type.Object({}), errors: ['Held'] }" },
      'RENAME_UNKNOWN the command start was called goo, and the wire lock knows no goo there | Did you mean go?',
    ],
    [
      { state: "n: Type.Optional(Type.Integer()), m: Type.Optional(Type.String()), k: Type.Optional(Type.String({ was: 'l' }))" },
      'RENAME_UNKNOWN state.k was called l, and the wire lock knows no l there | Leave `was` out.',
    ],
    [
      { fields: "z: Type.Integer({ was: 'a' }), y: Type.Integer({ was: 'a' }), b: Type.String()" },
      'RENAME_TAKEN Go.y was called a, and so was z | Leave `was` out of one of them; a rename that an earlier version has made needs none.',
    ],
    [
      { fields: "a: Type.Integer(), y: Type.Integer({ was: 'a' })" },
      'RENAME_TAKEN Go.y was called a, and there is a a still | Leave `was` out of one of them; a rename that an earlier version has made needs none.',
    ],
    [
      { fields: 'a: Type.Integer({ was: 5 })' },
      "RENAME_INVALID commands.go.input.a was called 5, which is no name | Write its name in the version before: was: 'old'.",
    ],
    [
      { fields: "a: Type.Array(Type.Integer({ was: 'b' }))" },
      'RENAME_INVALID commands.go.input.a[] says what it was called, and has no name | Give `was` to a field, a command, a query, an error or a property of the state.',
    ],
  ] satisfies readonly (readonly [Parts, string])[])('%j', async (parts, expected) => {
    const project = await started()

    const found = errors(printed(await project.generate(schema({ version: 2, ...parts }))))

    expect(found.map((line) => line.replace(/^schema\.ts:\d+:\d+ error /, ''))).toEqual([expected])
    expect(found[0]).toMatch(/^schema\.ts:(?:[7-9]|1[01]):\d+ /)
  })
})
