// What the lock holds of a version is all that the emitters need.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { emit } from '../../codegen/emit/index.ts'
import { generate } from '../../codegen/generate.ts'
import { readLock } from '../../codegen/lock-file.ts'
import type { Lock } from '../../codegen/lock.ts'
import { modelOf } from '../../codegen/locked-model.ts'
import type { Field, Model } from '../../codegen/model.ts'
import { machine, Project } from './project.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders = ['examples/locks', 'examples/counter', 'examples/bank', 'examples/queue', 'test/codegen/golden/kitchen-sink']
const others = ['test/codegen/golden/indexes', 'test/bench/kv', 'test/chaos/machine']
const corpus = [...folders, ...others]

function lockIn(folder: string): Lock {
  const file = readdirSync(join(root, folder)).find((name) => name.endsWith('.wire.json')) ?? ''
  const read = readLock(readFileSync(join(root, folder, file), 'utf8'), file.replace('.wire.json', ''))
  if (read.kind !== 'read' || read.lock === undefined) throw new Error(`no lock in ${folder}`)
  return read.lock
}

/** Without docs and indexes, which no lock holds; fields in their order on the wire. */
function bare(model: Model): Model {
  const fields = (list: readonly Field[]): readonly Field[] =>
    list.map((field) => ({ ...field, docs: undefined })).sort((a, b) => a.position - b.position)
  const undocumented = <T extends object>(list: readonly T[]): readonly (T & { docs: undefined })[] =>
    list.map((item) => ({ ...item, docs: undefined }))
  return {
    ...model,
    docs: undefined,
    types: new Map(
      [...model.types].map(([name, type]) => [
        name,
        type.kind === 'object' ? { ...type, docs: undefined, fields: fields(type.fields) } : { ...type, docs: undefined },
      ]),
    ),
    state: undocumented(model.state).map((property) => (property.kind === 'table' ? { ...property, indexes: [] } : property)),
    errors: undocumented(model.errors).map((error) => ({ ...error, fields: fields(error.fields) })),
    commands: undocumented(model.commands),
    queries: undocumented(model.queries),
    operations: undocumented(model.operations),
  }
}

describe.each(corpus)('%s', (folder) => {
  test('the model in its lock is that of its schema, docs and indexes aside', async () => {
    const { model } = await generate({ schemaFile: join(root, folder, 'schema.ts') })
    if (model === undefined) throw new Error('the schema is wrong')

    const locked = modelOf(lockIn(folder), model.version)

    expect(locked).toEqual(bare(model))
    expect([...locked.types.keys()]).toEqual([...model.types.keys()])
  })

  test('the codec that is made of its lock is that of its schema', async () => {
    const schemaFile = join(root, folder, 'schema.ts')
    const { model } = await generate({ schemaFile })
    if (model === undefined) throw new Error('the schema is wrong')
    const codecOf = (of: Model): string =>
      emit(of, { toolVersion: '1', source: './schema.ts', extension: 'js' }).files.find(({ name }) => name === 'codec.ts')?.text ?? ''

    expect(codecOf(modelOf(lockIn(folder), model.version))).toBe(codecOf(bare(model)))
    expect(codecOf(model).length).toBeGreaterThan(500)
  })
})

test('a version that an older release wrote has no model, nor has one that is not there', async () => {
  const project = new Project()
  await project.emit(machine('  state: Type.Object({ n: Type.Integer({ default: 1 }) }),'))
  const read = readLock(project.read('shop.wire.json').replace('"lock": 2', '"lock": 1'), 'shop')
  if (read.kind !== 'read' || read.lock === undefined) throw new Error('no lock')
  const { lock } = read

  expect(() => modelOf(lock, 1)).toThrow(new Error('version 1 in the wire lock of shop has no bounds: an older release wrote it'))
  expect(() => modelOf(lock, 2)).toThrow(new Error('the wire lock of shop has no version 2'))
})

test('defaults are kept as they apply: filled up, in the order of the lock, with the tags of their variants', async () => {
  const project = new Project()
  const point = (fields: string): string =>
    `const P = Type.Object({ ${fields} })\nconst U = Type.Union([Type.Boolean(), P, Record(Type.String(), Type.Integer())], { title: 'U' })`
  const schema = (fields: string): string =>
    machine(
      "  state: Type.Object({}),\n  commands: { go: { input: Type.Object({ u: Type.Array(U, { default: [{ x: 4 }, new Map([['a', 1]])] }), m: Type.Record(Type.Integer(), P, { default: { 3: { x: 1 } } }) }) } },",
      point(fields),
    )
  await project.emit(schema('x: Type.Integer(), y: Type.Integer({ default: 1 })'))
  const { model } = await project.emit(schema('y: Type.Integer({ default: 1 }), x: Type.Integer()'))
  const lock: Lock = JSON.parse(project.read('shop.wire.json'))

  const type = lock.versions[1]?.types['Go']
  const fields = type !== undefined && 'fields' in type ? type.fields : []
  expect(fields.map((field) => field.default)).toEqual([
    [
      [2, [4, 1]],
      [3, ['a', 1]],
    ],
    [3, [1, 1]],
  ])
  expect(modelOf(lock, 1).types.get('Go')).toEqual({ ...model?.types.get('Go'), docs: undefined })
})
