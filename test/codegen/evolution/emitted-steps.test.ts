// Code that is generated for two versions of a schema, beside code for the first alone.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TypeNode } from '../../../codegen/model.ts'
import { Inexpressible, type ValueStep } from '../../../src/contract/v1.ts'
import { encodeCall } from '../../../src/contract/v1/call.ts'
import { Arbitraries } from '../../../src/prove/arbitraries.ts'
import { packValue, type Wire } from '../../../src/wire/value.ts'
import { Project } from '../project.ts'
import { problemsIn } from '../strict.ts'
import { type Build, buildsOf, Follower } from './builds.ts'
import { editedFrom, freeze, type Parts, schemaOf } from './pairs.ts'

/** Echoes what it is given: in the state, in replies, in errors. */
const echo = "put: { input: Type.Object({ key: Type.String(), bad: Type.Boolean(), part: Part }), output: Part, errors: ['Bad'] },"
const find = 'find: { input: Type.Object({ key: Type.String() }), output: Type.Union([Part, Type.Null()]) },'
/** Keeps it. A result may not have more values than it had. */
const keep = 'put: { input: Type.Object({ key: Type.String(), bad: Type.Boolean(), part: Part }) },'
const echoing = (part: string, state = 'parts: Record(Type.String(), Part)'): Parts => ({ part, state, commands: echo, queries: find })
const keeping = (part: string, state = 'parts: Record(Type.String(), Part)'): Parts => ({
  part,
  state,
  commands: keep,
  queries: '',
  errors: '',
})

interface Put {
  readonly key: string
  readonly bad: boolean
  readonly part: unknown
}
interface State {
  readonly parts: Map<string, unknown>
}
const echoes = {
  put(state: State, { key, bad, part }: Put) {
    if (bad) return { ok: false, error: { code: 'Bad', part } }
    state.parts.set(key, part)
    return { ok: true, value: part }
  },
  find: (state: State, { key }: Put) => state.parts.get(key) ?? null,
}
const keeps = {
  put(state: State, { key, part }: Put) {
    state.parts.set(key, part)
  },
}

const inner = (fields: string): string => `Type.Object({ n: Type.Integer(), ${fields} }, { title: 'Inner' })`
const everywhere = (fields: string): string => {
  const part = inner(fields)
  return `one: ${part}, maybe: Type.Optional(${part}), none: Type.Union([${part}, Type.Null()]), many: Type.Array(${part}),
    by: Record(Type.String(), ${part}), two: Type.Tuple([${part}, Type.String()]), deep: Type.Array(Type.Array(Type.Union([${part}, Type.Null()])))`
}
const union = (...variants: readonly string[]): string => `u: Type.Union([${variants.join(', ')}], { title: 'U' })`
const variant = (kind: string, fields: string): string => `Type.Object({ kind: Type.Literal('${kind}'), ${fields} }, { title: 'U${kind}' })`
const tree = (fields: string): string =>
  `t: Type.Cyclic({ Node: Type.Object({ ${fields} next: Type.Optional(Type.Ref('Node')), all: Type.Array(Type.Ref('Node'), { maxItems: 2 }) }) }, 'Node')`

