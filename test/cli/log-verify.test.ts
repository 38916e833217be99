import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { LogBase } from '../../src/core/types.ts'
import { writeHalt } from '../../src/storage/halt-file.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { openSnapshotDir } from '../../src/storage/snapshot-dir.ts'
import { databaseFile, damages, flip, givenBack, loseBlocks, tree } from '../storage/damages.ts'
import { command, type Said } from './in-process.ts'
import { closed, confOf, node, noteMachine, snapshot } from './log-data.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A directory called `data/1` in what is said of it. */
async function stored(options: Parameters<typeof node>[1] = {}): Promise<string> {
  return await node(join(temporaryFolder(), '1'), options)
}
async function verify(dir: string, ...more: readonly string[]): Promise<Said> {
  const { code, out, err } = await command(['log', 'verify', dir, ...more])
  return { code, out: out.replaceAll(dir, 'data/1'), err: err.replaceAll(dir, 'data/1') }
}
const lastLine = ({ out }: Said): string | undefined => out.trimEnd().split('\n').at(-1)
const alone = { conf: confOf(1) }

describe('a directory that is whole', () => {
  test('is said to be, with what is where', async () => {
    const dir = await stored()
    await snapshot(dir, { term: 3, index: 20 })
    const { diskId } = await diskOf(dir)
    expect(await verify(dir)).toEqual({
      code: 0,
      err: '',
      out: `data/1: node 1 of cluster prod, incarnation 1, disk ${diskId}
machine     locks, version 1, wire format 21667bf3d654c9c5
members     voters 1, 2, 3
log         entries 1 to 50 of term 3
last write  term 3, vote for 1
high water  entry 50 of term 3, write 5
snapshots   entry 20 of term 3, 195.3 KiB
peers       no disk of theirs is known

data/1 is whole.
`,
    })
  })

  test('names the command that its last life died of, and is whole all the same', async () => {
    const dir = await stored()
    await writeHalt(dir, { index: 51, command: 'acquire', message: 'Maximum call stack size exceeded' })
    const { code, out } = await verify(dir)
    expect(code).toBe(0)
    expect(out).toContain('\nhalted      before entry 51, of which its last life died in acquire: Maximum call stack size exceeded\n')
  })

  test('is not, where that cannot be told', async () => {
    const dir = await stored()
    await writeFile(join(dir, 'halted.json'), 'null', { mode: 0o600 })
    const said = await verify(dir)
    expect(said.code).toBe(1)
    expect(said.out).toContain(
      '  data/1/halted.json: it does not name a command\n    -> Remove it: the node then tries again what it died of, and notes it anew where it still does.\n',
    )
    expect(lastLine(said)).toContain('data/1 will be refused at the next start: ')
  })

  test('is one object with --json', async () => {
    const { code, out } = await verify(await stored(), '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      dir: 'data/1',
      identity: { clusterId: 'prod', nodeId: 1, incarnation: 1 },
      machine: { name: 'locks', version: 1 },
      log: { base: { term: 0, index: 0 }, firstIndex: 1, lastIndex: 50, terms: [{ term: 3, firstIndex: 1 }], islands: [] },
      highWater: { term: 3, index: 50, writes: 5 },
      findings: [],
      outcome: { kind: 'whole', sentence: 'data/1 is whole.' },
    })
  })

  test('is, when it was compacted: what comes before is in a snapshot', async () => {
    const dir = await stored()
    await snapshot(dir, { term: 3, index: 25 })
    const log = await LevelLog.open(dir)
    await new Promise((resolve) => log.compact({ id: { term: 3, index: 25 }, conf: confOf(1, 2, 3) }, resolve))
    await closed(log)
    const said = await verify(dir)
    expect(said.code).toBe(0)
    expect(said.out).toContain('log         entries 26 to 50 of term 3, after the snapshot of entry 25 of term 3\n')
  })

  test('is, when its node has not begun yet', async () => {
    const dir = join(temporaryFolder(), '1')
    const conf = { ...confOf(1, 2), voters: [] }
    await LevelLog.bootstrap({ dir, identity: { clusterId: 'prod', nodeId: 4, incarnation: 1 }, conf })
    const said = await verify(dir)
    expect([said.code, lastLine(said)]).toEqual([0, 'data/1 is whole: a node that is about to join, and gets everything from the others.'])
  })
})

