// Several machines in one project.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { built, repository } from './built.ts'
import { command } from './in-process.ts'
import { counterSchema, fileTimes, project, textOf } from './project.ts'
import { raftgen } from './raftgen.ts'
import { writeFiles } from './temporary-folder.ts'
import { typeErrors } from './type-errors.ts'

beforeAll(built, 180_000)
vi.setConfig({ testTimeout: 240_000 })

const jiti = join(repository, 'node_modules/jiti/lib/jiti-cli.mjs')

const lease = `import Type from 'typebox'
/** What both machines know. */
export const Lease = Type.Object({ owner: Type.String(), until: Type.Integer() })
`
const schemaOf = (name: string, operation: string): string => `import { defineMachine } from 'raftgen'
import Type from 'typebox'
import { Lease } from '../shared/lease.ts'
export default defineMachine({
  name: '${name}',
  version: 1,
  state: Type.Object({ lease: Type.Optional(Lease) }),
  commands: { ${operation}: { input: Type.Object({ lease: Lease }), output: Lease } },
})
`
const both = { 'shared/lease.ts': lease, 'a/schema.ts': schemaOf('alpha', 'take'), 'b/schema.ts': schemaOf('beta', 'give') }

test('several schemas are generated in one call, and their code is used in one process, with the type that they share', async () => {
  const folder = project(both)
  const { code, out, err } = await raftgen(folder, ['a/schema.ts', 'b/schema.ts'])
  expect({ code, err }).toEqual({
    code: 0,
    err:
      'alpha: 9 created, 0 updated, 0 removed, 0 unchanged; stubs in a/handlers.ts: take\n' +
      'beta: 9 created, 0 updated, 0 removed, 0 unchanged; stubs in b/handlers.ts: give\n',
  })
  expect(out).toContain('a/alpha.wire.json\n')
  expect(out).toContain('b/beta.wire.json\n')
  writeFiles(folder, {
    'both.ts': `import * as a from './a/generated/index.js'
import * as b from './b/generated/index.js'
export const machines = [a.alpha({ take: (_, { lease }) => lease }), b.beta({ give: (_, { lease }) => ({ ...lease, until: 2 }) })] as const
export const pass = async (alpha: a.AlphaClient, beta: b.BetaClient): Promise<b.Lease> => {
  const taken: a.Lease = await alpha.take({ lease: { owner: 'me', until: 1 } })
  return await beta.give({ lease: taken })
}
`,
    'run.ts': `import { local } from 'raftgen/sim'
import { AlphaClient } from './a/generated/index.js'
import { BetaClient } from './b/generated/index.js'
import { machines, pass } from './both.js'
console.log(await pass(AlphaClient.over(local(machines[0])), BetaClient.over(local(machines[1]))))
`,
    'wrong.ts': "import type { AlphaClient } from './a/generated/index.js'\nexport const wrong = (alpha: AlphaClient) => alpha.give({})\n",
  })
  expect(execFileSync(process.execPath, [jiti, 'run.ts'], { cwd: folder, encoding: 'utf8' })).toBe("{ owner: 'me', until: 2 }\n")
  // Of all of it that alone.
  expect(typeErrors(folder, ['both.ts', 'wrong.ts'])).toEqual([
    expect.stringMatching(/^wrong\.ts:2 .*'give' does not exist on type 'AlphaClient'/),
  ])

  const again = await raftgen(folder, ['a/schema.ts', 'b/schema.ts', 'a/schema.ts', '--check', '--json'])
  expect(again.code).toBe(0)
  const objects = again.out
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(objects).toMatchObject([
    { ok: true, machine: 'alpha' },
    { ok: true, machine: 'beta' },
  ])
})

test('what is wrong with one machine does not keep the others from being generated, and decides the exit code', async () => {
  const folder = project({ ...both, 'a/schema.ts': schemaOf('alpha', 'then') })
  const { code, err } = await raftgen(folder, ['a/schema.ts', 'gone.ts', 'b/schema.ts'])
  expect(code).toBe(2)
  expect(err).toMatch(/^a\/schema\.ts:8:15 error NAME_RESERVED /)
  expect(err).toContain('\n1 error; nothing was written\nraftgen: there is no schema file gone.ts\n')
  expect(err).toMatch(/\nbeta: 9 created.*\n$/)
})

test('places of one machine are not given to several', async () => {
  const { code, err } = await command(['a/schema.ts', 'b/schema.ts', '--out', 'gen'])
  expect({ code, err }).toEqual({
    code: 2,
    err: 'raftgen: --out is of one machine, and there are several schemas\n  Run raftgen once for each, with places of its own.\n',
  })
})

test('two machines in one folder need handlers of their own: those of the other are not taken for them', async () => {
  const folder = project()
  writeFiles(folder, { 'other.ts': counterSchema().replace("'counter'", "'other'") })
  await raftgen(folder, ['schema.ts'])
  const before = fileTimes(folder)
  const { code, err } = await raftgen(folder, ['other.ts', '--out', 'other/generated'])
  expect({ code, err }).toEqual({
    code: 1,
    err:
      'handlers.ts error HANDLERS_TAKEN this file holds the handlers of another machine, counter of schema.ts\n' +
      '  Give other places of its own, for example: --out other/generated --handlers other/handlers.ts\n' +
      '1 error; nothing was written\n',
  })
  expect(fileTimes(folder)).toEqual(before)
  expect(await raftgen(folder, ['other.ts', '--out', 'other/generated', '--handlers', 'other/handlers.ts'])).toMatchObject({ code: 0 })
  expect(textOf(folder, 'other/handlers.ts')).toContain("import type { OtherHandlers } from './generated/index.js'")
  expect(await raftgen(folder, ['schema.ts', '--check'])).toMatchObject({ code: 0 })
})