const pairs: readonly (readonly [string, Parts, Parts])[] = [
  ['a new field that is optional', echoing('a: Type.Integer()'), echoing('a: Type.Integer(), b: Type.Optional(Type.String())')],
  [
    'new fields with defaults',
    echoing('a: Type.Integer()'),
    echoing(
      `a: Type.Integer(), s: Type.String({ default: "it's" }), l: Type.Array(Type.Integer(), { default: [1, 2] }), big: Type.BigInt({ default: 5n }),
       m: Type.With(Record(Type.String(), Type.Integer()), { default: { x: 1 } }), o: Type.Object({ p: Type.Enum(['q', 'r']) }, { default: { p: 'r' } }), y: bytes({ default: Uint8Array.of(1) })`,
    ),
  ],
  [
    'a field with another name, and one that is no identifier',
    echoing("a: Type.Integer(), 'old-name': Type.Optional(Type.String())"),
    echoing("b: Type.Integer({ was: 'a' }), 'new-name': Type.Optional(Type.String({ was: 'old-name' }))"),
  ],
  ['nested types, wherever they stand', echoing(everywhere('')), echoing(everywhere("x: Type.String({ default: '' })"))],
  [
    'a type that contains itself',
    echoing(tree('v: Type.Integer(),')),
    echoing(tree('v: Type.Integer(), w: Type.Integer({ default: 7 }),')),
  ],
  [
    'a variant whose fields are others',
    echoing(union(variant('a', 'n: Type.Integer()'), variant('b', 's: Type.String()'), 'Type.String()', 'Type.Array(Type.Integer())')),
    echoing(
      union(
        variant('b', "s: Type.String(), t: Type.String({ default: '' })"),
        variant('a', 'n: Type.Integer()'),
        'Type.String()',
        'Type.Array(Type.Integer())',
      ),
    ),
  ],
  [
    'more variants, literals, null, and numbers',
    keeping(
      `${union(variant('a', 'n: Type.Integer()'), variant('b', 's: Type.String()'))}, l: Type.Enum(['x', 'y']), n: Type.String(), i: Type.Integer(), r: Type.String(), w: Type.String({ maxLength: 3 })`,
    ),
    keeping(
      `${union(variant('a', 'n: Type.Integer()'), variant('b', 's: Type.String()'), variant('c', ''))}, l: Type.Enum(['z', 'x', 'y']), n: Type.Union([Type.String(), Type.Null()]), i: Type.Number(), r: Type.Optional(Type.String()), w: Type.String({ maxLength: 5 })`,
    ),
  ],
  [
    'tables and cells, new and renamed',
    keeping('a: Type.Integer()', 'parts: Record(Type.String(), Part), last: Type.Optional(Part), size: Type.Optional(Type.Integer())'),
    keeping(
      'a: Type.Integer(), b: Type.Integer({ default: 3 })',
      "more: Record(Type.String(), Part), parts: Record(Type.String(), Part), latest: Type.Optional(Type.With(Part, { was: 'last' })), size: Type.Optional(Type.Integer())",
    ),
  ],
]
const all = new Map(pairs.map(([name, before, after]) => [name, buildsOf(before, after)]))

describe.each(pairs)('%s', (name, before, after) => {
  const built = all.get(name) ?? buildsOf(before, after)
  const handlers = before.commands === echo ? echoes : keeps
  const inputs = ({ model }: Build): fc.Arbitrary<unknown> => {
    const [put] = model.commands
    const node: TypeNode = { kind: 'named', name: put?.input ?? '' }
    return new Arbitraries(model.types).of(node)
  }

  test('both builds do the same while the first version is in force, and then every value is what the step says', async () => {
    const { first, second } = await built
    const one = first.code.shopDescriptor
    const value: ValueStep | undefined = second.code.shopLadder.steps[0]?.state['parts']?.value

    fc.assert(
      fc.property(fc.array(inputs(first), { minLength: 1, maxLength: 5 }), (puts) => {
        const [old, young] = [first, second].map(({ code }) => new Follower(code.shop(handlers)))
        if (old === undefined || young === undefined) return
        for (const put of puts) expect(young.call(one, 'put', put)).toEqual(old.call(one, 'put', put))
        expect(young.state).toEqual(old.state)
        const rows = new Map([...old.rows('parts')].map(([key, row]) => [key, value === undefined ? row : value.up(row)]))

        young.activate(2)

        expect(young.rows('parts')).toEqual(rows)
        expect(rows.size).toBe(old.rows('parts').size)
      }),
      { numRuns: 50 },
    )
  })

  test('what is raised is canonical in the newer version, and comes down as it was', async () => {
    const { first, second } = await built
    const [{ input: older } = { input: undefined }] = first.code.shopDescriptor.commands
    const [{ input: newer } = { input: undefined }] = second.code.shopDescriptor.commands
    const step = second.code.shopLadder.steps[0]?.commands[1]?.input
    if (older === undefined || newer === undefined || step === undefined) throw new Error('the input is another one')

    fc.assert(
      fc.property(inputs(first), (given) => {
        const value = older.check(given, 'input')
        const raised = step.up(value)
        expect(newer.check(raised, 'input')).toEqual(raised)
        expect(newer.toWire(raised)).toEqual(newer.toWire(newer.check(raised, 'input')))
        expect(step.down(raised)).toEqual(value)
      }),
    )
  })
})