/** Read by a server beside its log. */
const besideLog = ['machine.json is cut', 'peers.json is not JSON']

describe('never changes a byte, finds what is wrong, and what its node does at its start', () => {
  test.each(Object.entries(damages))('when %s', async (name, damage) => {
    const isWhole = givenBack.includes(name)
    for (const conf of [confOf(1, 2, 3), confOf(1)]) {
      const dir = await stored({ conf })
      await snapshot(dir, { term: 3, index: 20 }, conf)
      await damage(dir)
      const before = tree(dir)
      const said = await verify(dir)
      const { outcome } = JSON.parse((await verify(dir, '--json')).out)
      expect(tree(dir)).toEqual(before)
      expect([said.code, said.err]).toEqual([isWhole ? 0 : 1, ''])
      expect(said.out).toMatch(isWhole ? /data\/1 is whole\.\n$/ : /\n\d findings?:\n {2}.+\n {4}-> .+\n(?:.+\n)*\ndata\/1 .+\.\n$/)
      expect(lastLine(said)).toBe(outcome.sentence)
      if (!besideLog.includes(name)) await expectStart(dir, outcome)
    }
  })
})

async function expectStart(dir: string, outcome: { readonly kind: string; readonly sentence: string }): Promise<void> {
  const opened = await LevelLog.open(dir, { snapshotBase: () => newestBase(dir) }).catch((error: Error) => error)
  if (opened instanceof Error) {
    expect(outcome.kind).toBe('refused')
    const message = opened.message.replaceAll(`${dir}: `, '').replaceAll(dir, 'data/1').replace(/\.$/, '')
    return expect(outcome.sentence).toContain(message)
  }
  const { fence, lastIndex } = opened.summary
  await closed(opened)
  expect(fence === undefined ? ['whole', 'mends'] : ['repairs']).toContain(outcome.kind)
  if (fence?.floor === undefined) return
  const end = lastIndex === 0 ? 'with an empty log' : `with its log up to entry ${lastIndex}`
  expect(outcome.sentence).toContain(`${end} and fetches entries ${lastIndex + 1} to 50`)
}

