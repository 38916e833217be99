import { cp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LevelLog } from '../../src/storage/level-log.ts'
import { damages, databaseFile, flip, flipInBlock, loseBlocks, tree } from '../storage/damages.ts'
import { read } from '../storage/support.ts'
import { command, type Said } from './in-process.ts'
import { acquire, append, closed, confOf, entries, locksSchema, node, snapshot } from './log-data.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A folder of data directories: `1`, `2`, ... in what is said of them. */
class Nodes {
  readonly folder = temporaryFolder()

  dir(name: string): string {
    return join(this.folder, name)
  }

  async node(name: string, options: Parameters<typeof node>[1] = {}): Promise<string> {
    return await node(this.dir(name), options)
  }

  async run(name: string, args: string, options: { readonly answers?: readonly string[] } = {}): Promise<Said> {
    const words = args.split(' ').filter((word) => word !== '')
    const given = words.map((word, i) => (words[i - 1] === '--from' ? this.dir(word) : word))
    const { code, out, err } = await command(['log', 'repair', this.dir(name), ...given], options)
    return { code, out: out.replaceAll(`${this.folder}/`, ''), err: err.replaceAll(`${this.folder}/`, '') }
  }

  async outcome(name: string): Promise<string> {
    const { out } = await command(['log', 'verify', this.dir(name), '--json'])
    return JSON.parse(out).outcome.kind
  }

  /** As a node would read it. */
  async entries(name: string): Promise<readonly unknown[]> {
    const log = await LevelLog.open(this.dir(name))
    const found = await read(log, log.firstIndex, log.latestLogIndex)
    await closed(log)
    return found.map(plain)
  }
}
const plain = (entry: { readonly data: Uint8Array }): object => ({ ...entry, data: Buffer.from(entry.data).toString('hex') })
const alone = { conf: confOf(1) }

