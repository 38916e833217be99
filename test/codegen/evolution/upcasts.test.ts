// Ways up that are the user's to write: stubs in `migrations.ts`, and code that uses them.
import { describe, expect, test } from 'vitest'
import { planMigrations } from '../../../codegen/migrations.ts'
import { problemsIn } from '../strict.ts'
import { buildsOf, Follower } from './builds.ts'
import { editedFrom, type Parts } from './pairs.ts'

/** `Part` in the input, and nothing of it in the state. */
const given = (part: string, rest: Parts = {}): Parts => ({
  part,
  state: 'seen: Record(Type.String(), Type.String())',
  commands: 'put: { input: Type.Object({ key: Type.String(), part: Part }), output: Type.String() },',
  queries: '',
  errors: '',
  ...rest,
})
const named = async (before: Parts, after: Parts): Promise<readonly string[]> =>
  (await editedFrom(before, after)).upcasts.map(({ name, from, to, why }) => `${name}(${from}): ${to} ${why}`)

describe('what is asked of the user', () => {
  test('is one function for each type that has no plain way up', async () => {
    expect(await named(given(''), given('n: Type.Integer()'))).toEqual([
      'upcastPartV1toV2(PartV1): PartV2 Part.n is new and required in version 2',
    ])
    expect(await named(given('n: Type.Union([Type.Integer(), Type.Null()])'), given('n: Type.Integer()'))).toEqual([
      'upcastPartV1toV2(PartV1): PartV2 Part.n is null, which is gone since version 2',
    ])
    expect(await named(given("n: Type.Enum(['a', 'b'])"), given("n: Type.Enum(['a'])"))).toEqual([
      'upcastPartV1toV2(PartV1): PartV2 Part.n is a value that is gone since version 2',
    ])
  })

  test('is only the outer one where that type has no plain way up either', async () => {
    const put = (fields: string): Partial<Parts> => ({
      commands: `put: { input: Type.Object({ part: Part, ${fields} }) },`,
    })
    expect(await named(given('', put('')), given('n: Type.Integer()', put('key: Type.String()')))).toEqual([
      'upcastPutV1toV2(PutV1): PutV2 Put.key is new and required in version 2',
    ])
  })

  test('is the whole reply where an output without a name is new, or an error is not answered any more', async () => {
    const put = (rest: string): Partial<Parts> => ({ commands: `put: { input: Type.Object({}), ${rest} },` })
    expect(await named(given('', put('')), given('', put('output: Type.Integer()')))).toEqual([
      'upcastPutReplyV1toV2(PutReplyV1): PutReplyV2 put answered with nothing before version 2',
    ])
    const errors = 'Bad: Type.Object({}), Worse: Type.Object({})'
    expect(
      await named(given('', { ...put("errors: ['Bad', 'Worse']"), errors }), given('', { ...put("errors: ['Bad']"), errors })),
    ).toEqual(['upcastPutReplyV1toV2(PutReplyV1): PutReplyV2 put does not answer Worse in version 2'])
  })

  test('is nothing where the way up is plain', async () => {
    expect(await named(given('n: Type.Integer()'), given('n: Type.Integer(), m: Type.Optional(Type.Integer())'))).toEqual([])
  })
})

describe('migrations.ts', () => {
  const upcast = { name: 'upcastPartV1toV2', from: 'PartV1', to: 'PartV2', why: 'Part.n is new and required in version 2' }
  const plan = (text: string | undefined, upcasts = [upcast]) =>
    planMigrations({ text, upcasts, versionsModule: './generated/versions.js' })

  test('is begun with stubs that do not compile', async () => {
    const { text, added } = await plan(undefined)

    expect(added).toEqual(['upcastPartV1toV2'])
    expect(text).toContain(`import type { PartV1, PartV2 } from './generated/versions.js'

/** To be written: Part.n is new and required in version 2. */
export function upcastPartV1toV2(old: PartV1): PartV2 {}
`)
  })

  test.each([
    'export function upcastPartV1toV2(old: object) { return old }\n',
    'export const upcastPartV1toV2 = (old: object) => old\n',
    "export { upcastPartV1toV2 } from './parts.js'\n",
    "export { part as upcastPartV1toV2 } from './parts.js'\n",
  ])('stays as it is where the function is there: %s', async (text) => {
    expect(await plan(text)).toEqual({ text: undefined, added: [] })
  })

  test('gets what is missing at its end, and nothing in it is touched', async () => {
    const own = "import type { PartV2 } from './generated/versions.js'\n// upcastPartV1toV2 is yet to come"
    const { text } = await plan(own)

    expect(text).toBe(`${own}

import type { PartV1 } from './generated/versions.js'

/** To be written: Part.n is new and required in version 2. */
export function upcastPartV1toV2(old: PartV1): PartV2 {}
`)
  })
})

describe('the generated code', () => {
  const before = given('')
  const after = given('n: Type.Integer({ minimum: 1 })')
  const migrations = (body: string): string =>
    `import type { PartV1, PartV2 } from './second/versions.ts'\nexport const upcastPartV1toV2 = (_old: PartV1): PartV2 => (${body})\n`
  const handlers = {
    put(state: { readonly seen: Map<string, string> }, { key, part }: { readonly key: string; readonly part: object }) {
      const seen = JSON.stringify(part)
      state.seen.set(key, seen)
      return seen
    },
  }

  test('compiles with the function, under every strict flag', async () => {
    const { texts } = await buildsOf(before, after, migrations('{ n: 1 }'))
    expect(problemsIn(texts)).toEqual([])
  }, 60_000)

  test('raises a call of the older version by it', async () => {
    const { first, second } = await buildsOf(before, after, migrations('{ n: 7 }'))
    const one = new Follower(second.code.shop(handlers))
    const call = { key: 'a', part: {} }

    expect(one.call(first.code.shopDescriptor, 'put', call)).toEqual([0, '{"n":7}', 1])
    one.activate(2)
    expect(one.call(first.code.shopDescriptor, 'put', call)).toEqual([0, '{"n":7}', 2])
  })

  test('stops where the function returns what does not fit: replicas of the older build have another state then', async () => {
    const { first, second } = await buildsOf(before, after, migrations('{ n: 0 }'))
    const one = new Follower(second.code.shop(handlers))

    expect(() => one.call(first.code.shopDescriptor, 'put', { key: 'a', part: {} })).toThrow(
      expect.objectContaining({
        code: 'MIGRATION_FAILED',
        message: 'the input of put has no form in a version after 1: input.part.n is 0, at least 1 is required',
      }),
    )
  })
})