describe('what becomes of it', () => {
  test.each(besideLog)('when %s', async (name) => {
    const dir = await stored()
    await damages[name]?.(dir)
    expect(lastLine(await verify(dir))).toMatch(
      /^data\/1 will be refused at the next start: data\/1\/(?:machine|peers)\.json: it is not JSON\. /,
    )
  })

  test('a hole, with the entries concerned and the way out', async () => {
    const dir = await stored()
    await loseBlocks(dir, 11, 31)
    const said = await verify(dir)
    expect(said.code).toBe(1)
    expect(said.out).toContain(`
log         entries 1 to 10 of term 3
            behind a hole: entries 21 to 30
            behind a hole: entries 41 to 50
last write  term 3, vote for 1
high water  entry 50 of term 3, write 5
lacks       entries 11 to 50
`)
    expect(said.out).toContain(`
1 finding:
  entries 11 to 20 are missing
    -> Start the node: its peers give it back.

data/1 will be repaired from its peers at the next start: node 1 opens with its log up to entry 10 and fetches entries 11 to 50; until then it does not lead, and votes for no node that has less than it had.
`)
  })

  test('a hole in the log of the only member', async () => {
    const dir = await stored(alone)
    await loseBlocks(dir, 11)
    const said = await verify(dir)
    expect(said.out).toContain('    -> Run `raftgen log repair data/1`: it says what can be done.\n')
    expect(lastLine(said)).toBe(
      'data/1 will be refused at the next start: entries 11 to 20 are missing. No other member has a copy to repair it from: keep the directory, and restore a backup of it.',
    )
  })

  test('a log that was opened since it was damaged, and still lacks what it had', async () => {
    const dir = await stored()
    await loseBlocks(dir, 11)
    await closed(await LevelLog.open(dir))
    const said = await verify(dir)
    expect(said.code).toBe(1)
    expect(said.out).toContain('behind a hole: entries 21 to 50\n')
    expect(said.out).toContain('  entries 11 to 50 were lost before, and not given back yet\n')
    expect(lastLine(said)).toMatch(/^data\/1 will be repaired from its peers at the next start: .* fetches entries 11 to 50;/)
  })

  test('a log that begins after a snapshot which is gone', async () => {
    for (const [conf, sentence] of [
      [
        confOf(1, 2, 3),
        /^data\/1 will be repaired from its peers at the next start: node 1 opens with its log up to entry 50 and fetches a snapshot\.$/,
      ],
      [confOf(1), /^data\/1 will be refused at the next start: the log begins after entry 25, and no snapshot is left/],
    ] as const) {
      const dir = await stored({ conf })
      const log = await LevelLog.open(dir)
      await new Promise((resolve) => log.compact({ id: { term: 3, index: 25 }, conf }, resolve))
      await closed(log)
      expect(lastLine(await verify(dir))).toMatch(sentence)
    }
  })

  test('a directory mixed from two nodes', async () => {
    const dir = await stored()
    const other = await stored({ id: 2 })
    await cp(join(other, 'identity.json'), join(dir, 'identity.json'))
    expect(lastLine(await verify(dir))).toMatch(/^data\/1 will be refused at the next start: data\/1 is mixed from two nodes/)
  })

  test('the high water of another node', async () => {
    const dir = await stored()
    const other = await stored({ id: 2 })
    await cp(join(other, 'high-water'), join(dir, 'high-water'))
    expect(lastLine(await verify(dir))).toMatch(/^data\/1 will be refused at the next start: data\/1\/high-water is of node 2/)
  })

  test('a slot of the high water that cannot be read, and nothing else: the journal has the newer one, of the older one nobody knows which it was', async () => {
    const said = await Promise.all(
      [0, 1].map(async (slot) => {
        const dir = await stored()
        await flip(join(dir, 'high-water'), slot * 4_096 + 20)
        return (await verify(dir)).out
      }),
    )
    const [older = '', newer = ''] = said.sort((a, b) => b.length - a.length)
    expect(newer.trimEnd().split('\n').at(-1)).toBe('data/1 is whole.')
    expect(older).toMatch(/ {2}slot [12] of data\/1\/high-water cannot be read\n {4}-> Start the node: /)
    expect(older.trimEnd().split('\n').at(-1)).toBe(
      'data/1 will be repaired from its peers at the next start: node 1 opens with its log up to entry 50 and asks all the others what they hold, ' +
        'for nothing tells what it held after that; until all have answered it neither leads nor votes.',
    )
  })

  test('a hole before the newest snapshot, when that is beyond all that was promised', async () => {
    for (const conf of [confOf(1, 2, 3), confOf(1)]) {
      const dir = await stored({ conf })
      await snapshot(dir, { term: 3, index: 50 }, conf)
      await loseBlocks(dir, 11)
      const said = await verify(dir)
      expect(said.out).toContain('  entries 11 to 20 are missing\n    -> Start the node: it begins anew after a snapshot of its own.\n')
      expect(lastLine(said)).toBe('data/1 will be mended by itself at the next start.')
    }
  })
})

test('a directory of a format without a high water is whole without one', async () => {
  const dir = await stored({ clusterId: 'alpha' })
  await rm(join(dir, 'high-water'))
  await writeFile(join(dir, 'identity.json'), '{"format":1,"clusterId":"alpha","nodeId":1,"incarnation":1,"checksum":"0c56ad8f"}', {
    mode: 0o600,
  })
  const said = await verify(dir)
  expect([said.code, lastLine(said)]).toEqual([0, 'data/1 is whole.'])
})

