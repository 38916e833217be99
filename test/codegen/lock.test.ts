import { describe, expect, test } from 'vitest'
import type { Lock } from '../../codegen/lock.ts'
import type { Generation } from '../../codegen/generate.ts'
import { machine, Project, printed } from './project.ts'

const lockOf = (generation: Generation): Lock =>
  JSON.parse(generation.files.find(({ path }) => path.endsWith('shop.wire.json'))?.text ?? '{}')
const versionOf = (generation: Generation, version = 1): Lock['versions'][string] => {
  const found = lockOf(generation).versions[version]
  if (found === undefined) throw new Error(`no version ${version}: ${printed(generation).join('\n')}`)
  return found
}
const shop = (commands: string, { version = 1, before = '' }: { readonly version?: number; readonly before?: string } = {}): string =>
  machine(`  state: Type.Object({}),\n  commands: { ${commands} },`, before).replace('version: 1', `version: ${version}`)
const go = (fields: string): string => `go: { input: Type.Object({ ${fields} }) }`
const freeze = (project: Project, version = 1): void => {
  const lock: Lock = JSON.parse(project.read('shop.wire.json'))
  const frozen = { ...lock, versions: { ...lock.versions, [version]: { ...lock.versions[version], status: 'frozen' } } }
  project.write('shop.wire.json', JSON.stringify(frozen))
}

describe('tags', () => {
  test('stay with their names, whatever the order of the schema', async () => {
    const project = new Project()
    await project.emit(shop('a: { input: Type.Object({}) }, b: { input: Type.Object({}) }'))

    const later = versionOf(
      await project.emit(shop('c: { input: Type.Object({}) }, b: { input: Type.Object({}) }, a: { input: Type.Object({}) }')),
    )

    expect(later.commands).toMatchObject({ a: { tag: 1 }, b: { tag: 2 }, c: { tag: 3 } })
  })

  test('of what is gone are not given away, and come back with the name', async () => {
    const project = new Project()
    await project.emit(shop('a: { input: Type.Object({}) }, b: { input: Type.Object({}) }'))
    await project.emit(shop('a: { input: Type.Object({}) }'))
    const gone = versionOf(await project.emit(shop('a: { input: Type.Object({}) }, c: { input: Type.Object({}) }')))
    const back = versionOf(
      await project.emit(shop('a: { input: Type.Object({}) }, b: { input: Type.Object({}) }, c: { input: Type.Object({}) }')),
    )

    expect(gone.commands).toMatchObject({ a: { tag: 1 }, c: { tag: 3 } })
    expect(gone.retired.commands).toEqual({ b: 2 })
    expect(back.commands).toMatchObject({ a: { tag: 1 }, b: { tag: 2 }, c: { tag: 3 } })
    expect(back.retired.commands).toEqual({})
  })

  test('of variants of a union are kept as well', async () => {
    const project = new Project()
    const union = (variants: string): string => shop(go(`u: Type.Union([${variants}], { title: 'U' })`))
    await project.emit(union('Type.String(), Type.Integer()'))
    const less = versionOf(await project.emit(union('Type.Integer(), Type.Boolean()')))

    expect(less.types['U']).toEqual({
      variants: [
        { tag: 2, key: 'number', type: 'integer' },
        { tag: 3, key: 'boolean', type: 'boolean' },
      ],
    })
    expect(less.retired.variants).toEqual({ U: { string: 1 } })
  })
})

describe('fields', () => {
  test('keep their places; new ones follow', async () => {
    const project = new Project()
    await project.emit(shop(go('b: Type.Integer(), a: Type.String()')))

    const generation = await project.emit(shop(go('a: Type.String(), c: Type.Boolean(), b: Type.Integer()')))

    const type = versionOf(generation).types['Go']
    expect(type !== undefined && 'fields' in type && type.fields.map(({ name }) => name)).toEqual(['b', 'a', 'c'])
    expect(generation.files.find(({ path }) => path.endsWith('codec.ts'))?.text).toContain('return [value.b, value.a, value.c]')
    // Interfaces are read by people: they keep the order of the schema.
    expect(generation.files.find(({ path }) => path.endsWith('types.ts'))?.text).toMatch(
      /a: string\n {2}readonly c: boolean\n {2}readonly b: number/,
    )
  })

  test('are listed with type, optionality and default', async () => {
    const fields =
      "a: Type.Optional(Type.Union([Type.Integer(), Type.Null()])), b: Type.String({ default: 'x' }), c: Type.BigInt({ default: -1n }), d: Type.Enum(['p', 'q'])"
    const type = versionOf(await new Project().generate(shop(go(fields)))).types['Go']

    expect(type).toEqual({
      fields: [
        { name: 'a', type: 'integer | null', optional: true },
        { name: 'b', type: 'string', default: 'x' },
        { name: 'c', type: 'bigint', default: { bytes: 'ff' } },
        { name: 'd', type: '"p" | "q"' },
      ],
    })
  })
})