describe('what is missing is taken from the directory of a peer', () => {
  test('a plan first, which changes nothing; then what it says', async () => {
    const nodes = new Nodes()
    await nodes.node('1')
    await nodes.node('2', { id: 2 })
    await loseBlocks(nodes.dir('1'), 11)
    const [before, peer] = [tree(nodes.dir('1')), tree(nodes.dir('2'))]
    const plan = `entries 11 to 20 are missing
Plan:
  take entries 11 to 50 from 2
They are verified: they lead to chain values that this log itself has held, so they are the very entries that it lacks.
1 is whole then.
`
    expect(await nodes.run('1', '--from 2')).toEqual({ code: 1, out: plan, err: 'To do it: raftgen log repair 1 --from 2 --yes\n' })
    expect(tree(nodes.dir('1'))).toEqual(before)
    expect(await nodes.run('1', '--from 2 --yes')).toEqual({
      code: 0,
      out: `${plan}Done. What was there before is kept in 1/before-repair-1: delete it once all is well.\n1 is whole.\n`,
      err: '',
    })
    expect(await nodes.outcome('1')).toBe('whole')
    expect(await nodes.entries('1')).toEqual(entries(50).map(plain))
    expect(tree(nodes.dir('2'))).toEqual(peer)
  })

  test.each(Object.entries(damages).filter(([name]) => /database|table|manifest|CURRENT|block/.test(name)))(
    '%s: it is whole afterwards, or only its running peers can help',
    async (_, damage) => {
      const nodes = new Nodes()
      await nodes.node('1')
      await nodes.node('2', { id: 2 })
      await snapshot(nodes.dir('1'), { term: 3, index: 10 })
      await damage(nodes.dir('1'))
      const { code, out } = await nodes.run('1', '--from 2 --yes')
      if (code === 0) {
        expect(await nodes.outcome('1')).toBe('whole')
        expect(await nodes.entries('1')).toEqual(entries(50).map(plain))
        return
      }
      // What begins anew after a snapshot has no chain value in common with its former self.
      expect(out).toMatch(/Start the node: its peers give it back, or a snapshot in its place\.\n$|Nothing to do here: start the node\./)
      expect(['repairs', 'mends']).toContain(await nodes.outcome('1'))
    },
  )

  test('several holes, from several peers that are damaged themselves', async () => {
    const nodes = new Nodes()
    for (const [name, id, lost] of [
      ['1', 1, [11, 31]],
      ['2', 2, [31, 41]],
      ['3', 3, [11]],
    ] as const) {
      await nodes.node(name, { id })
      await loseBlocks(nodes.dir(name), ...lost)
    }
    const { code, out } = await nodes.run('1', '--from 2 --from 3 --yes')
    expect(out).toContain(`Plan:
  take entries 11 to 30 from 2
  take entries 31 to 50 from 3
`)
    expect(code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(50).map(plain))
  })

  test('as much as there is: the rest is still missing', async () => {
    const nodes = new Nodes()
    await nodes.node('1')
    await nodes.node('2', { id: 2, count: 30 })
    await loseBlocks(nodes.dir('1'), 11, 31)
    const { code, out } = await nodes.run('1', '--from 2 --yes')
    expect(out).toContain('  take entries 11 to 30 from 2\n')
    expect(out).toContain('entries 31 to 50 will still be missing.\n')
    expect(out).toMatch(/\n1 will be repaired from its peers at the next start: .* fetches entries 31 to 50;.*\n$/)
    expect([code, await nodes.outcome('1')]).toEqual([1, 'repairs'])
    // Once more, with one that has the rest.
    await nodes.node('3', { id: 3 })
    expect((await nodes.run('1', '--from 3 --yes')).code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(50).map(plain))
    expect((await readdir(nodes.dir('1'))).filter((name) => name.startsWith('before'))).toEqual(['before-repair-1', 'before-repair-2'])
  })

  test('never other entries than those that it held, however alike', async () => {
    const nodes = new Nodes()
    await nodes.node('1')
    const two = await nodes.node('2', { id: 2, count: 10 })
    const log = await LevelLog.open(two)
    for (let index = 11; index <= 50; index++) await append(log, [acquire({ term: 3, index }, 'eve')])
    await closed(log)
    await loseBlocks(nodes.dir('1'), 11)
    const before = tree(nodes.dir('1'))
    expect(await nodes.run('1', '--from 2 --yes')).toEqual({
      code: 1,
      out: `entries 11 to 20 are missing
Nothing in 2 leads from entry 10 to what 1 held after it:
  2 has entries 1 to 50
Start the node: its peers give it back, or a snapshot in its place.
`,
      err: '',
    })
    expect(tree(nodes.dir('1'))).toEqual(before)
  })

  test('never from another cluster, nor from itself', async () => {
    const nodes = new Nodes()
    await nodes.node('1')
    await nodes.node('2', { id: 2, clusterId: 'test' })
    await loseBlocks(nodes.dir('1'), 11)
    expect(await nodes.run('1', '--from 2 --yes')).toEqual({
      code: 2,
      out: '',
      err: 'raftgen: 2 is of cluster test, 1 of cluster prod\n  Name the directory of another member, or a copy.\n',
    })
    expect((await nodes.run('1', '--from 1')).err).toContain('--from ')
    expect((await nodes.run('1', '--from 1')).code).toBe(2)
  })

  test('the only member takes it from a copy of its own directory', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await cp(nodes.dir('1'), nodes.dir('backup'), { recursive: true })
    await loseBlocks(nodes.dir('1'), 21)
    expect((await nodes.run('1', '--from backup --yes')).code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(50).map(plain))
  })
})