test('the code of all of them compiles under every strict flag', async () => {
  const texts = new Map<string, string>()
  for (const { texts: own } of await Promise.all(all.values())) for (const [path, text] of own) texts.set(path, text)

  expect(problemsIn(texts)).toEqual([])
}, 60_000)

/** What the step down from what a caller gives says. */
async function refused(before: string, after: string, part: object): Promise<unknown> {
  const { second } = await buildsOf(
    keeping(before, 'sum: Type.Optional(Type.Integer())'),
    keeping(after, 'sum: Type.Optional(Type.Integer())'),
  )
  const [put] = second.code.shopDescriptor.commands
  const input = put?.input.check({ key: 'k', bad: false, part }, 'input')
  try {
    return second.code.shopLadder.steps[0]?.commands[1]?.input?.down(input)
  } catch (error) {
    return error instanceof Inexpressible ? error.message : error
  }
}

describe('a call loses nothing on its way down', () => {
  test.each<readonly [string, string, object, string]>([
    ['', "n: Type.String({ default: '' })", { n: 'x' }, 'Part.n is new in version 2'],
    ['', 'n: Type.Optional(Type.String())', { n: '' }, 'Part.n is new in version 2'],
    ['', 'l: Type.Array(Type.Integer(), { default: [1] })', { l: [1, 2] }, 'Part.l is new in version 2'],
    ['n: Type.String()', '', {}, 'Part.n is gone since version 2, and version 1 requires it'],
    ['n: Type.String()', 'n: Type.Optional(Type.String())', {}, 'Part.n is absent, and version 1 requires it'],
    ['n: Type.String()', 'n: Type.Union([Type.String(), Type.Null()])', { n: null }, 'Part.n is null, which is new in version 2'],
    ["n: Type.Enum(['a'])", "n: Type.Enum(['a', 'b'])", { n: 'b' }, 'Part.n is a value that is new in version 2'],
    ['n: Type.Array(Type.Integer())', 'n: Type.Array(Type.Number())', { n: [1, 0.5] }, 'Part.n[] is no whole number'],
    [
      union(variant('a', ''), variant('b', '')),
      union(variant('a', ''), variant('b', ''), variant('c', '')),
      { u: { kind: 'c' } },
      'U is of a kind that is new in version 2: "c"',
    ],
  ])('%s, then %s', async (before, after, part, message) => {
    expect(await refused(before, after, part)).toBe(message)
  })

  test('what is at its default, or absent, is nothing to lose', async () => {
    expect(await refused('', "n: Type.String({ default: '' }), o: Type.Optional(Type.Integer())", {})).toEqual({
      key: 'k',
      bad: false,
      part: {},
    })
  })
})

describe('versions that are emitted', () => {
  const names = async (before: Parts, after: Parts): Promise<readonly string[]> => {
    const { files } = await editedFrom(before, after)
    return files.map(({ path }) => path.slice(path.lastIndexOf('generated/') + 10)).filter((name) => name.endsWith('.ts'))
  }
  const own = ['types.ts', 'errors.ts', 'codec.ts', 'machine.ts', 'client.ts', 'schema-text.ts']

  test('are those that are frozen', async () => {
    const older = ['v1/types.ts', 'v1/errors.ts', 'v1/codec.ts', 'v1/machine.ts']
    expect(await names({}, {})).toEqual([...own, 'versions.ts', 'index.ts', ...older])
  })

  test('are none that are retired', async () => {
    expect(await names({}, { retired: 'versions: [1]' })).toEqual([...own, 'index.ts'])
  })

  test('have steps from each to the next, and those of a type that is the same are left out', async () => {
    const project = new Project()
    project.write('package.json', '{ "type": "module" }')
    await project.emit(schemaOf(1))
    freeze(project, 1)
    await project.emit(schemaOf(2, { part: 'a: Type.Integer(), b: Type.Optional(Type.Integer())' }))
    freeze(project, 2)
    const { files } = await project.emit(schemaOf(3, { part: 'a: Type.Integer(), b: Type.Optional(Type.Integer())' }))

    const versions = project.read('generated/versions.ts')
    expect(versions).toContain('const shopSteps: readonly VersionStep[] = [v1ToV2, v2ToV3]')
    expect(versions).toContain(
      "const v2ToV3: VersionStep = {\n  commands: {},\n  queries: {},\n  state: {\n    parts: { from: 'parts' },\n  },\n}",
    )
    expect(project.read('generated/machine.ts')).toContain('versions: [shopDescriptorV1, shopDescriptorV2, shopDescriptor]')
    expect(problemsIn(new Map(files.flatMap(({ path, text }) => (path.endsWith('.ts') ? [[path, text] as const] : []))))).toEqual([])
  }, 60_000)

  test('are removed when they are retired', async () => {
    const project = new Project()
    await project.emit(schemaOf(1))
    freeze(project, 1)
    await project.emit(schemaOf(2))

    const { stale } = await project.generate(schemaOf(2, { retired: 'versions: [1]' }))

    const left = stale.map((path) => path.slice(path.lastIndexOf('generated/') + 10))
    expect(left).toEqual(['v1/codec.ts', 'v1/errors.ts', 'v1/machine.ts', 'v1/types.ts', 'versions.ts'])
  })
})

