// Versions in a wire lock, compared without a schema.
import { describe, expect, test } from 'vitest'
import { compareVersions, lockedVersionOf, type SchemaVersion } from '../../../codegen/evolution/compare.ts'
import { typeStep, type TypeStep } from '../../../codegen/evolution/step.ts'
import type { Lock, LockedVersion } from '../../../codegen/lock.ts'
import type { Model } from '../../../codegen/model.ts'
import { Project } from '../project.ts'
import { editedFrom, evolutionOf, findingLine, freeze, schemaOf, type Parts } from './pairs.ts'

const two = (...names: readonly string[]): Parts => ({
  state: '',
  queries: '',
  errors: '',
  commands: names.map((name) => `${name}: { input: Type.Object({}) },`).join(' '),
})

/** Versions 1 and 2 as their lock has them, after `edit`. */
async function versions(
  before: Parts,
  after: Parts,
  edit: (lock: Lock) => Lock = (lock) => lock,
): Promise<readonly [SchemaVersion, SchemaVersion]> {
  const project = new Project()
  await project.emit(schemaOf(1, before))
  freeze(project, 1)
  await project.emit(schemaOf(2, after))
  const lock = edit(JSON.parse(project.read('shop.wire.json')))
  return [lockedVersionOf(lock, 1), lockedVersionOf(lock, 2)]
}
const editing =
  (version: number, change: (locked: LockedVersion) => Partial<LockedVersion>) =>
  (lock: Lock): Lock => {
    const locked = lock.versions[version]
    if (locked === undefined) throw new Error(`no version ${version}`)
    return { ...lock, versions: { ...lock.versions, [version]: { ...locked, ...change(locked) } } }
  }

describe('the wire lock itself', () => {
  test('TAG_CHANGED, TAG_REUSED: a tag belongs to its name', async () => {
    const swapped = editing(2, ({ commands: { go, on } }) => ({
      commands: { ...(go && { go: { ...go, tag: 2 } }), ...(on && { on: { ...on, tag: 1 } }) },
    }))
    const found = compareVersions(...(await versions(two('go', 'on'), two('go', 'on'), swapped)))

    expect(found.map(({ rule, subject, level, message }) => `${rule} ${subject} ${level} ${message}`)).toEqual([
      'EVOLVE_TAG_CHANGED command breaking the command go had the tag 1 and has 2',
      'EVOLVE_TAG_REUSED command breaking the command go has the tag 2, which was that of on',
      'EVOLVE_TAG_CHANGED command breaking the command on had the tag 2 and has 1',
      'EVOLVE_TAG_REUSED command breaking the command on has the tag 1, which was that of go',
    ])
  })

  test('TAG_REUSED: that of what is gone is not given away', async () => {
    const forgotten = editing(2, ({ commands: { up }, retired }) => ({
      commands: up === undefined ? {} : { up: { ...up, tag: 1 } },
      retired: { ...retired, commands: { on: 2 } },
    }))
    const [before, after] = await versions(two('go', 'on'), { ...two('up'), retired: "commands: ['go', 'on']" }, forgotten)

    const found = compareVersions(before, after, { clients: [], commands: ['go', 'on'], queries: [], errors: [] })

    expect(found.map(({ rule, level }) => `${rule} ${level}`)).toEqual([
      'EVOLVE_TAG_REUSED breaking',
      'EVOLVE_COMMAND_ADDED safe',
      'EVOLVE_COMMAND_RETIRED safe',
      'EVOLVE_COMMAND_RETIRED safe',
    ])
  })

  test('TOMBSTONE_DELETED: what is gone is kept in mind', async () => {
    const deleted = editing(2, ({ retired }) => ({ retired: { ...retired, commands: {} } }))
    const [before, after] = await versions(two('go', 'on'), { ...two('go'), retired: "commands: ['on']" }, deleted)

    const found = compareVersions(before, after, { clients: [], commands: ['on'], queries: [], errors: [] })

    expect(found.map(({ rule, level, message }) => `${rule} ${level} ${message}`)).toEqual([
      'EVOLVE_COMMAND_RETIRED safe the command on is retired',
      'EVOLVE_TOMBSTONE_DELETED breaking the wire lock does not keep the tag 2 of the command on',
    ])
  })

  test('MACHINE_RENAMED: data belongs to a machine', async () => {
    const [before, after] = await versions(two('go'), two('go'))

    const found = compareVersions(before, { ...after, model: { ...after.model, name: 'store' } })

    expect(found).toMatchObject([{ rule: 'EVOLVE_MACHINE_RENAMED', subject: 'machine', level: 'breaking', before: 'shop', after: 'store' }])
  })

  test('BASE_OPEN: a version that may still change is none to build on', async () => {
    const open = editing(1, () => ({ status: 'open' }))

    const found = compareVersions(...(await versions(two('go'), two('go'), open)))

    expect(found).toMatchObject([
      { rule: 'EVOLVE_BASE_OPEN', level: 'breaking', message: 'version 1 is not frozen, and the schema has version 2' },
    ])
  })
})

