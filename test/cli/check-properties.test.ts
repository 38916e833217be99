import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { shownPath } from '../../src/cli/terminal.ts'
import { command } from './in-process.ts'
import { counterSchema, project } from './project.ts'
import { writeFiles } from './temporary-folder.ts'

const handlers = (add: string): string => `import type { CounterHandlers } from './generated/index.js'
export const handlers: CounterHandlers = {
  add(state, { by }) {
    ${add}
    return state.value
  },
  read: (state) => state.value,
}
`
const right = handlers('if (Math.abs(state.value + by) < 1_000_000) state.value += by')
const withInvariant = counterSchema().replace(
  '  initial:',
  "  invariants: { small: ({ value }) => value < 3 || 'it is ' + value },\n  initial:",
)

async function generated(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = project({ 'schema.ts': files['schema.ts'] ?? counterSchema() })
  await raftgen(folder, ['schema.ts'])
  writeFiles(folder, files)
  return folder
}

/** As one who stands in `folder` sees it. */
async function raftgen(
  folder: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const there = args.map((argument) => (argument.endsWith('.ts') ? join(folder, argument) : argument))
  const { code, out, err } = await command(there)
  const near = (text: string): string => text.replaceAll(`${shownPath(folder)}/`, '').replaceAll(`${folder}/`, '')
  // On a slow machine it says in between how far it is.
  const summary = err.replace(/^properties: [\d,]+ of [\d,]+ cases hold\n/gm, '')
  return { code, out: near(out), err: near(summary) }
}

const only = ['check', 'schema.ts', '--only', 'properties']

describe('raftgen check, the properties', () => {
  test('what holds: nothing on stdout, a summary on stderr, the code is 0', async () => {
    const folder = await generated({ 'handlers.ts': right })
    const { code, out, err } = await raftgen(folder, [...only, '--cases', '50', '--seed', '3'])
    expect([code, out]).toEqual([0, ''])
    expect(err).toMatch(
      /^properties: handlers\.ts, seed 3: 50 cases with [\d,]+ commands and [\d,]+ queries in \d+\.\d s; nothing found\n$/,
    )
  })

  test('the smallest case that does not hold, and a test that repeats it', async () => {
    const folder = await generated({ 'schema.ts': withInvariant, 'handlers.ts': right })
    const { code, out, err } = await raftgen(folder, only)
    expect(code).toBe(1)
    expect(err).toBe('properties: handlers.ts, seed 1; 1 error\n')
    expect(out).toBe(`handlers.ts error PROPERTY_BROKEN the invariant small: it does not hold after add: it is 3
  1. add({ by: 3 })
  A test that repeats it:

  import { checkCase } from 'raftgen/sim'
  import { test } from 'vitest'
  import { counter } from './generated/index.js'
  import { handlers } from './handlers.js'
  import schema from './schema.js'

  test('the invariant small', () => {
    checkCase({ schema, machine: () => counter(handlers) }, [
      { command: 'add', input: { by: 3 } },
    ])
  })
`)
  })

  test('what a handler throws is told with its place', async () => {
    const folder = await generated({ 'handlers.ts': handlers("if (by > 5) throw new Error('that is much')") })
    const { code, out } = await raftgen(folder, only)
    expect(code).toBe(1)
    expect(out).toMatch(
      /^handlers\.ts:4:\d+ error PROPERTY_BROKEN no handler throws: the handler of add threw: that is much\n {2}1\. add\(\{ by: \d+ \}\)\n/,
    )
  })

  test('with --json it is one object', async () => {
    const folder = await generated({ 'handlers.ts': handlers('state.value = Math.floor(Math.random() * 1e6)') })
    const { code, out } = await raftgen(folder, [...only, '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      part: 'properties',
      code: 'PROPERTY_BROKEN',
      message: expect.stringContaining(
        'equal replicas stay equal: under another clock, in another time zone and with other luck what add answers differs',
      ),
    })
  })

  test('a bare output may look like a declared error, and is none', async () => {
    const folder = await generated({
      'schema.ts': counterSchema().replace('output: Type.Integer() },', 'output: Type.Object({ ok: Type.Boolean() }) },'),
      'handlers.ts': handlers('state.value = by').replace('return state.value\n', 'return { ok: false }\n'),
    })
    const { code, err } = await raftgen(folder, [...only, '--cases', '20'])
    expect([code, err]).toEqual([0, expect.stringMatching(/; nothing found\n$/)])
  })

  test('what was never accepted is said', async () => {
    const schema = counterSchema()
      .replace('  commands: {', '  errors: { Full: Type.Object({}) },\n  commands: {')
      .replace('output: Type.Integer() },', "output: Type.Integer(), errors: ['Full'] },")
    const folder = await generated({
      'schema.ts': schema,
      'handlers.ts': "import { Full } from './generated/index.js'\nexport const handlers = { add: () => Full(), read: () => 1 }\n",
    })
    const { code, err } = await raftgen(folder, [...only, '--cases', '20'])
    expect(code).toBe(0)
    expect(err).toMatch(/^properties: add was refused each of \d+ times: what follows from it was not tried; a test of its own would\n/)
  })
})

describe('wrong use, exit code 2', () => {
  test.each([
    [['--cases', '0'], "raftgen: --cases: '0' is not a whole number from 1 to 1,000,000\n  Default: 1,000.\n"],
    [['--cases', 'many'], "raftgen: --cases: 'many' is not a whole number from 1 to 1,000,000\n  Default: 1,000.\n"],
    [['--seed', '-1'], "raftgen: --seed: '-1' is not a whole number at least 0\n  Default: 1.\n"],
  ])('%j', async (args, err) => {
    const folder = await generated({ 'handlers.ts': right })
    expect(await raftgen(folder, [...only, ...args])).toEqual({ code: 2, out: '', err })
  })

  test('nothing was generated', async () => {
    const folder = project()
    writeFiles(folder, { 'handlers.ts': right })
    const { code, err } = await raftgen(folder, only)
    expect([code, err]).toEqual([2, 'raftgen: there is no generated code generated/index.ts\n  Run `raftgen schema.ts`.\n'])
  })

  test('what was generated is out of date', async () => {
    const folder = await generated({ 'handlers.ts': right })
    writeFiles(folder, { 'schema.ts': counterSchema().replace('by: Type.Integer()', 'by: Type.Integer(), much: Type.Boolean()') })
    const { code, err } = await raftgen(folder, only)
    expect([code, err]).toEqual([2, 'raftgen: generated is not what schema.ts generates any more\n  Run `raftgen schema.ts`.\n'])
  })

  test.each([
    ['a handler is missing', 'export const handlers = { add: () => 1 }\n', 'handlers.ts has no handler of read'],
    ['there are none', 'export const other = 1\n', 'handlers.ts does not export handlers of type CounterHandlers'],
    ['they do not load', "throw new Error('not now')\n", 'handlers.ts does not load: not now'],
  ])('%s', async (_, text, told) => {
    const folder = await generated({ 'handlers.ts': text })
    const { code, err } = await raftgen(folder, only)
    expect(code).toBe(2)
    expect(err).toContain(`raftgen: ${told}\n`)
  })
})