describe('without peers', () => {
  test('what the start of the node does is left to it', async () => {
    const nodes = new Nodes()
    await nodes.node('1')
    await loseBlocks(nodes.dir('1'), 11)
    const before = tree(nodes.dir('1'))
    const { code, out } = await nodes.run('1', '--yes')
    expect(code).toBe(1)
    expect(out).toMatch(
      /^entries 11 to 20 are missing\nNothing to do here: start the node\. 1 will be repaired from its peers at the next start: .*\n$/,
    )
    expect(tree(nodes.dir('1'))).toEqual(before)
  })

  test('a directory that is whole has nothing to be repaired', async () => {
    const nodes = new Nodes()
    await nodes.node('1')
    expect(await nodes.run('1', '')).toEqual({ code: 0, out: '1 is whole: there is nothing to repair.\n', err: '' })
    expect((await nodes.run('1', '--accept-loss --yes')).code).toBe(0)
  })

  test('the only member is told what is left', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await loseBlocks(nodes.dir('1'), 21)
    expect(await nodes.run('1', '--yes')).toEqual({
      code: 1,
      out: `entries 21 to 30 are missing
Nothing in this directory brings back what is missing.
What is left:
  take it from a copy of this directory, or of another member's: raftgen log repair 1 --from <copy>
  give up what is missing, for good: raftgen log repair 1 --accept-loss
`,
      err: '',
    })
  })

  test('a snapshot of its own stands for what it lacks, when all behind it is there: nothing is lost', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await snapshot(nodes.dir('1'), { term: 3, index: 35 }, confOf(1))
    await loseBlocks(nodes.dir('1'), 11, 21)
    const { code, out } = await nodes.run('1', '--yes')
    expect(out).toBe(`entries 11 to 30 are missing
Plan:
  begin the log anew after the snapshot of entry 35 of term 3
  keep entries 36 to 50, which 1 still has
Nothing is lost: the snapshot holds what the entries up to its own did. 1 is whole then.
Done. What was there before is kept in 1/before-repair-1: delete it once all is well.
1 is whole.
`)
    expect(code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(50).slice(35).map(plain))
  })

  test('a snapshot helps nobody when something behind it is missing, too', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await snapshot(nodes.dir('1'), { term: 3, index: 35 }, confOf(1))
    await loseBlocks(nodes.dir('1'), 11, 41)
    expect((await nodes.run('1', '--yes')).out).toContain('Nothing in this directory brings back what is missing.')
  })

  test('a snapshot of another term than the entry at its index is not one of this log', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await snapshot(nodes.dir('1'), { term: 2, index: 35 }, confOf(1))
    await loseBlocks(nodes.dir('1'), 11, 21)
    expect((await nodes.run('1', '--yes')).out).toContain('Nothing in this directory brings back what is missing.')
  })

  test('what is refused for another reason stays refused', async () => {
    const nodes = new Nodes()
    await nodes.node('1')
    await flip(join(nodes.dir('1'), 'identity.json'), 40)
    const { code, out } = await nodes.run('1', '--accept-loss --after 50 --yes')
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/This cannot be repaired here\. 1 will be refused at the next start: 1\/identity\.json: /),
    ])
  })
})

