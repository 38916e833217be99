import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LevelLog } from '../../src/storage/level-log.ts'
import { encodeEnvelope } from '../../src/wire/envelope-codec.ts'
import { flipInBlock, loseBlocks, tree } from '../storage/damages.ts'
import { command, type Said } from './in-process.ts'
import { append, closed, confOf, locksSchema, node, noteMachine, snapshot } from './log-data.ts'
import { temporaryFolder, writeFiles } from './temporary-folder.ts'

const stored = (options: Parameters<typeof node>[1] = {}): Promise<string> => node(join(temporaryFolder(), '1'), options)

async function show(dir: string, ...more: readonly string[]): Promise<Said> {
  const { code, out, err } = await command(['log', 'show', dir, ...more])
  return { code, out: out.replaceAll(dir, 'data/1'), err: err.replaceAll(dir, 'data/1') }
}
const withSchema = ['--schema', locksSchema]
const indexesIn = ({ out }: Said): readonly number[] =>
  out
    .split('\n')
    .map((line) => Number(/^ *(\d+) /.exec(line)?.[1]))
    .filter((index) => index > 0)
const objectsIn = ({ out }: Said): readonly Record<string, unknown>[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const range = (first: number, last: number): readonly number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe('a log in the words of the schema', () => {
  test('has a line for each entry', async () => {
    expect(await show(await stored({ count: 4 }), ...withSchema)).toEqual({
      code: 0,
      err: '',
      out: `index  term  time                      session     seq  what
    1     3                                             a leader begins
    2     3  2026-01-02T03:04:07.000Z                   session 2 opens, for 60000 ms
    3     3  2026-01-02T03:04:08.000Z        2       3  acquire { name: "orders/3", owner: "ann", ttlMs: 30000 }
    4     3  2026-01-02T03:04:09.000Z        2       4  acquire { name: "orders/4", owner: "ann", ttlMs: 30000 }
`,
    })
  })

  test('has an object for each entry with --json', async () => {
    const said = await show(await stored({ count: 3 }), ...withSchema, '--json')
    expect(objectsIn(said)).toEqual([
      { kind: 'noop', index: 1, term: 3 },
      { kind: 'openSession', index: 2, term: 3, time: '2026-01-02T03:04:07.000Z', ttlMs: 60_000, session: 2 },
      {
        kind: 'command',
        index: 3,
        term: 3,
        time: '2026-01-02T03:04:08.000Z',
        session: 2,
        seq: 3,
        ackedBelow: 3,
        version: 1,
        command: 'acquire',
        input: { name: 'orders/3', owner: 'ann', ttlMs: 30_000 },
      },
    ])
  })

  test('has words for whatever else a log holds', async () => {
    const dir = await stored({ count: 2 })
    const log = await LevelLog.open(dir)
    const now = Date.UTC(2026, 0, 2)
    const entry = (index: number, envelope: Parameters<typeof encodeEnvelope>[0]) =>
      ({ term: 3, index, kind: 'command', data: encodeEnvelope(envelope), conf: undefined }) as const
    const conf = { ...confOf(1, 2, 3), voters: [1, 2], votersOutgoing: [1, 2, 3], learners: [3], joining: [3], leaseMs: 500 }
    await append(log, [
      entry(3, { kind: 'keepAlive', now, sessions: [{ session: 2, ackedBelow: 1 }] }),
      entry(4, { kind: 'keepAlive', now, sessions: [] }),
      entry(5, { kind: 'renewSessions', now }),
      entry(6, { kind: 'clock', now, ceiling: now + 1_000 }),
      entry(7, { kind: 'closeSession', now, session: 2 }),
      { term: 3, index: 8, kind: 'conf', data: new Uint8Array(0), conf },
      entry(9, { kind: 'skip', now, skipped: 3 }),
      { term: 3, index: 10, kind: 'command', data: Uint8Array.of(99, 0, 0, 0, 0, 0, 0), conf: undefined },
    ])
    await closed(log)
    const { out } = await show(dir, '--from', '3')
    const words = out
      .split('\n')
      .slice(1, -1)
      .map((line) => line.slice('index  term  time                      session     seq  '.length))
    expect(words).toEqual([
      'kept alive: session 2',
      'time passes',
      'all sessions are renewed',
      'queries may see times up to 2026-01-02T00:00:01.000Z',
      'session 2 closes',
      'configuration: voters 1, 2; together with the voters before, 1, 2, 3; learners 3 (joining); leases of 500 ms',
      'entry 3 is skipped: it counts as failed',
      'unknown, 7 bytes: 0x63000000000000 (an entry holds an envelope of a kind that this version does not know)',
    ])
    const [skip] = objectsIn(await show(dir, '--from', '9', '--to', '9', '--json'))
    expect(skip).toEqual({ kind: 'skip', index: 9, term: 3, time: '2026-01-02T00:00:00.000Z', skipped: 3 })
  })

  test.each([
    ['the schema', locksSchema],
    ['its folder', join(locksSchema, '..')],
    ['its wire lock', join(locksSchema, '../locks.wire.json')],
  ])('is read with %s', async (_, schema) => {
    expect((await show(await stored(), '--schema', schema, '--last', '1')).out).toContain('acquire { name: "orders/50", owner: "ann"')
  })
})

describe('without the schema that wrote it a log is shown as bytes, and it is said why', () => {
  const bytes =
    '   50     3  2026-01-02T03:04:55.000Z        2      50  command with tag 1 of version 1, 21 bytes: ["orders/50", "ann", 30000]\n'

  test('no schema', async () => {
    const said = await show(await stored(), '--last', '1')
    expect([said.code, said.err]).toEqual([0, ''])
    expect(said.out).toContain(bytes)
  })

  test('another machine', async () => {
    const folder = temporaryFolder({ 'schema.ts': '' })
    await cp(join(locksSchema, '../../counter/counter.wire.json'), join(folder, 'counter.wire.json'))
    const said = await show(await stored(), '--last', '1', '--schema', join(folder, 'schema.ts'))
    expect(said.err).toMatch(
      /^data\/1 holds a log of the machine locks, and .*counter\.wire\.json is of counter; commands are shown as bytes\n$/,
    )
    expect(said.out).toContain(bytes)
  })

  test('another version, or another wire format of the same', async () => {
    const dir = await stored()
    for (const [machine, why] of [
      [{ name: 'locks', version: 2, wire: 'aa' }, /locks in version 2 with wire format aa, and .* has no version 2;/],
      [{ name: 'locks', version: 1, wire: 'bb' }, /locks in version 1 with wire format bb, and version 1 in .* has 21667bf3d654c9c5;/],
    ] as const) {
      await noteMachine(dir, machine)
      const said = await show(dir, '--last', '1', ...withSchema)
      expect(said.err).toMatch(why)
      expect(said.out).toContain(bytes)
    }
  })

  test('a directory that does not say which machine wrote it takes the schema by its word', async () => {
    const dir = await stored()
    await rm(join(dir, 'machine.json'))
    const said = await show(dir, '--last', '1', ...withSchema)
    expect(said.err).toBe('data/1 does not say which machine wrote its log; commands are read as those of locks\n')
    expect(said.out).toContain('acquire {')
  })

  test('a command that does not fit says so, and the others are shown', async () => {
    const dir = await stored({ count: 3 })
    const log = await LevelLog.open(dir)
    const data = encodeEnvelope({ kind: 'command', now: 0, session: 2, seq: 9, ackedBelow: 9, version: 1, command: Buffer.from('put a 1') })
    await append(log, [{ term: 3, index: 4, kind: 'command', data, conf: undefined }])
    await closed(log)
    const { out } = await show(dir, ...withSchema)
    expect(out).toContain('acquire { name: "orders/3"')
    expect(out).toContain('command, 7 bytes: "put a 1" (it is no call of a generated client)\n')
  })
})

describe('a part of it', () => {
  test('by index', async () => {
    const dir = await stored()
    expect(indexesIn(await show(dir, '--from', '9', '--to', '12'))).toEqual([9, 10, 11, 12])
    expect(indexesIn(await show(dir, '--from', '49'))).toEqual([49, 50])
    expect(indexesIn(await show(dir, '--to', '2'))).toEqual([1, 2])
    expect(indexesIn(await show(dir, '--last', '3'))).toEqual([48, 49, 50])
    expect(indexesIn(await show(dir, '--last', '3', '--to', '20'))).toEqual([18, 19, 20])
    expect(indexesIn(await show(dir, '--last', '99'))).toEqual(range(1, 50))
  })

  test('by command', async () => {
    const dir = await stored({ count: 12 })
    expect(indexesIn(await show(dir, '--command', 'acquire', ...withSchema))).toEqual(range(3, 12))
    expect(indexesIn(await show(dir, '--command', 'acquire', '--last', '2', ...withSchema))).toEqual([11, 12])
    expect(indexesIn(await show(dir, '--command', 'release', ...withSchema))).toEqual([])
  })

  test('that is not there: nothing, and it is said', async () => {
    expect(await show(await stored(), '--from', '60')).toEqual({
      code: 0,
      out: '',
      err: 'data/1 holds nothing of that: its last entry is 50\n',
    })
  })

  test('what is compacted is said to be', async () => {
    const dir = await stored()
    await snapshot(dir, { term: 3, index: 25 })
    const log = await LevelLog.open(dir)
    await new Promise((resolve) => log.compact({ id: { term: 3, index: 25 }, conf: confOf(1, 2, 3) }, resolve))
    await closed(log)
    const said = await show(dir)
    expect(said.out.split('\n')[1]).toBe('# entries 1 to 25: compacted, a snapshot stands for them')
    expect(indexesIn(said)).toEqual(range(26, 50))
    expect(objectsIn(await show(dir, '--json'))[0]).toEqual({ kind: 'compacted', firstIndex: 1, lastIndex: 25 })
  })
})

describe('a damaged log is shown as far as it verifies, and on behind the holes', () => {
  test('blocks that are lost', async () => {
    const dir = await stored()
    await loseBlocks(dir, 11, 31)
    const before = tree(dir)
    const said = await show(dir)
    expect(tree(dir)).toEqual(before)
    expect([said.code, indexesIn(said)]).toEqual([1, [...range(1, 10), ...range(21, 30), ...range(41, 50)]])
    expect(said.out.split('\n').filter((line) => line.startsWith('#'))).toEqual([
      '# entries 11 to 20: missing',
      '# entries 31 to 40: missing',
    ])
    expect(said.err).toBe('data/1 is damaged: 1 finding; `raftgen log verify data/1` says what becomes of it\n')
  })

  test('a part of a block: what is sealed apart from it is shown', async () => {
    const dir = await stored({ batch: 50 })
    await flipInBlock(dir, 1, 1_200)
    const said = await show(dir, '--json')
    expect(objectsIn(said).filter(({ kind }) => kind === 'hole')).toEqual([
      { kind: 'hole', firstIndex: 17, lastIndex: 32, what: 'the run of entries 17 to 32 does not match its checksum' },
    ])
    expect(objectsIn(said).flatMap(({ index }) => index ?? [])).toEqual([...range(1, 16), ...range(33, 50)])
  })

  test('the end of the log', async () => {
    const dir = await stored()
    await loseBlocks(dir, 41)
    expect((await show(dir)).out).toMatch(/\n# entries 41 to 50: missing\n$/)
    expect((await show(dir, '--last', '5')).out).toMatch(/^index .*\n# entries 46 to 50: missing\n$/)
  })

  test('what was put aside since, as long as it is wanted', async () => {
    const dir = await stored()
    await loseBlocks(dir, 11)
    await closed(await LevelLog.open(dir))
    const said = await show(dir)
    expect([said.code, indexesIn(said)]).toEqual([1, [...range(1, 10), ...range(21, 50)]])
  })

  test('a database of which nothing can be read', async () => {
    const dir = await stored()
    await rm(join(dir, 'db'), { recursive: true })
    const said = await show(dir)
    expect([said.code, said.out.split('\n')[1]]).toEqual([1, '# entries 1 to 50: missing'])
  })
})

test.each([
  ['--from and --last', ['--from', '1', '--last', '2'], '--from and --last exclude each other'],
  ['an index that is none', ['--from', '-1'], "--from: '-1' is not a whole number from 1"],
  ['--command without --schema', ['--command', 'acquire'], '--command needs --schema'],
  ['a command that there is not', ['--command', 'aquire', ...withSchema], 'the schema has no command aquire\n  Did you mean acquire?'],
  ['a schema that there is not', ['--schema', 'none.ts'], 'there is no schema file none.ts'],
])('wrong use, exit code 2: %s', async (_, args, message) => {
  const said = await show(await stored({ count: 2 }), ...args)
  expect([said.code, said.out]).toEqual([2, ''])
  expect(said.err).toContain(`raftgen: ${message}`)
})

test('a folder with no wire lock, or with several, is refused with its name', async () => {
  const dir = await stored({ count: 2 })
  const folder = temporaryFolder({ 'schema.ts': '' })
  expect((await show(dir, '--schema', join(folder, 'schema.ts'))).err).toMatch(/there is no wire lock \(\*\.wire\.json\) in /)
  writeFiles(folder, { 'a.wire.json': '{}', 'b.wire.json': '{}' })
  expect((await show(dir, '--schema', folder)).err).toMatch(/there are several wire locks in .*: a\.wire\.json, b\.wire\.json/)
})
