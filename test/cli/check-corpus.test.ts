// What frozen versions have written is kept, and read by the code of today.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { built } from './built.ts'
import { command, type Said } from './in-process.ts'
import { project, textOf } from './project.ts'
import { writeFiles } from './temporary-folder.ts'

beforeAll(built, 180_000)

const schema = (version: number, input = 'by: Type.Integer({ minimum: -5 })'): string => `import Type from 'typebox'
import { defineMachine, Record } from 'raftgen'

const How = Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Null()])
export default defineMachine({
  name: 'counter',
  version: ${version},
  state: Type.Object({ counts: Record(Type.String(), Type.Integer()) }),
  errors: { Full: Type.Object({ at: Type.Integer() }) },
  commands: {
    add: { input: Type.Object({ name: Type.String({ maxLength: 4 }), how: How, ${input} }), output: Type.Integer(), errors: ['Full'] },
  },
  queries: {},
})
`
const handlers = `export const handlers = {
  add: (state: any, { name, by }: any) => {
    state.counts.set(name, Math.max(-1000, Math.min(1000, (state.counts.get(name) ?? 0) + by)))
    return { ok: true, value: 1 }
  },
}
`
async function frozen(): Promise<string> {
  const folder = project({ 'schema.ts': schema(1), 'handlers.ts': handlers })
  expect((await command(['freeze', join(folder, 'schema.ts')])).code).toBe(0)
  return folder
}
const check = (folder: string, ...more: readonly string[]): Promise<Said> =>
  command(['check', join(folder, 'schema.ts'), '--only', 'corpus', ...more])
/** The next version, with what the one before has left. In a folder of its own: this process has loaded the other. */
const raised = (folder: string, files: Readonly<Record<string, string>>): string =>
  project({
    'handlers.ts': handlers,
    'counter.wire.json': textOf(folder, 'counter.wire.json'),
    'counter.corpus.json': textOf(folder, 'counter.corpus.json'),
    ...files,
  })
const corpusIn = (folder: string) => JSON.parse(readFileSync(join(folder, 'counter.corpus.json'), 'utf8'))

test('what is missing of a frozen version is a warning, and is written when told to; then it stays', async () => {
  const folder = await frozen()
  const missing = await check(folder)
  expect(missing.code).toBe(0)
  expect(missing.out).toContain('counter.corpus.json warning CORPUS_MISSING version 1 is frozen, and nothing that it writes is kept\n')
  expect(existsSync(join(folder, 'counter.corpus.json'))).toBe(false)
  expect((await check(folder, '--write')).err).toContain('corpus: version 1 was drawn and written to ')
  const first = readFileSync(join(folder, 'counter.corpus.json'), 'utf8')
  expect(await check(folder, '--write')).toMatchObject({ code: 0, out: '' })
  expect(readFileSync(join(folder, 'counter.corpus.json'), 'utf8')).toBe(first)
  const { add } = corpusIn(folder).versions[1].calls
  expect(add.length).toBeGreaterThan(3)
  expect(add.length).toBeLessThanOrEqual(24)
  expect(corpusIn(folder).versions[1].snapshot.bytes.length).toBeGreaterThan(20)
})

test('is the same whenever it is drawn', async () => {
  const [a, b] = [await frozen(), await frozen()]
  await check(a, '--write')
  await check(b, '--write')
  expect(corpusIn(a)).toEqual(corpusIn(b))
})

test('an open version promises nothing', async () => {
  const folder = project({ 'schema.ts': schema(1), 'handlers.ts': handlers })
  await command([join(folder, 'schema.ts')])
  expect(await check(folder, '--write')).toMatchObject({ code: 0, out: '' })
  expect(existsSync(join(folder, 'counter.corpus.json'))).toBe(false)
})

test('a later version reads what the one before has written, and goes on from it', async () => {
  const first = await frozen()
  await check(first, '--write')
  const folder = raised(first, { 'schema.ts': schema(2, "by: Type.Integer({ minimum: -5 }), why: Type.String({ default: '' })") })
  expect((await command(['freeze', join(folder, 'schema.ts')])).code).toBe(0)
  expect((await check(folder)).out).toContain('warning CORPUS_MISSING version 2')
  expect(await check(folder, '--write')).toMatchObject({ code: 0, out: '' })
  expect(Object.keys(corpusIn(folder).versions)).toEqual(['1', '2'])
})

test.each([
  ['a call', /("calls": \{\s*"add": \[\s*")\w+/, '930102c0', /a call of add \(930102c0\) cannot be read: /],
  ['a reply', /("replies": \{\s*"add": \[\s*")\w+/, '9300c001', /a reply of add \(9300c001\) cannot be read: /],
  ['the digest', /("digest": ")\w+/, '00', /the snapshot \(\w+(\.\.\.)?\) adds up to \w{16}, and did to 00/],
  ['the wire format', /("wire": ")\w+/, 'aa', /version 1 has the wire format \w{16}, and had aa/],
])('%s that is not read as it was written is an error', async (_, what, other, message) => {
  const folder = await frozen()
  await check(folder, '--write')
  const kept = textOf(folder, 'counter.corpus.json')
  writeFiles(folder, { 'counter.corpus.json': kept.replace(what, `$1${other}`) })
  const { code, out } = await check(folder)
  expect(code).toBe(1)
  expect(out).toContain('error CORPUS_BROKEN version 1: ')
  expect(out).toMatch(message)
})

test('a function between versions that throws at an older call is an error', async () => {
  const first = await frozen()
  await check(first, '--write')
  const folder = raised(first, {
    'schema.ts': schema(2, 'by: Type.Integer({ minimum: -5 }), why: Type.String()'),
    'migrations.ts': "export const upcastAddV1toV2 = (): never => { throw new Error('no reason') }\n",
  })
  await command([join(folder, 'schema.ts')])
  const { code, out } = await check(folder)
  expect(code).toBe(1)
  expect(out).toMatch(/a call of add \(\w+(\.\.\.)?\) does not become one of version 2: no reason; so it is with \d+ of \d+\n/)
})
