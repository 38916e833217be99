// Changes of the state that cannot be undone value by value: what raftgen writes, what it asks of the user, and what comes of a state.
import { describe, expect, test } from 'vitest'
import { planMigrations } from '../../../codegen/migrations.ts'
import { problemsIn } from '../strict.ts'
import { buildsOf, Follower } from './builds.ts'
import { editedFrom, type Parts } from './pairs.ts'

/** `Part` in the state, and nothing of it in an input or a result. */
const kept = (part: string, rest: Parts = {}): Parts => ({
  part,
  state: 'parts: Record(Type.String(), Part)',
  commands: 'put: { input: Type.Object({ key: Type.String(), size: Type.Integer() }) },',
  queries: 'size: { input: Type.Object({ key: Type.String() }), output: Type.Integer() },',
  errors: '',
  ...rest,
})
const asked = async (before: Parts, after: Parts): Promise<readonly string[]> =>
  (await editedFrom(before, after)).upcasts.map(({ name, from, to, key, why }) => {
    const parameters = key === undefined ? from : `${from}, ${key}`
    return `${name}(${parameters}): ${to}${why === undefined ? '' : `: ${why}`}`
  })
const state = 'migrateStateV1toV2(ShopReadonlyStateV1): ShopStateV2'

describe('what is asked of the user', () => {
  test('is a function for each type that has no plain way up, and one for the whole', async () => {
    expect(await asked(kept('a: Type.Integer()'), kept('a: Type.Integer(), b: Type.Integer()'))).toEqual([
      'upcastPartV1toV2(PartV1): PartV2: Part.b is new and required in version 2',
      state,
    ])
  })

  test('is nothing but what may be left empty where all goes up by itself', async () => {
    expect(await asked(kept('a: Type.Integer(), b: Type.Integer()'), kept('a: Type.Integer()'))).toEqual([state])
  })

  test('is a function for each value of a table, with its key, or of a cell, where its type has no name, or is narrower', async () => {
    const table = (of: string): Parts => kept('', { state: `parts: Record(Type.String(), ${of})` })
    expect(await asked(table('Type.Integer()'), table('Type.String()'))).toEqual([
      'migratePartsV1toV2(PartsValueV1, string): PartsValueV2: state.parts has another type since version 2',
      state,
    ])
    expect(await asked(table('Type.Integer()'), table('Type.Integer({ maximum: 9 })'))).toEqual([
      'migratePartsV1toV2(PartsValueV1, string): PartsValueV2: the bound maximum of state.parts was none and is 9',
      state,
    ])
    const cell = (of: string, initial: string): Parts => kept('', { state: `total: ${of}`, initial: `total: ${initial}` })
    expect(await asked(cell('Type.Integer()', '0'), cell('Type.String()', "''"))).toEqual([
      'migrateTotalV1toV2(TotalValueV1): TotalValueV2: state.total has another type since version 2',
      state,
    ])
  })

  test.each([
    ['is gone', kept('', { state: 'total: Type.Integer()', initial: 'total: 0' }), 'state.parts is gone since version 2'],
    ['is of another kind', kept('', { state: 'parts: Type.Integer()', initial: 'parts: 0' }), 'state.parts was a table and is a cell'],
    [
      'has other keys',
      kept('a: Type.Integer()', { state: 'parts: Record(Type.Integer(), Part)' }),
      'the keys of state.parts are others since version 2',
    ],
  ])('is what becomes of the whole where a table %s', async (_, after, why) => {
    expect(await asked(kept('a: Type.Integer()'), after)).toEqual([`${state}: ${why}`])
  })

  test('does not compile before it is written, but for what may be left empty', async () => {
    const why = 'state.parts is gone since version 2'
    const whole = { name: 'migrateStateV1toV2', from: 'ShopReadonlyStateV1', to: 'ShopStateV2', fills: true, why } as const
    const plan = { text: undefined, versionsModule: './generated/versions.js' }
    const lost = await planMigrations({ ...plan, upcasts: [whole] })
    const empty = await planMigrations({ ...plan, upcasts: [{ ...whole, why: undefined }] })

    expect(lost.added).toEqual(['migrateStateV1toV2'])
    expect(lost.text).toContain(`(old: ShopReadonlyStateV1, state: ShopStateV2): void {
  return 'to be written'
}`)
    expect(empty.added).toEqual([])
    expect(empty.text).toContain('export function migrateStateV1toV2(_old: ShopReadonlyStateV1, _state: ShopStateV2): void {}\n')
  })
})

