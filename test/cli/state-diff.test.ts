import { mkdirSync, readFileSync } from 'node:fs'
import { cp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { locksDescriptor } from '../../examples/locks/generated/index.ts'
import type { StateMachine } from '../../src/contract/v1.ts'
import { openSnapshotDir } from '../../src/storage/snapshot-dir.ts'
import { ByteWriter } from '../../src/wire/bytes.ts'
import { packValue, type Wire } from '../../src/wire/value.ts'
import type { KitchenSinkState as SinkState } from '../codegen/golden/kitchen-sink/generated/types.ts'
import { flip, tree } from '../storage/damages.ts'
import { command, type Said } from './in-process.ts'
import { closed, locksSchema, snapshot } from './log-data.ts'
import { acquireBy, locksNode, Node, sinkNode, sinkSchema, snapshotFile, stored } from './state-data.ts'
import { temporaryFolder } from './temporary-folder.ts'

interface Dirs {
  readonly folder: string
  readonly a: string
  readonly b: string
}

/** Two data directories, `a/data` and `b/data`. */
async function dirsOf(a: Node, b: Node): Promise<Dirs> {
  const folder = temporaryFolder()
  const dirs = { folder, a: join(folder, 'a/data'), b: join(folder, 'b/data') }
  await stored(a, dirs.a)
  await stored(b, dirs.b)
  return dirs
}

async function diff({ folder, a, b }: Dirs, ...more: readonly string[]): Promise<Said> {
  const { code, out, err } = await command(['state', 'diff', a, b, ...more])
  return { code, out: out.replaceAll(`${folder}/`, ''), err: err.replaceAll(`${folder}/`, '') }
}
const withLocks = ['--schema', locksSchema]
const withSink = ['--schema', sinkSchema]

type Json = Readonly<Record<string, unknown>> & { readonly differences: readonly unknown[] }
const objectIn = ({ out }: Said): Json => JSON.parse(out)

/** What is said of each difference. */
const differencesIn = ({ out }: Said): readonly string[] => out.split('\n\n')[1]?.split('\n') ?? []
/** What is said of each part, by its name. */
const partsIn = ({ out }: Said): ReadonlyMap<string, string> => {
  const lines = out.split('\n\n').at(-2)?.split('\n') ?? []
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('  ')), line.slice(line.lastIndexOf('  ') + 2)]))
}

function locksAfter(...names: readonly string[]): Node {
  const node = locksNode()
  for (const name of names) acquireBy(node, name, 'ann')
  return node
}

test('states that are the same: nothing differs, exit code 0, and what was compared is told', async () => {
  expect(await diff(await dirsOf(locksAfter('x', 'y'), locksAfter('x', 'y')), ...withLocks)).toEqual({
    code: 0,
    err: '',
    out: `a/data and b/data after entry 4, the machine locks, version 1 (wire format 21667bf3d654c9c5)

state.leases  2 entries: the same
now           the same
sessions      1 session: the same

The states are the same.
`,
  })
})

test('states that differ: a line for each place, counts for each part, exit code 1', async () => {
  const a = locksAfter('both')
  const b = locksNode()
  acquireBy(b, 'both', 'bob')
  acquireBy(a, 'one', 'ann')
  acquireBy(b, 'other', 'bob')
  const { code, out, err } = await diff(await dirsOf(a, b), ...withLocks)
  expect({ code, err }).toEqual({ code: 1, err: '' })
  expect(out).toBe(`a/data and b/data after entry 4, the machine locks, version 1 (wire format 21667bf3d654c9c5)

state.leases["both"].owner is "ann" in a/data and "bob" in b/data
state.leases["one"] is only in a/data: { owner: "ann", token: 4, expiresAt: 1767323077000 }
state.leases["other"] is only in b/data: { owner: "bob", token: 4, expiresAt: 1767323077000 }
sessions[2].replies[1].result.value.owner is "ann" in a/data and "bob" in b/data
sessions[2].replies[2].result.value.owner is "ann" in a/data and "bob" in b/data

state.leases  2 entries: 1 differs, 1 only in a/data, 1 only in b/data
now           the same
sessions      1 session: 1 differs

The states differ: 5 differences.
`)
})