describe('the hash of the wire format', () => {
  const wire = async (schema: string): Promise<string> => versionOf(await new Project().generate(schema)).wire

  test('does not depend on bounds, docs, defaults, or names of types', async () => {
    const one = await wire(shop(go('l: L'), { before: 'const L = Type.Object({ a: Type.Integer({ default: 1 }) })' }))
    const two = await wire(
      shop(go('l: M'), { before: "const M = Type.Object({ a: Type.Integer({ minimum: 0, default: 2, description: 'x' }) })" }),
    )

    expect(one).toMatch(/^[0-9a-f]{16}$/)
    expect(two).toBe(one)
  })

  test('nor on indexes, of which the lock knows nothing', async () => {
    const without = machine('  state: Type.Object({ a: Record(Type.String(), Type.Object({ x: Type.Integer() })) }),')
    const withIndex = without.replace('  state:', "  indexes: { a: { x: { on: 'x', unique: true } } },\n  state:")
    const [plain, indexed] = [await new Project().emit(without), await new Project().emit(withIndex)]

    expect(lockOf(indexed)).toEqual(lockOf(plain))
    expect(lockOf(indexed).versions[1]?.wire).toMatch(/^[0-9a-f]{16}$/)
  })

  test('depends on names, types, optionality and order of fields, on operations and on errors', async () => {
    const different = await Promise.all(
      [
        go('a: Type.Integer(), b: Type.Integer()'),
        go('b: Type.Integer(), a: Type.Integer()'),
        go('a: Type.Integer(), c: Type.Integer()'),
        go('a: Type.Integer(), b: Type.Number()'),
        go('a: Type.Integer(), b: Type.Optional(Type.Integer())'),
        go('a: Type.Integer(), b: Type.Integer()').replace('go:', 'went:'),
        go('a: Type.Integer(), b: Type.Integer()').replace(/ \}$/, ', output: Type.Integer() }'),
      ].map((commands) => wire(shop(commands))),
    )

    expect(new Set(different).size).toBe(different.length)
  })
})