describe('modes', () => {
  test('what others may look into is named, and what to do', async () => {
    const dir = await stored()
    await chmod(dir, 0o755)
    await chmod(join(dir, 'high-water'), 0o640)
    const said = await verify(dir)
    expect(said.code).toBe(1)
    expect(said.out).toContain('  data/1 is open to other users (mode 755)\n    -> chmod 700 data/1\n')
    expect(said.out).toContain('  data/1/high-water is open to other users (mode 640)\n    -> chmod 600 data/1/high-water\n')
    expect(lastLine(said)).toBe('data/1 is whole.')
  })
})

describe('what cannot be looked at is refused, exit code 2', () => {
  test('a directory that a process holds', async () => {
    const dir = await stored()
    const log = await LevelLog.open(dir)
    const before = tree(dir)
    const said = await verify(dir)
    expect(said).toEqual({
      code: 2,
      out: '',
      err: `raftgen: another process holds data/1 (pid ${process.pid})
  STORAGE_LOCKED. Stop the node first. To have it down for less time, copy the directory while it is stopped, and look at the copy.
`,
    })
    expect(tree(dir)).toEqual(before)
    await closed(log)
    expect((await verify(dir)).code).toBe(0)
  })

  test('what is no data directory', async () => {
    const folder = temporaryFolder()
    await mkdir(join(folder, 'empty'))
    await mkdir(join(folder, 'other'))
    await writeFile(join(folder, 'other/notes.txt'), 'mine')
    const told = async (name: string): Promise<string> => {
      const { code, err } = await command(['log', 'verify', join(folder, name)])
      expect(code).toBe(2)
      return err.replaceAll(`${folder}/`, '')
    }
    expect(await told('none')).toBe(
      'raftgen: there is no directory none\n  Name the data directory of a node: the one that it is started with.\n',
    )
    expect(await told('other/notes.txt')).toMatch(/^raftgen: other\/notes.txt is not a directory\n/)
    expect(await told('empty')).toMatch(/^raftgen: empty holds no node\. /)
    expect(await told('other')).toMatch(
      /^raftgen: other is not a data directory of raftgen: it holds notes.txt and no identity.json\. Correct the path\n/,
    )
  })

  test('a directory of a newer format', async () => {
    const dir = await stored()
    await writeFile(join(dir, 'identity.json'), '{"format":99}')
    const said = await verify(dir)
    expect([said.code, said.err]).toEqual([2, expect.stringMatching(/^raftgen: data\/1 has format 99, this version reads up to \d/)])
  })
})

test('a copy is as good as the original, whatever process its pid file names', async () => {
  const dir = await stored()
  const log = await LevelLog.open(dir)
  await cp(join(dir, 'pid'), join(dir, '../pid'))
  await closed(log)
  const copy = `${dir}-copy`
  await cp(dir, copy, { recursive: true })
  // A process that lives, and holds nothing of this.
  await writeFile(join(copy, 'pid'), `${process.ppid}\n`)
  expect((await verify(copy)).code).toBe(0)
})

test('what was kept when it was found damaged is listed', async () => {
  const dir = await stored()
  await rm(await databaseFile(dir, /^MANIFEST/))
  await closed(await LevelLog.open(dir, { isAlone: false }))
  expect((await verify(dir)).out).toMatch(/\nput aside {3}data\/1\/db\.damaged, [\d.]+ KiB\n/)
})

test('a directory on which no machine has run yet says so', async () => {
  const dir = await stored()
  await rm(join(dir, 'machine.json'))
  expect((await verify(dir)).out).toContain('\nmachine     none has run on it yet\n')
  await noteMachine(dir, { name: 'other', version: 7, wire: 'abc' })
  expect((await verify(dir)).out).toContain('\nmachine     other, version 7, wire format abc\n')
})

async function newestBase(dir: string): Promise<LogBase | undefined> {
  const snapshots = await openSnapshotDir(dir)
  const [newest] = snapshots.list
  await closed(snapshots)
  return newest && { id: newest.id, conf: newest.conf }
}

async function diskOf(dir: string): Promise<{ readonly diskId: string }> {
  const { identity } = JSON.parse((await verify(dir, '--json')).out)
  return identity
}