describe('a version of which no client is left', () => {
  const before: Parts = {
    state: 'n: Type.Optional(Type.Integer())',
    errors: 'Held: Type.Object({}), Full: Type.Object({})',
    commands: "see: { input: Type.Object({}), output: Type.Enum(['x', 'y']), errors: ['Held'] },",
    queries: '',
  }
  const after: Parts = {
    ...before,
    commands: "see: { input: Type.Object({}), output: Type.Enum(['x', 'y', 'z']), errors: ['Held', 'Full'] },",
    retired: 'clients: [1]',
  }
  let answer: object = { ok: true, value: 'x' }
  const handlers = { see: () => answer }

  test('is still replayed and served, and what it has no words for is refused to a client of it', async () => {
    const { first, second, texts } = await buildsOf(before, after)
    expect(problemsIn(texts)).toEqual([])
    const [one, two] = [first.code.shopDescriptor, second.code.shopDescriptor]
    const machine = second.code.shop(handlers)
    const follower = new Follower(machine)
    const [see] = two.commands
    if (see === undefined) throw new Error('see is gone')
    const lowered = (reply: Wire): unknown => machine.evolution?.lower('command', encodeCall(see, 2, {}), packValue(reply), 1)
    expect(follower.call(one, 'see', {})).toEqual([0, [0, 'x'], 1])

    follower.activate(2)

    expect(lowered(follower.call(two, 'see', {}))).toMatchObject({ kind: 'lowered' })
    answer = { ok: true, value: 'z' }
    expect(lowered(follower.call(two, 'see', {}))).toMatchObject({ kind: 'inexpressible' })
    answer = { ok: false, error: { code: 'Full' } }
    expect(lowered(follower.call(two, 'see', {}))).toMatchObject({ kind: 'inexpressible' })
  }, 60_000)
})

describe('what is retired', () => {
  const go = 'go: { input: Type.Object({ n: Type.Integer() }), output: Type.Integer() },'
  const before: Parts = { state: 'sum: Type.Optional(Type.Integer())', commands: `${go} stop: { input: Type.Object({}) },`, queries: '' }
  const after: Parts = {
    ...before,
    commands: 'stop: { input: Type.Object({}) },',
    retired: "commands: ['go'], errors: ['Bad']",
    errors: '',
  }
  const handlers = { go: (_: object, { n }: { readonly n: number }) => n + 1, stop() {} }

  test('needs a handler all the same, which is given what the older version has', async () => {
    const { first, second, texts } = await buildsOf({ ...before, errors: '' }, { ...after, retired: "commands: ['go']" })
    const types = [...texts].find(([path]) => path.endsWith('second/types.ts'))?.[1]
    expect(types).toContain('go(state: ShopState, input: v1.Go, ctx: Context): number')
    expect(problemsIn(texts)).toEqual([])
    const one = new Follower(second.code.shop(handlers))
    expect(one.call(first.code.shopDescriptor, 'go', { n: 1 })).toEqual([0, 2, 1])
  }, 60_000)

  test('is none of what handlers there must be once the versions that had it are retired', async () => {
    const both = await editedFrom({ ...before, errors: '' }, { ...after, retired: "commands: ['go']" })
    const alone = await editedFrom({ ...before, errors: '' }, { ...after, retired: "commands: ['go'], versions: [1]" })
    expect(both.operations.map(({ name }) => name)).toEqual(['stop', 'go'])
    expect(alone.operations.map(({ name }) => name)).toEqual(['stop'])
  })
})