describe('a frozen version', () => {
  test('may get other docs, names of types and indexes', async () => {
    const project = new Project()
    const records = (name: string, more = ''): string =>
      machine(
        `  state: Type.Object({ rows: Record(Type.String(), ${name}) }),${more}\n  commands: { ${go(`row: ${name}`)} },`,
        `const ${name} = Type.Object({ a: Type.Integer({ minimum: 1 }) })`,
      )
    await project.emit(records('Row'))
    freeze(project)

    const generation = await project.emit(records('Line', " indexes: { rows: { a: 'a' } }, // Of a store."))

    expect(printed(generation)).toEqual([])
    expect(generation.model?.open).toBe(false)
    expect(versionOf(generation).status).toBe('frozen')
  })

  const all = `a: Type.Integer(), s: Type.String({ maxLength: 64, pattern: '^a+$' }), l: Type.Array(Type.Number({ minimum: 0 }), { maxItems: 5 }),
    t: Type.Tuple([Type.BigInt({ minimum: 1n })]), m: Record(Type.String({ maxLength: 9 }), bytes({ maxLength: 3 }))`
  test.each([
    ['a: Type.Integer()', 'a: Type.String()', 'the field Go.a was integer and is string'],
    ['a: Type.Integer(), ', '', 'the field Go.a is gone'],
    ['a: Type.Integer()', 'a: Type.Integer(), b: Type.Integer()', 'the field Go.b is new'],
    ['a: Type.Integer()', 'a: Type.Optional(Type.Integer())', 'the field Go.a was required and no longer is'],
    ['a: Type.Integer()', 'a: Type.Integer({ default: 3 })', 'the default of Go.a was none and is 3'],
    ['a: Type.Integer()', 'a: Type.Integer({ minimum: 5 })', 'the bound minimum of Go.a was none and is 5'],
    ['maxLength: 64', 'maxLength: 32', 'the bound maxLength of Go.s was 64 and is 32'],
    ["'^a+$'", '/^a+$/', 'the bound flags of Go.s was none and is ""'],
    ["'^a+$'", "'^b+$'", 'the bound pattern of Go.s was "^a+$" and is "^b+$"'],
    ['maxItems: 5', 'maxItems: 5, uniqueItems: true', 'the bound unique of Go.l was none and is true'],
    ['minimum: 0', 'minimum: 1', 'the bound minimum of Go.l[] was 0 and is 1'],
    ['minimum: 1n', 'minimum: 2n', 'the bound minimum of Go.t[0] was 1 and is 2'],
    ['maxLength: 9', 'maxLength: 8', 'the bound maxLength of Go.m{key} was 9 and is 8'],
    ['maxLength: 3', 'maxLength: 4', 'the bound maxLength of Go.m{} was 3 and is 4'],
  ])('may not change: %s to %s', async (before, after, what) => {
    const project = new Project()
    await project.emit(shop(go(all)))
    freeze(project)

    const generation = await project.generate(shop(go(all.replace(before, () => after))))

    const hint = 'Set version: 2. The next run then tells which edits need a migration.'
    expect(printed(generation).filter((line) => line.includes(' error '))).toEqual([
      `shop.wire.json:0:0 error LOCK_FROZEN version 1 is frozen, and ${what} | ${hint}`,
    ])
    expect(generation.files).toEqual([])
  })

  const union =
    "Type.Union([Type.Object({ k: Type.Literal('a'), x: Type.Literal('a') }), Type.Object({ k: Type.Literal('b'), x: Type.Literal('b') })])"
  const keeping = (initial: string, variants = union): string =>
    machine(`  state: Type.Object({ n: Type.Integer(), rows: Record(Type.String(), Type.Integer()) }),
  initial: ${initial},
  errors: { Held: Type.Object({ by: Type.String({ maxLength: 5 }) }) },
  commands: { go: { input: Type.Object({}), output: Type.Integer({ minimum: 0 }), errors: ['Held'] } },
  queries: { see: { input: Type.Object({}), output: ${variants} } },`)
  test.each([
    ['{ n: 1', '{ n: 2', 'the initial value of state.n was 1 and is 2'],
    ['a: 7', 'b: 7', 'the initial value of state.rows was [["a",7]] and is [["b",7]]'],
    ['maxLength: 5', 'maxLength: 6', 'the bound maxLength of Held.by was 5 and is 6'],
    ['{ minimum: 0 }', '', 'the bound minimum of go.output was 0 and is none'],
    ["Type.Literal('b'), x", "Type.Enum(['b']), x", 'the discriminator of SeeOutput was "k" and is "x"'],
  ])('may not change what it begins or answers with: %s to %s', async (before, after, what) => {
    const project = new Project()
    const schema = keeping('{ n: 1, rows: { a: 7 } }')
    expect(printed(await project.emit(schema))).toEqual([])
    freeze(project)

    const generation = await project.generate(schema.replace(before, () => after))

    expect(printed(generation)[0]).toContain(` error LOCK_FROZEN version 1 is frozen, and ${what} | `)
  })

  test('that an older release froze gets its bounds once, and keeps them from then on', async () => {
    const project = new Project()
    const schema = shop(go('a: Type.Integer({ minimum: 5 }), b: Type.Array(Type.Integer({ maximum: 9 }), { default: [1] })'))
    await project.emit(schema)
    const { wire } = JSON.parse(project.read('shop.wire.json')).versions[1]
    const old = project.read('shop.wire.json').replace('"lock": 2', '"lock": 1').replace('"open"', '"frozen"')
    project.write('shop.wire.json', old.replace(/\((?:minimum|maximum) \d\)/g, ''))

    const filled = versionOf(await project.emit(schema))
    const changed = await project.generate(schema.replace('minimum: 5', 'minimum: 6'))

    expect(JSON.stringify(filled.types['Go'])).toContain('"integer(minimum 5)"')
    expect(filled).toMatchObject({ status: 'frozen', wire })
    expect(filled.partial).toBeUndefined()
    expect(printed(changed)[0]).toContain('version 1 is frozen, and the bound minimum of Go.a was 5 and is 6')
  })

  test('may not lose or gain a command', async () => {
    const project = new Project()
    await project.emit(shop(go('')))
    freeze(project)

    expect(printed(await project.generate(shop('')))[1]).toContain('version 1 is frozen, and the command go is gone')
    expect(printed(await project.generate(shop(`${go('')}, on: { input: Type.Object({}) }`)))[0]).toContain(
      'version 1 is frozen, and the command on is new',
    )
  })

  test('hands its tags and order to the next, and stays as it is', async () => {
    const project = new Project()
    await project.emit(shop(`old: { input: Type.Object({}) }, ${go('b: Type.Integer(), a: Type.Integer()')}`))
    freeze(project)
    const before = JSON.parse(project.read('shop.wire.json')).versions[1]

    const generation = await project.emit(
      shop(`new: { input: Type.Object({}) }, ${go('a: Type.Integer(), b: Type.Integer(), c: Type.Integer()')}`, { version: 2 }).replace(
        '  commands:',
        "  retired: { commands: ['old'] },\n  commands:",
      ),
    )

    expect(lockOf(generation).versions['1']).toEqual(before)
    expect(versionOf(generation, 2)).toMatchObject({
      status: 'open',
      commands: { new: { tag: 3 }, go: { tag: 2 } },
      retired: { commands: { old: 1 } },
    })
    expect(JSON.stringify(versionOf(generation, 2).types['Go'])).toMatch(/"b".*"a".*"c"/)
  })
})