describe('what is compared', () => {
  test('nothing is found where only docs, indexes, names of types and the order of fields are others', async () => {
    const state = (name: string, fields: string): Parts => ({
      ...two('go'),
      state: `rows: Record(Type.String(), Type.Object({ ${fields} }, { title: '${name}', description: '${name}' }))`,
    })
    const generation = await editedFrom(
      state('Row', 'a: Type.Integer(), b: Type.String()'),
      state('Line', 'b: Type.String(), a: Type.Integer()'),
    )

    expect(evolutionOf(generation)).toEqual({ since: 1, findings: [] })
  })

  test('a type that contains itself is walked once', async () => {
    const tree = (label: string): Parts => ({
      ...two(),
      commands: `go: { input: Type.Object({ tree: Type.Cyclic({ Node: Type.Object({ label: ${label}, next: Type.Optional(Type.Ref('Node')) }) }, 'Node') }) },`,
    })
    const { findings } = evolutionOf(await editedFrom(tree('Type.Integer()'), tree('Type.Number()')))

    expect(findings.map(findingLine)).toEqual(['11 INTEGER_WIDENED command safe'])
  })

  test('a retired version is not compared with', async () => {
    const generation = await editedFrom(two('go'), { ...two('on'), retired: 'versions: [1]' })

    expect(generation.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(generation.evolution).toBeUndefined()
    expect(generation.model?.version).toBe(2)
  })

  test('where something breaks nothing is written; a migration is a warning', async () => {
    const broken = await editedFrom(two('go'), two('on'))
    const migrated = await editedFrom(
      { part: 'a: Type.Integer()', ...two('go') },
      { ...two(), commands: 'go: { input: Type.Object({ b: Type.Integer() }) },' },
    )

    expect(broken.files).toEqual([])
    expect(broken.diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual(['error EVOLVE_COMMAND_REMOVED'])
    expect(migrated.files.length).toBeGreaterThan(5)
    expect(migrated.diagnostics).toEqual([
      {
        severity: 'warning',
        code: 'EVOLVE_FIELD_ADDED_REQUIRED',
        file: 'schema.ts',
        line: 11,
        column: 32,
        endLine: 11,
        endColumn: 33,
        message: 'Go.b is new and required, in the input of go',
        hint: 'Give it a default, or make it optional. Else: say in `migrations.ts` what becomes of values of the older version.',
      },
    ])
  })

  test('a version that an older release froze cannot be compared with, and that is said', async () => {
    const project = new Project()
    await project.emit(schemaOf(1))
    freeze(project, 1)
    project.write('shop.wire.json', project.read('shop.wire.json').replace('"lock":2', '"lock":1'))

    const { diagnostics, evolution, files } = await project.generate(schemaOf(2))

    expect(evolution).toBeUndefined()
    expect(files.length).toBeGreaterThan(0)
    expect(diagnostics).toMatchObject([{ severity: 'warning', code: 'LOCK_PARTIAL', line: 6 }])
  })
})

const stepOf = (before: Model, after: Model, name: string): TypeStep => typeStep({ before, after }, { before: name, after: name })

describe('a step', () => {
  const models = async (before: string, after: string): Promise<readonly [Model, Model]> => {
    const input: Parts = { ...two(), commands: 'put: { input: Type.Object({ part: Part }) },' }
    const [one, other] = await versions({ ...input, part: before }, { ...input, part: after })
    return [one.model, other.model]
  }

  test('tells which fields are kept, renamed, added and dropped, and what becomes of their types', async () => {
    const [before, after] = await models(
      "a: Type.Integer(), b: Type.String(), c: Type.Object({ x: Type.Integer() }, { title: 'C' }), l: Type.Enum(['p'])",
      "z: Type.Integer({ was: 'a' }), c: Type.Object({ x: Type.Integer() }, { title: 'D' }), l: Type.Enum(['p', 'q']), n: Type.Integer({ default: 5 })",
    )

    expect(stepOf(before, after, 'Part')).toMatchObject({
      kind: 'object',
      fields: [
        { kind: 'kept', before: { name: 'a' }, after: { name: 'z', was: 'a' }, type: { kind: 'same' } },
        { kind: 'kept', after: { name: 'c' }, type: { kind: 'named', before: 'C', after: 'D' } },
        { kind: 'kept', after: { name: 'l' }, type: { kind: 'literals', added: ['q'], removed: [] } },
        { kind: 'added', after: { name: 'n', default: 5 } },
        { kind: 'dropped', before: { name: 'b', position: 1 } },
      ],
    })
  })

  test('tells which variants are kept, added and dropped, with their tags in both versions', async () => {
    const union = (variants: string): string => `u: Type.Union([${variants}], { title: 'U' })`
    const [before, after] = await models(
      union('Type.Boolean(), Type.Integer(), Type.String()'),
      union('Type.Number(), Type.Boolean(), bytes()'),
    )

    expect(stepOf(before, after, 'U')).toMatchObject({
      kind: 'union',
      variants: [
        { kind: 'kept', before: { tag: 1 }, after: { tag: 1 }, type: { kind: 'same' } },
        { kind: 'kept', before: { tag: 2 }, after: { tag: 2 }, type: { kind: 'number', to: 'number' } },
        { kind: 'added', after: { key: 'bytes', tag: 4 } },
        { kind: 'dropped', before: { key: 'string', tag: 3 } },
      ],
    })
  })
})
