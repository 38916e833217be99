import { expect, test } from 'vitest'
import type { Lock } from '../../codegen/lock.ts'
import { machine, Project, printed } from './project.ts'

const schema = (version: number, retired: string, commands = ''): string =>
  machine(`  state: Type.Object({}),
  commands: { ${commands}stay: { input: Type.Object({}) } },
  ${retired}`).replace('version: 1', `version: ${version}`)
const go = "go: { input: Type.Object({}), errors: ['Held'] }, "
const errors = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.includes(' error '))

/** Versions 1 and 2 frozen; `go` and `Held` were in the first. */
async function project(): Promise<Project> {
  const made = new Project()
  const freeze = (version: number): void => {
    const lock: Lock = JSON.parse(made.read('shop.wire.json'))
    const frozen = { ...lock.versions[version], status: 'frozen' }
    made.write('shop.wire.json', JSON.stringify({ ...lock, versions: { ...lock.versions, [version]: frozen } }))
  }
  await made.emit(schema(1, 'errors: { Held: Type.Object({}) },', go))
  freeze(1)
  await made.emit(schema(2, "retired: { commands: ['go'], errors: ['Held'] },"))
  freeze(2)
  return made
}

test.each([
  'retired: { clients: [1, 2] },',
  'retired: { versions: [1], clients: [2] },',
  "retired: { versions: [1], commands: ['go'], errors: ['Held'] },",
  'retired: { versions: [2, 1] },',
  'retired: {},',
])('%s is fine', async (retired) => {
  const made = await project()
  expect(errors(printed(await made.generate(schema(3, retired))))).toEqual([])
})

test.each([
  [
    "commands: ['goo']",
    25,
    'RETIRED_UNKNOWN retired.commands has goo, and no version in the wire lock has such a command | Did you mean go?',
  ],
  [
    "queries: ['see']",
    24,
    'RETIRED_UNKNOWN retired.queries has see, and no version in the wire lock has such a query | Leave it out: only what a version in the wire lock has can be retired.',
  ],
  ["commands: ['go', 'stay']", 31, 'RETIRED_IN_USE retired.commands has stay, and commands has it too | Take it out of one of the two.'],
  ['versions: [2]', 25, 'RETIRED_GAP retired.versions has 2, and not 1, which is older | Add 1: who still needs it needs 2 as well.'],
  [
    'versions: [1, 3]',
    28,
    'RETIRED_IN_USE retired.versions has 3, and the schema has version 3 | Only versions before that of the schema can be retired.',
  ],
  ['clients: [2]', 24, 'RETIRED_GAP retired.clients has 2, and not 1, which is older | Add 1: who still needs it needs 2 as well.'],
  [
    'clients: [1, 2, 3]',
    30,
    'RETIRED_IN_USE retired.clients has 3, and the schema has version 3 | Only versions before that of the schema can be retired.',
  ],
  ['clients: [1.5]', 23, 'RETIRED_INVALID retired.clients is not a list of versions | Write one: [1, 2].'],
  ['versions: [0]', 24, 'RETIRED_INVALID retired.versions is not a list of versions | Write one: [1, 2].'],
  ["errors: 'Held'", 22, "RETIRED_INVALID retired.errors is not a list of names | Write one: ['old']."],
  ["comands: ['go']", 14, 'KEY_UNKNOWN retired has the unknown key comands | Did you mean commands?'],
])('%s is not', async (inside, column, expected) => {
  const made = await project()

  const found = errors(printed(await made.generate(schema(3, `retired: { ${inside} },`))))

  expect(found).toEqual([`schema.ts:9:${column} error ${expected}`])
})

test('a version that the wire lock does not have is unknown', async () => {
  const made = new Project()
  await made.emit(schema(3, ''))

  expect(errors(printed(await made.generate(schema(3, 'retired: { versions: [1] },'))))).toEqual([
    'schema.ts:9:25 error RETIRED_UNKNOWN retired.versions has 1, and the wire lock has no version 1 | Leave it out.',
  ])
})

test('retired is an object', async () => {
  expect(errors(printed(await new Project().generate(schema(1, 'retired: [1],'))))).toEqual([
    "schema.ts:9:12 error DEFINITION_INVALID retired is no object | Write { versions: [1], commands: ['old'] }.",
  ])
})