describe('a version', () => {
  test('cannot go back, nor leave an open one behind', async () => {
    const project = new Project()
    await project.emit(shop(go(''), { version: 2 }))

    expect(printed(await project.generate(shop(go(''))))).toEqual([
      'shop.wire.json:0:0 error LOCK_VERSION the schema has version 1, the wire lock 2 already | Set version: 2, or more.',
    ])
    expect(printed(await project.generate(shop(go(''), { version: 3 })))).toEqual([
      'shop.wire.json:0:0 error LOCK_VERSION the schema has version 3, and version 2 in the wire lock is still open | Run raftgen freeze on version 2 first, or keep version: 2 while it has never been used in earnest.',
    ])
  })
})

describe('the file', () => {
  test('in which a merge has left one tag to two commands is refused', async () => {
    const project = new Project()
    await project.emit(shop('a: { input: Type.Object({}) }, b: { input: Type.Object({}) }'))
    project.write('shop.wire.json', project.read('shop.wire.json').replace('"tag": 2', '"tag": 1'))

    expect(printed(await project.generate(shop(go(''))))).toEqual([
      'shop.wire.json:0:0 error LOCK_CONFLICT version 1 in the wire lock has a and b in commands, both with the tag 1 | Two branches have added them. Take the wire lock of one side from version control, and run raftgen again.',
    ])
  })

  test('is the same after it was read and written again', async () => {
    const project = new Project()
    const first = await project.emit(shop(go('a: Type.Integer()')))
    const second = await project.emit(shop(go('a: Type.Integer()')))

    expect(second.files.map(({ text }) => text)).toEqual(first.files.map(({ text }) => text))
  })

  test.each([
    [
      '<<<<<<< HEAD\n{}',
      'the wire lock has merge conflicts',
      'Restore it from version control; where two branches meet, take one side and run raftgen again.',
    ],
    ['{', 'the wire lock is not JSON', 'Restore it from version control; where two branches meet, take one side and run raftgen again.'],
    [
      '{"lock":2}',
      'the wire lock is not one that this release of raftgen can read',
      'Restore it from version control, or use the release that wrote it.',
    ],
    [
      '{"lock":1,"machine":"shop","versions":{"1":{"status":"open"}}}',
      'the wire lock is not one that this release of raftgen can read',
      'Restore it from version control, or use the release that wrote it.',
    ],
    [
      '{"lock":1,"machine":"other","versions":{}}',
      'the wire lock belongs to the machine other',
      'Restore it from version control, or move it away.',
    ],
  ])('%j is refused and left alone', async (text, message, hint) => {
    const project = new Project()
    project.write('shop.wire.json', text)

    const generation = await project.generate(shop(go('')))

    expect(printed(generation)).toEqual([`shop.wire.json:0:0 error LOCK_UNREADABLE ${message} | ${hint}`])
    expect(generation.files).toEqual([])
  })
})