describe('a loss that is accepted', () => {
  const lossy = async (conf = confOf(1)): Promise<Nodes> => {
    const nodes = new Nodes()
    await nodes.node('1', { conf })
    await loseBlocks(nodes.dir('1'), 31)
    return nodes
  }

  test('is listed, in the words of the schema, and changes nothing until it is named', async () => {
    const nodes = await lossy()
    const before = tree(nodes.dir('1'))
    const { code, out, err } = await nodes.run('1', `--accept-loss --schema ${locksSchema} --yes`)
    expect(code).toBe(1)
    expect(out).toContain(`Plan: give up what is missing, for good.
  kept: everything up to entry 30 of term 3
  lost: entries 31 to 50, whether they can still be read or not
    index  term  time                      session     seq  what
    # entries 31 to 40: missing
       41     3  2026-01-02T03:04:46.000Z        2      41  acquire { name: "orders/41", owner: "ann", ttlMs: 30000 }
`)
    expect(out).toContain(
      'Their commands may have been acknowledged: for whoever sent them they have happened, and from now on they have not.\n',
    )
    expect(out).toContain(
      '1 is of the only member of its cluster. If there is a copy of it that has these entries, use that: --from <copy>.\n',
    )
    expect(err).toBe('To do it: raftgen log repair 1 --accept-loss --after 30 --yes\n')
    expect(tree(nodes.dir('1'))).toEqual(before)
  })

  test('drops what was listed, and nothing else; the node goes on', async () => {
    const nodes = await lossy()
    const { code, out } = await nodes.run('1', '--accept-loss --after 30 --yes')
    expect([code, out]).toEqual([0, expect.stringMatching(/\n1 is whole\.\n$/)])
    expect(await nodes.entries('1')).toEqual(entries(30).map(plain))
    expect((await command(['log', 'show', nodes.dir('1'), '--json'])).out.trimEnd().split('\n')).toHaveLength(30)
    const log = await LevelLog.open(nodes.dir('1'))
    expect([log.summary.fence, log.findings]).toEqual([undefined, []])
    await append(log, [acquire({ term: 3, index: 31 }, 'bob')])
    await closed(log)
    expect(await nodes.outcome('1')).toBe('whole')
  })

  test('is not done when the plan says something else by now', async () => {
    const nodes = await lossy()
    const before = tree(nodes.dir('1'))
    const { code, err } = await nodes.run('1', '--accept-loss --after 29 --yes')
    expect([code, err]).toEqual([
      2,
      'raftgen: --after 29 is not what the plan says: the last entry that stays is 30\n  Read the plan again. Nothing was changed.\n',
    ])
    expect(tree(nodes.dir('1'))).toEqual(before)
  })

  test('in a cluster says that every member is to be looked at first', async () => {
    const nodes = await lossy(confOf(1, 2, 3))
    const { out } = await nodes.run('1', '--accept-loss')
    expect(out).toContain(
      'Look at every member first (1, 2, 3; raftgen log verify): one that has these entries gives them back to all others once it runs',
    )
    expect((await nodes.run('1', '--accept-loss --after 30 --yes')).code).toBe(0)
    expect(await nodes.outcome('1')).toBe('whole')
  })

  test('keeps what peers have, and what a damaged block still holds', async () => {
    const nodes = new Nodes()
    await nodes.node('1', { batch: 25 })
    await flipInBlock(nodes.dir('1'), 26, 1_250)
    const { out } = await nodes.run('1', '--accept-loss')
    expect(out).toMatch(/ {2}keep entries 26 to 41, which 1 still has\n {2}kept: everything up to entry 41 of term 3\n/)
    await nodes.node('2', { id: 2, count: 45 })
    expect((await nodes.run('1', '--from 2 --accept-loss')).out).toContain('  kept: everything up to entry 41 of term 3\n')
    expect((await nodes.run('1', '--accept-loss --after 41 --yes')).code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(41).map(plain))
  })

  test('goes no further back than the newest snapshot', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await snapshot(nodes.dir('1'), { term: 3, index: 35 }, confOf(1))
    await loseBlocks(nodes.dir('1'), 11, 41)
    const { out } = await nodes.run('1', '--accept-loss')
    expect(out).toContain(`  begin the log anew after the snapshot of entry 35 of term 3
  keep entries 36 to 40, which 1 still has
  kept: everything up to entry 40 of term 3
  lost: entries 41 to 50, whether they can still be read or not
`)
    expect((await nodes.run('1', '--accept-loss --after 40 --yes')).code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(40).slice(35).map(plain))
  })

  test('of a high water that is gone: the log stays as it is', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await rm(join(nodes.dir('1'), 'high-water'))
    const { out } = await nodes.run('1', '--accept-loss')
    expect(out).toContain(
      '  kept: everything up to entry 50 of term 3\n  lost: nothing that is known of; whether there was more, nothing tells\n',
    )
    expect((await nodes.run('1', '--accept-loss --after 50 --yes')).code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(50).map(plain))
  })

  test('of a database that is gone: what a node is without entries is in the high water', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await rm(join(nodes.dir('1'), 'db'), { recursive: true })
    expect((await nodes.run('1', '--accept-loss')).out).toContain(
      '  kept: no entries\n  lost: entries 1 to 50, whether they can still be read or not\n',
    )
    expect((await nodes.run('1', '--accept-loss --after 0 --yes')).code).toBe(0)
    expect(await nodes.entries('1')).toEqual([])
  })

  test('makes no node of nothing', async () => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    for (const name of ['db', 'high-water']) await rm(join(nodes.dir('1'), name), { recursive: true })
    const { code, out } = await nodes.run('1', '--accept-loss --after 0 --yes')
    expect([code, out]).toEqual([1, expect.stringMatching(/This cannot be repaired here\. .*; nothing tells who the other members are\./)])
  })

  test('takes with it what this node remembers of others, so that they may come back without it', async () => {
    const nodes = new Nodes()
    const dir = await nodes.node('1')
    const log = await LevelLog.open(dir)
    const remembered = (id: number, index: number) => ({ id, incarnation: 1, match: { term: 3, index }, matchTerm: 3, votedTerm: 3 })
    log.note([remembered(2, 50), remembered(3, 20)])
    await closed(log)
    const witnessOf = async (): Promise<unknown> => JSON.parse((await command(['log', 'verify', dir, '--json'])).out).witness
    expect(await witnessOf()).toEqual([remembered(2, 50), remembered(3, 20)])
    await loseBlocks(dir, 31)
    expect((await nodes.run('1', '--accept-loss --after 30 --yes')).code).toBe(0)
    expect(await witnessOf()).toEqual([remembered(2, 30), remembered(3, 20)])
    expect((await readdir(join(dir, 'before-repair-1'))).sort()).toEqual(['db', 'high-water', 'journal', 'witness'])
  })
})