describe('a build that knows the state before and after', () => {
  const before = kept('size: Type.Integer()')
  const after = kept('sizes: Type.Array(Type.Integer(), { maxItems: 3 })', {
    state: 'parts: Record(Type.String(), Part), total: Type.Integer()',
    initial: 'total: 0',
  })
  const migrations = (sizes: string): string => `
import type { PartV1, PartV2, ShopReadonlyStateV1, ShopStateV2 } from './second/versions.ts'
export const upcastPartV1toV2 = (_old: PartV1): PartV2 => ({ sizes: ${sizes} })
export function* migrateStateV1toV2(old: ShopReadonlyStateV1, state: ShopStateV2): Generator<void, void> {
  for (const { size } of old.parts.values()) {
    state.total += size
    yield
  }
}
`
  interface First {
    readonly parts: Map<string, { readonly size: number }>
  }
  const first = {
    put(was: First, { key, size }: { readonly key: string; readonly size: number }) {
      was.parts.set(key, { size })
    },
    size: (was: First, { key }: { readonly key: string }) => was.parts.get(key)?.size ?? 0,
  }
  interface Second {
    readonly parts: Map<string, { readonly sizes: readonly number[] }>
    total: number
  }
  const second = {
    put(is: Second, { key, size }: { readonly key: string; readonly size: number }) {
      is.parts.set(key, { sizes: [...(is.parts.get(key)?.sizes ?? []), size] })
      is.total += size
    },
    size: (is: Second, { key }: { readonly key: string }) => is.parts.get(key)?.sizes.length ?? 0,
  }

  test('compiles with the functions, under every strict flag, and asks for both handlers by their types', async () => {
    const { texts } = await buildsOf(before, after, migrations('[_old.size]'))
    const [path = ''] = [...texts.keys()].filter((file) => file.endsWith('second/index.ts'))
    const use = `import { shop, type ShopHandlers } from './index.ts'
import type { ShopHandlers as ShopHandlersV1 } from './v1/index.ts'
export const both = (handlers: ShopHandlers, v1: ShopHandlersV1) => shop(handlers, { v1 })
`
    expect(problemsIn(new Map([...texts, [path.replace('index.ts', 'use.ts'), use]]))).toEqual([])
    expect(
      problemsIn(new Map([...texts, [path.replace('index.ts', 'use.ts'), use.replace('handlers, { v1 })', 'handlers) ?? v1')]])),
    ).toEqual([expect.stringContaining('Expected 2 arguments, but got 1')])
  }, 60_000)

  test('does as the older build does until the activation, and moves every record by it', async () => {
    const builds = await buildsOf(before, after, migrations('[_old.size]'))
    const one = new Follower(builds.first.code.shop(first))
    const two = new Follower(builds.second.code.shop(second, { v1: first }))
    for (const [key, size] of Object.entries({ a: 3, b: 4 }))
      expect(two.call(builds.first.code.shopDescriptor, 'put', { key, size })).toEqual(
        one.call(builds.first.code.shopDescriptor, 'put', { key, size }),
      )
    expect(two.state).toEqual(one.state)

    two.activate(2)
    expect(Object.fromEntries(two.rows('parts'))).toEqual({ a: { sizes: [3] }, b: { sizes: [4] } })
    // An older client is served by the new handlers.
    expect(two.call(builds.first.code.shopDescriptor, 'put', { key: 'a', size: 5 })).toEqual([0, null, 2])
    expect(two.ask(builds.second.code.shopDescriptor, 'size', { key: 'a' })).toEqual([0, 2, 2])
    expect(two.cell('total')).toBe(12)
  })

  test('refuses the activation where what a function returns does not fit, and goes on as before', async () => {
    const builds = await buildsOf(before, after, migrations('[1, 2, 3, 4]'))
    const two = new Follower(builds.second.code.shop(second, { v1: first }))
    two.call(builds.first.code.shopDescriptor, 'put', { key: 'a', size: 3 })

    expect(two.activate(2)).toBe('the migration to version 2 fails: state.parts["a"].sizes has 4 items, at most 3 are allowed')
    expect(two.ask(builds.first.code.shopDescriptor, 'size', { key: 'a' })).toEqual([0, 3, 1])
  })
})