test('the page on clusters shows what is printed', async () => {
  const [a, b] = [locksAfter('orders/41'), locksAfter('orders/41')]
  acquireBy(a, 'orders/42', 'ann')
  acquireBy(b, 'orders/42', 'bob')
  acquireBy(a, 'orders/43', 'ann')
  acquireBy(b, 'orders/42', 'ann')
  const { out } = await diff(await dirsOf(a, b), ...withLocks)
  const page = readFileSync(new URL('../../docs/cluster.md', import.meta.url), 'utf8')
  const shown = /raftgen state diff n1.*\n```\n\n```\n([^`]*)```/.exec(page)?.[1]
  expect(out.replaceAll('a/data', 'n1/data').replaceAll('b/data', 'n2/data')).toBe(shown)
})

test('nothing is changed in either directory, and no schema is run', async () => {
  const dirs = await dirsOf(locksAfter('x'), locksAfter('y'))
  const folder = temporaryFolder({ 'schema.ts': 'throw new Error("the schema was run")' })
  await cp(join(locksSchema, '../locks.wire.json'), join(folder, 'locks.wire.json'))
  const before = [tree(dirs.a), tree(dirs.b)]
  expect((await diff(dirs, '--schema', join(folder, 'schema.ts'))).out).toContain('state.leases["x"] is only in a/data')
  expect([tree(dirs.a), tree(dirs.b)]).toEqual(before)
})

type Script = (state: SinkState) => void
const thing = (changes: object = {}) => ({
  id: '00000000-0000-4000-8000-000000000000',
  status: 'draft' as const,
  flags: new Map([['new', true]]),
  picture: Uint8Array.of(1, 2),
  balance: 12n,
  ...changes,
})
const putting =
  (changes: object): Script =>
  (state) =>
    state.things.set('t', thing(changes))
const assigned =
  (values: Partial<SinkState>): Script =>
  (state) =>
    void Object.assign(state, values)
const nothing: Script = () => {}

describe('every kind of value is compared and told in the words of the schema', () => {
  test.each<[string, Script, Script, readonly string[]]>([
    ['a cell', assigned({ total: 8 }), nothing, ['state.total is 8 in a/data and 7 in b/data']],
    ['an optional cell', assigned({ theme: 'dark' }), nothing, ['state.theme is only in a/data: "dark"']],
    ['null and none', nothing, assigned({ theme: null }), ['state.theme is only in b/data: null']],
    [
      'a field of an object in a cell',
      assigned({ options: { retries: 2, tags: [] } }),
      nothing,
      ['state.options.retries is 2 in a/data and 1 in b/data'],
    ],
    [
      'nested fields',
      assigned({ shape: { kind: 'circle', center: { x: 1, y: 3.5 }, radius: 3.5 } }),
      nothing,
      ['state.shape.center.y is 3.5 in a/data and 2 in b/data'],
    ],
    [
      'variants of a union',
      assigned({
        shape: {
          kind: 'polygon',
          corners: [
            { x: 0, y: 0 },
            { x: 1, y: 0 },
            { x: 0, y: 1 },
          ],
        },
      }),
      nothing,
      [
        'state.shape.kind is "polygon" in a/data and "circle" in b/data',
        'state.shape.corners is only in a/data: [{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 0, y: 1 }]',
        'state.shape.center is only in b/data: { x: 1, y: 2 }',
        'state.shape.radius is only in b/data: 3.5',
      ],
    ],
    [
      'items of a list, and an entry under an integer',
      (state) => state.ranks.set(10, ['j', 'k']),
      (state) => state.ranks.set(9, []),
      [
        'state.ranks[9] is only in b/data: []',
        'state.ranks[10] has 2 items in a/data and 1 in b/data',
        'state.ranks[10][1] is only in a/data: "k"',
      ],
    ],
    [
      'bytes',
      putting({}),
      putting({ picture: Uint8Array.of(1, 3) }),
      ['state.things["t"].picture is 0x0102 in a/data and 0x0103 in b/data'],
    ],
    [
      'a bigint',
      putting({}),
      putting({ balance: -(2n ** 60n) }),
      ['state.things["t"].balance is 12n in a/data and -1152921504606846976n in b/data'],
    ],
    [
      'a Map',
      putting({}),
      putting({
        flags: new Map([
          ['new', false],
          ['old', true],
        ]),
      }),
      ['state.things["t"].flags["new"] is true in a/data and false in b/data', 'state.things["t"].flags["old"] is only in b/data: true'],
    ],
    ['an optional field', putting({ note: 'n' }), putting({}), ['state.things["t"].note is only in a/data: "n"']],
    ['an optional field that may be null', putting({ parent: null }), putting({}), ['state.things["t"].parent is only in a/data: null']],
    [
      'a key that a terminal would act on',
      (state) => state.counts.set('\u001b[2J\u202e', 1),
      nothing,
      ['state.counts["\\u001b[2J\\u202e"] is only in a/data: 1'],
    ],
  ])('%s', async (_, a, b, lines) => {
    const said = await diff(await dirsOf(sinkNode(a), sinkNode(b)), ...withSink)
    expect([said.code, said.err, differencesIn(said)]).toEqual([1, '', lines])
  })

  test('as JSON: one object, with paths and with values as far as both have them', async () => {
    const a: Script = (state) => {
      state.total = 8
      state.things.set('t', thing())
      state.ranks.set(1, [])
    }
    const said = await diff(await dirsOf(sinkNode(a), sinkNode(nothing)), ...withSink, '--json')
    const plain = { id: thing().id, status: 'draft', flags: [['new', true]], picture: '0102', balance: '12' }
    expect([said.code, said.err]).toEqual([1, ''])
    expect(objectIn(said)).toMatchObject({
      ok: false,
      index: 3,
      machine: { name: 'kitchen-sink', version: 1 },
      a: { dir: 'a/data', snapshot: 'a/data/snapshots/snapshot-3-3', term: 3 },
      b: { dir: 'b/data', snapshot: 'b/data/snapshots/snapshot-3-3', term: 3 },
      count: 4,
      differences: [
        { path: 'state.things["t"]', a: plain },
        { path: 'state.ranks[1].length', a: 0, b: 1 },
        { path: 'state.ranks[1][0]', b: 'a' },
        { path: 'state.total', a: 8, b: 7 },
      ],
    })
    expect(objectIn(said)['parts']).toContainEqual({ path: 'state.ranks', kind: 'entries', a: 3, b: 3, differing: 1, onlyA: 0, onlyB: 0 })
    expect(objectIn(said).differences[0]).toEqual({ path: 'state.things["t"]', a: plain })
  })
})

describe('what a replica has beside the state of its machine', () => {
  test('log time', async () => {
    const [a, b] = [locksNode(), locksNode()]
    a.apply({ kind: 'keepAlive', now: a.replica.now + 1, sessions: [] })
    b.apply({ kind: 'clock', now: b.replica.now, ceiling: b.replica.now + 5_000 })
    const said = await diff(await dirsOf(a, b), ...withLocks)
    expect(differencesIn(said)).toEqual([
      'now is "2026-01-02T03:04:05.001Z" in a/data and "2026-01-02T03:04:05.000Z" in b/data',
      'ceiling is "1970-01-01T00:00:00.000Z" in a/data and "2026-01-02T03:04:10.000Z" in b/data',
    ])
  })

  test('the term of the last entry: two leaders have committed at one index', async () => {
    const [a, b] = [locksNode(), locksNode()]
    a.apply({ kind: 'keepAlive', now: a.replica.now, sessions: [] }, 3)
    b.apply({ kind: 'keepAlive', now: b.replica.now, sessions: [] }, 4)
    expect(differencesIn(await diff(await dirsOf(a, b), ...withLocks))).toEqual([
      'lastApplied.term is 3 in a/data and 4 in b/data',
      'ceilingTerm is 3 in a/data and 4 in b/data',
    ])
  })

  test('which commands were skipped', async () => {
    const [a, b] = [locksNode(), locksNode()]
    for (const node of [a, b]) acquireBy(node, 'x', 'ann', 'skip')
    acquireBy(a, 'y', 'ann', 'skip')
    acquireBy(b, 'y', 'ann')
    const dirs = await dirsOf(a, b)
    const said = await diff(dirs, ...withLocks)
    expect(differencesIn(said)).toEqual([
      'state.leases["y"] is only in b/data: { owner: "ann", token: 4, expiresAt: 1767323077000 }',
      'skipped is [3, 4] in a/data and [3] in b/data',
      'sessions[2].replies[2].failed is only in a/data: "HANDLER_FAILED"',
      'sessions[2].replies[2].command is only in b/data: "acquire"',
      'sessions[2].replies[2].result is only in b/data: { ok: true, value: { owner: "ann", token: 4, expiresAt: 1767323077000 } }',
    ])
    expect([said.code, partsIn(said).get('skipped')]).toEqual([1, 'differs'])
    const object = objectIn(await diff(dirs, ...withLocks, '--json'))
    expect(object.differences).toContainEqual({ path: 'skipped', a: [3, 4], b: [3] })
    expect(object['parts']).toContainEqual({ path: 'skipped', kind: 'value', differs: true })
  })

  test('which commands were skipped, the same ones: that is said where there are any', async () => {
    const skipping = (): Node => {
      const node = locksNode()
      acquireBy(node, 'x', 'ann', 'skip')
      node.apply({ kind: 'skip', now: 0, skipped: 3 })
      return node
    }
    const said = await diff(await dirsOf(skipping(), skipping()), ...withLocks)
    expect([said.code, [...partsIn(said)]]).toEqual([
      0,
      [
        ['state.leases', '0 entries: the same'],
        ['now', 'the same'],
        ['skipped', 'the same'],
        ['sessions', '1 session: the same'],
      ],
    ])
  })

  test('sessions that only one has, and what is remembered of a client', async () => {
    const [a, b] = [locksNode(), locksNode()]
    a.apply({ kind: 'openSession', now: a.replica.now, ttlMs: 1_000 })
    b.apply({ kind: 'keepAlive', now: b.replica.now, sessions: [{ session: 2, ackedBelow: 7 }] })
    const said = await diff(await dirsOf(a, b), ...withLocks)
    expect(differencesIn(said)).toEqual([
      'sessions[2].ackedBelow is 1 in a/data and 7 in b/data',
      'sessions[3] is only in a/data: { ttlMs: 1000, lastActive: "2026-01-02T03:04:05.000Z", ackedBelow: 1, lastSeq: 0, replies: {} }',
    ])
    expect(partsIn(said).get('sessions')).toBe('2 sessions in a/data, 1 in b/data: 1 differs, 1 only in a/data')
  })

  test('replies, of the command that alone can have given them', async () => {
    const [a, b] = [locksNode(), locksNode()]
    acquireBy(a, 'x', 'ann')
    acquireBy(b, 'x', 'bob')
    acquireBy(a, 'x', 'bob')
    acquireBy(b, 'x', 'bob')
    const said = await diff(await dirsOf(a, b), ...withLocks, '--json')
    const replies = { path: 'sessions[2].replies[2].result' }
    expect(objectIn(said).differences).toContainEqual({ path: `${replies.path}.ok`, a: false, b: true })
    expect(objectIn(said).differences).toContainEqual({
      path: `${replies.path}.error`,
      a: { code: 'Held', owner: 'ann', expiresAt: 1_767_323_076_000 },
    })
  })

  test('a handler that has failed in one replica', async () => {
    const failing: Script = () => {
      throw new Error('out of luck')
    }
    const said = await diff(await dirsOf(sinkNode(failing), sinkNode(nothing)), ...withSink)
    expect(differencesIn(said)).toEqual(['sessions[2].replies[1].failed is only in a/data: "HANDLER_FAILED"'])
  })
})

describe('only so many differences are printed, and all are counted', () => {
  const names = Array.from({ length: 50 }, (_, i) => `lock-${`${i}`.padStart(2, '0')}`)

  test('20 without --limit, those of the state first', async () => {
    const said = await diff(await dirsOf(locksAfter(...names), locksAfter(...names.map((name) => `${name}b`))), ...withLocks)
    expect(differencesIn(said)).toHaveLength(21)
    expect(differencesIn(said)[0]).toMatch(/^state\.leases\["lock-00"\] is only in a\/data: /)
    expect(differencesIn(said)[20]).toBe('... and 80 more differences: --limit <n> prints more')
    expect(said.out).toMatch(/\nThe states differ: 100 differences\.\n$/)
  })

  test('as many as --limit says, none with 0, also as JSON', async () => {
    const dirs = await dirsOf(locksAfter(...names), locksAfter(...names.map((name) => `${name}b`)))
    expect(differencesIn(await diff(dirs, ...withLocks, '--limit', '100'))).toHaveLength(100)
    expect(differencesIn(await diff(dirs, ...withLocks, '--limit', '0'))).toEqual(['... and 100 more differences: --limit <n> prints more'])
    expect(objectIn(await diff(dirs, '--json', '--limit', '3'))).toMatchObject({ count: 100, differences: [{}, {}, {}] })
  })
})

describe('without the schema of the state values are what was written, and fields have numbers', () => {
  const pair = (): Promise<Dirs> => {
    const [a, b] = [locksAfter('x'), locksNode()]
    acquireBy(b, 'x', 'bob')
    return dirsOf(a, b)
  }
  const lines = [
    'state[0]["x"][0] is "ann" in a/data and "bob" in b/data',
    'sessions[2].replies[1].result[1][0] is "ann" in a/data and "bob" in b/data',
  ]

  test('no schema', async () => {
    const said = await diff(await pair())
    expect([said.code, said.err, differencesIn(said)]).toEqual([1, '', lines])
    expect(partsIn(said).get('state[0]')).toBe('1 entry: 1 differs')
  })

  test('that of another machine: it is said', async () => {
    const said = await diff(await pair(), '--schema', join(locksSchema, '../../counter/counter.wire.json'))
    expect(said.err).toMatch(
      /^a\/data holds a state of the machine locks, and .*counter\.wire\.json is of counter; values are shown as they were written\n$/,
    )
    expect(differencesIn(said)).toEqual(lines)
  })

  test('a machine by hand: where its bytes begin to differ', async () => {
    const by = (state: string): Node => new Node(machineOf('by-hand', () => Buffer.from(state)))
    const said = await diff(await dirsOf(by('one two three'), by('one twa three, four')))
    expect(differencesIn(said)).toEqual([`state[6] is 0x${hex('o three')} in a/data and 0x${hex('a three, four')} in b/data`])
    expect(partsIn(said).get('state')).toBe('13 bytes in a/data, 19 in b/data: they differ from byte 6 on')
    expect((await diff(await dirsOf(by('one'), by('one')))).out).toContain('state     3 bytes: the same\n')
    expect(differencesIn(await diff(await dirsOf(by('one'), by('one two'))))).toEqual([`state[3] is only in b/data: 0x${hex(' two')}`])
  })
})

test('a value that does not fit the schema is shown as it was written, and it is said', async () => {
  const said = await diff(await dirsOf(leasesNode(['ann', 1, 2]), leasesNode(['ann', 'one', 2])), ...withLocks)
  expect(said.err).toBe(
    'in b/data state.leases["x"].token is "one", an integer of at most 2^53-1 is required: the entry is shown as it was written\n',
  )
  expect(differencesIn(said)).toEqual(['state.leases["x"][1] is 1 in a/data and "one" in b/data'])
})

describe('the newest entry of which both have a snapshot is taken', () => {
  /** Snapshots of `indexes`, in each of which another lock is held. */
  async function add(dir: string, indexes: readonly number[], owner = 'ann'): Promise<void> {
    const node = locksNode()
    for (const index of indexes) {
      node.passTo(index - 1)
      acquireBy(node, `at ${index}`, owner)
      await stored(node, dir)
    }
  }
  async function having(a: readonly number[], b: readonly number[]): Promise<Dirs> {
    const folder = temporaryFolder()
    const dirs = { folder, a: join(folder, 'a/data'), b: join(folder, 'b/data') }
    await add(dirs.a, a)
    await add(dirs.b, b, 'bob')
    return dirs
  }
  const entryIn = ({ out }: Said): string | undefined => /after entry (\d+)/.exec(out)?.[1]

  test('without --at, and the one that --at names', async () => {
    const dirs = await having([10, 20, 30], [10, 20, 40])
    expect(entryIn(await diff(dirs))).toBe('20')
    expect(entryIn(await diff(dirs, '--at', '10'))).toBe('10')
  })

  test('there is none: which there are is told, exit code 2', async () => {
    const said = await diff(await having([10, 20], [15]))
    expect([said.code, said.out]).toEqual([2, ''])
    expect(said.err).toMatch(
      /^raftgen: a\/data and b\/data have no snapshot of the same entry: a\/data has those of entries 10 and 20; b\/data has that of entry 15\n {2}Each node chooses/,
    )
    const dirs = await having([10], [])
    await stored(locksAfter(), dirs.b)
    await rm(join(dirs.b, 'snapshots'), { recursive: true })
    expect((await diff(dirs)).err).toContain('a/data has that of entry 10; b/data has none\n')
  })

  test('--at names one that one of them has not', async () => {
    const said = await diff(await having([10, 20], [10]), '--at', '20')
    expect(said).toEqual({ code: 2, out: '', err: 'raftgen: b/data has no snapshot of entry 20\n  Both have that of entry 10.\n' })
  })

  test('one that is damaged is passed over with a word, and named where no other is left', async () => {
    const dirs = await having([10, 20], [10, 20])
    await flip(snapshotFile(dirs.b, { index: 20, term: 3 }), 300)
    const said = await diff(dirs, ...withLocks)
    const damage = 'b/data/snapshots/snapshot-20-3 is damaged: piece 0 does not match its checksum'
    expect([said.code, entryIn(said), said.err]).toEqual([1, '10', `${damage}; the states after entry 10 are compared\n`])
    const asked = await diff(dirs, '--at', '20')
    expect([asked.code, asked.out]).toEqual([2, ''])
    expect(asked.err).toContain(`raftgen: ${damage}\n  STORAGE_DAMAGED. `)
    await flip(snapshotFile(dirs.a, { index: 10, term: 3 }), 20)
    const none = await diff(dirs, '--json')
    expect([none.code, objectIn(none)]).toMatchObject([2, { ok: false, error: { code: 'STORAGE_DAMAGED' } }])
    expect(none.err).toContain(`${damage}; a/data/snapshots/snapshot-10-3 is damaged: its header does not match its checksum\n`)
  })

  test('one that its node has set aside counts as long as it is whole', async () => {
    const dirs = await having([10, 20], [10, 20])
    const file = snapshotFile(dirs.b, { index: 20, term: 3 })
    await rename(file, `${file}.damaged`)
    expect([entryIn(await diff(dirs)), (await diff(dirs)).err]).toEqual(['20', ''])
    await flip(`${file}.damaged`, 300)
    expect(entryIn(await diff(dirs))).toBe('10')
  })

  test('one that is gone whenever it is opened is named', async () => {
    const dirs = await having([10], [10])
    await rename(snapshotFile(dirs.b, { index: 10, term: 3 }), join(dirs.folder, 'elsewhere'))
    await symlink(join(dirs.folder, 'nowhere'), snapshotFile(dirs.b, { index: 10, term: 3 }))
    const said = await diff(dirs)
    expect([said.code, said.err]).toEqual([
      2,
      'raftgen: b/data/snapshots/snapshot-10-3 is not there any more\n  Its node takes one after the other. Compare copies of the folders `snapshots`.\n',
    ])
  })

  test('what is not a state is damage', async () => {
    const dirs = await having([10], [10])
    for (const dir of [dirs.a, dirs.b]) await snapshot(dir, { index: 20, term: 3 })
    const said = await diff(dirs)
    expect(entryIn(said)).toBe('10')
    expect(said.err).toMatch(
      /^a\/data\/snapshots\/snapshot-20-3 is damaged: the state has format 7, only 1 to 3 are known; the states after entry 10 are compared$/m,
    )
  })

  test('a snapshot of another entry under its name is damage', async () => {
    const dirs = await having([10, 20], [10, 20])
    await rename(snapshotFile(dirs.a, { index: 10, term: 3 }), snapshotFile(dirs.a, { index: 20, term: 3 }))
    expect((await diff(dirs)).err).toContain('a/data/snapshots/snapshot-20-3 is damaged: it is the snapshot of entry 10 of term 3\n')
  })
})

test('a node may run meanwhile', async () => {
  const dirs = await dirsOf(locksAfter('x'), locksAfter('x'))
  const open = await openSnapshotDir(dirs.a)
  await writeFile(join(dirs.a, 'pid'), `${process.pid}\n`)
  expect((await diff(dirs)).code).toBe(0)
  await closed(open)
})

test('a copy may have its snapshots alone', async () => {
  const dirs = await dirsOf(locksAfter('x'), locksAfter('y'))
  const copy = join(dirs.folder, 'copy')
  await cp(join(dirs.b, 'snapshots'), join(copy, 'snapshots'), { recursive: true })
  expect((await diff({ ...dirs, b: copy }, ...withLocks)).out).toContain('state.leases["y"] is only in copy: ')
})

describe('wrong use, exit code 2', () => {
  test('states of other machines, or of other versions: what each is', async () => {
    const other = (version: number, wire: string): Node => new Node({ ...machineOf('other', () => Buffer.from('x')), version, wire })
    expect(await diff(await dirsOf(locksNode(), other(1, 'aa')))).toEqual({
      code: 2,
      out: '',
      err:
        'raftgen: a/data holds a state of the machine locks, version 1 (wire format 21667bf3d654c9c5), and b/data of the machine other, version 1 (wire format aa)\n' +
        '  States of one machine can be compared, in one version and one wire format.\n',
    })
    expect((await diff(await dirsOf(other(1, 'aa'), other(2, 'aa')))).err).toContain(
      'version 1 (wire format aa), and b/data of the machine other, version 2',
    )
    expect((await diff(await dirsOf(other(1, 'aa'), other(1, 'bb')))).code).toBe(2)
  })

  test('nodes of two clusters', async () => {
    const folder = temporaryFolder()
    const dirs = { folder, a: join(folder, 'a'), b: join(folder, 'b') }
    await stored(locksNode(), dirs.a)
    await stored(locksNode(), dirs.b, { clusterId: 'test' })
    expect((await diff(dirs)).err).toContain('raftgen: a is of the cluster prod, and b of test\n')
  })

  test.each([
    ['--limit', 'x', "--limit: 'x' is not a whole number"],
    ['--at', '0', "--at: '0' is not a whole number from 1"],
    ['--schema', 'none.ts', 'there is no schema file none.ts'],
  ])('%s %s', async (option, value, message) => {
    const said = await diff(await dirsOf(locksNode(), locksNode()), option, value)
    expect([said.code, said.out]).toEqual([2, ''])
    expect(said.err).toContain(`raftgen: ${message}\n`)
  })

  test('directories that are not those of nodes', async () => {
    const dirs = await dirsOf(locksNode(), locksNode())
    expect((await diff({ ...dirs, b: join(dirs.folder, 'c') })).err).toContain('raftgen: there is no directory c\n')
    mkdirSync(join(dirs.folder, 'empty'))
    const empty = await diff({ ...dirs, b: join(dirs.folder, 'empty') })
    expect([empty.code, empty.err]).toEqual([2, expect.stringContaining('raftgen: empty holds no node.')])
    expect((await diff({ ...dirs, b: dirs.a })).err).toContain('raftgen: a/data and a/data are the same directory\n')
  })
})

test('a state that says it has more than it has is damage, with both files', async () => {
  const state = (token: number): Node => leasesNode(['ann', token, 2], 3)
  const said = await diff(await dirsOf(state(7), state(8)), ...withLocks)
  expect([said.code, said.out]).toEqual([2, ''])
  expect(said.err).toMatch(
    /^raftgen: a\/data\/snapshots\/snapshot-2-3 and b\/data\/snapshots\/snapshot-2-3 cannot be compared: entries of state\.leases needs /,
  )
})

const hex = (text: string): string => Buffer.from(text).toString('hex')

/** As another release, or another hand, would have made it. */
const machineOf = (name: string, state: () => Uint8Array): StateMachine => ({
  name,
  version: 1,
  wire: 'by hand',
  apply: () => new Uint8Array(0),
  query: () => new Uint8Array(0),
  snapshot: state,
  restoreSnapshot: () => {},
})

/** Of locks, with one lease. `size`: what it says of how many there are. */
function leasesNode(lease: Wire, size = 1): Node {
  const writer = new ByteWriter()
  writer.u8(1)
  writer.u32(1)
  writer.u16(1)
  writer.u8(1)
  writer.u48(size)
  writer.bytes(packValue([['x', lease]]))
  const state = writer.take()
  return new Node({ ...machineOf('locks', () => state), wire: locksDescriptor.wire })
}