describe('on a terminal', () => {
  const damaged = async (): Promise<Nodes> => {
    const nodes = new Nodes()
    await nodes.node('1', alone)
    await cp(nodes.dir('1'), nodes.dir('copy'), { recursive: true })
    await loseBlocks(nodes.dir('1'), 31)
    return nodes
  }

  test('it is asked, and done on yes', async () => {
    const nodes = await damaged()
    for (const answer of ['no', '', 'n', 'yesterday']) {
      const { code, err } = await nodes.run('1', '--from copy', { answers: [answer] })
      expect([code, err, await nodes.outcome('1')]).toEqual([1, 'Do it? (yes/no)\n', 'refused'])
    }
    expect((await nodes.run('1', '--from copy', { answers: ['yes'] })).code).toBe(0)
    expect(await nodes.outcome('1')).toBe('whole')
  })

  test('a loss is accepted by the number of the last entry that stays', async () => {
    const nodes = await damaged()
    for (const answer of ['yes', '', '50']) {
      const { code, err } = await nodes.run('1', '--accept-loss', { answers: [answer] })
      expect([code, err]).toEqual([1, 'To give up what is listed, type the number of the last entry that stays (30):\n'])
    }
    expect((await nodes.run('1', '--accept-loss', { answers: ['30'] })).code).toBe(0)
    expect(await nodes.entries('1')).toEqual(entries(30).map(plain))
  })
})

describe('what was there before', () => {
  test('is kept, with its modes, and can be put back', async () => {
    const nodes = new Nodes()
    const dir = await nodes.node('1', alone)
    await closed(await LevelLog.open(dir))
    await loseBlocks(dir, 31)
    await nodes.run('1', '--accept-loss --after 30 --yes')
    const kept = join(dir, 'before-repair-1')
    expect((await readdir(kept)).sort()).toEqual(['db', 'high-water', 'journal'])
    const names = ['', 'db', 'high-water', 'journal']
    const modes = await Promise.all(names.map(async (name) => ((await stat(join(kept, name))).mode & 0o777).toString(8)))
    expect(modes).toEqual(['700', '700', '600', '600'])
    for (const name of names.slice(1)) {
      await rm(join(dir, name), { recursive: true })
      await cp(join(kept, name), join(dir, name), { recursive: true })
    }
    expect((await command(['log', 'show', dir])).out).toContain('\n# entries 31 to 40: missing\n   41 ')
  })
})

test('is one object with --json, and words on stderr', async () => {
  const nodes = new Nodes()
  await nodes.node('1')
  await nodes.node('2', { id: 2 })
  await loseBlocks(nodes.dir('1'), 11)
  const planned = await nodes.run('1', '--from 2 --json')
  expect(planned.err).toContain('Plan:\n')
  expect(JSON.parse(planned.out)).toMatchObject({
    ok: false,
    plan: { kind: 'fill', steps: [{ firstIndex: 11, lastIndex: 50, from: '2' }], lastKept: { term: 3, index: 50 } },
    done: false,
    outcome: { kind: 'repairs' },
  })
  const done = await nodes.run('1', '--from 2 --json --yes')
  expect(JSON.parse(done.out)).toMatchObject({ ok: true, done: true, backup: '1/before-repair-1', outcome: { kind: 'whole' } })
})

test('a directory that a process holds is left alone, and so are those of peers that run', async () => {
  const nodes = new Nodes()
  await nodes.node('1')
  await nodes.node('2', { id: 2 })
  await loseBlocks(nodes.dir('1'), 11)
  const running = await LevelLog.open(nodes.dir('2'))
  expect(await nodes.run('1', '--from 2 --yes')).toMatchObject({
    code: 2,
    err: expect.stringContaining('raftgen: another process holds 2 (pid '),
  })
  await closed(running)
  expect((await nodes.run('1', '--from 2 --yes')).code).toBe(0)
})

test.each([
  ['--after 5', '--after needs --accept-loss'],
  ['--accept-loss --after x', "--after: 'x' is not a whole number from 1"],
  ['--from none', 'there is no directory none'],
])('wrong use, exit code 2: %s', async (args, message) => {
  const nodes = new Nodes()
  await nodes.node('1', { count: 3 })
  const { code, out, err } = await nodes.run('1', args)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(`raftgen: ${message}`)
})

test('a database that was set aside is still what is shown of it', async () => {
  const nodes = new Nodes()
  await nodes.node('1')
  await rm(await databaseFile(nodes.dir('1'), /^MANIFEST/))
  await closed(await LevelLog.open(nodes.dir('1')))
  const { out } = await command(['log', 'verify', nodes.dir('1')])
  expect(out).toContain('db.damaged')
})
