// A repair that is cut off leaves what was there before, or what it has come to; and whoever repairs again comes to the same.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { LevelLog } from '../../src/storage/level-log.ts'
import { loseBlocks } from '../storage/damages.ts'
import { read } from '../storage/support.ts'
import { built, builtMain } from './built.ts'
import { command } from './in-process.ts'
import { closed, confOf, node, snapshot } from './log-data.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Of the only member: what is not whole is refused at its start, and left as it is. */
interface Repair {
  readonly damage: (dir: string) => Promise<void>
  readonly args: (folder: string) => readonly string[]
  readonly indexes: readonly [number, number]
}
const repairs: Readonly<Record<string, Repair>> = {
  'from a copy': { damage: (dir) => loseBlocks(dir, 11), args: (folder) => ['--from', join(folder, 'copy'), '--yes'], indexes: [1, 50] },
  'of its end, from a copy': {
    damage: (dir) => loseBlocks(dir, 41),
    args: (folder) => ['--from', join(folder, 'copy'), '--yes'],
    indexes: [1, 50],
  },
  'from its own snapshot': { damage: (dir) => loseBlocks(dir, 11, 21), args: () => ['--yes'], indexes: [36, 50] },
  'by giving up': {
    damage: (dir) => loseBlocks(dir, 31, 41),
    args: () => ['--accept-loss', '--after', '35', '--yes'],
    indexes: [36, 35],
  },
}

/** `damaged`, `repaired`, and a whole `copy` of what they were. */
async function prepared({ damage, args }: Repair): Promise<string> {
  const folder = temporaryFolder()
  const at = (name: string): string => join(folder, name)
  await node(at('copy'), { conf: confOf(1) })
  await snapshot(at('copy'), { term: 3, index: 35 }, confOf(1))
  await cp(at('copy'), at('damaged'), { recursive: true })
  await damage(at('damaged'))
  await cp(at('damaged'), at('repaired'), { recursive: true })
  const { code, out } = await command(['log', 'repair', at('repaired'), ...args(folder)])
  expect([code, out]).toEqual([0, expect.stringContaining('is whole.\n')])
  return folder
}

async function verified(dir: string): Promise<{ readonly outcome: { readonly kind: string } }> {
  return JSON.parse((await command(['log', 'verify', dir, '--json'])).out)
}

async function indexesOf(dir: string): Promise<readonly [number, number]> {
  const log = await LevelLog.open(dir)
  const { firstIndex, latestLogIndex } = log
  expect(await read(log, firstIndex, latestLogIndex)).toHaveLength(latestLogIndex - firstIndex + 1)
  await closed(log)
  return [firstIndex, latestLogIndex]
}

/** What `repairing` holds when it is ready. */
async function ready(dir: string, repaired: string): Promise<void> {
  await mkdir(join(dir, 'repairing'))
  for (const name of ['db', 'high-water', 'journal']) await cp(join(repaired, name), join(dir, 'repairing', name), { recursive: true })
  await writeFile(join(dir, 'repairing/ready'), 'before-repair-1')
}

const steps: readonly ((dir: string) => Promise<void>)[] = [
  async (dir) => {
    await mkdir(join(dir, 'before-repair-1'))
    for (const name of ['high-water', 'journal']) await cp(join(dir, name), join(dir, 'before-repair-1', name))
  },
  (dir) => rename(join(dir, 'db'), join(dir, 'before-repair-1/db')),
  (dir) => rename(join(dir, 'repairing/db'), join(dir, 'db')),
  (dir) => rename(join(dir, 'repairing/high-water'), join(dir, 'high-water')),
  (dir) => rename(join(dir, 'repairing/journal'), join(dir, 'journal')),
]

describe.each(Object.entries(repairs))('a repair %s', (_, repair) => {
  test('that is cut off at any step', async () => {
    const folder = await prepared(repair)
    for (let done = 0; done <= steps.length; done++) {
      const dir = join(folder, `after-${done}`)
      await cp(join(folder, 'damaged'), dir, { recursive: true })
      await ready(dir, join(folder, 'repaired'))
      for (const step of steps.slice(0, done)) await step(dir)

      const before = await verified(dir)
      const started = await indexesOf(dir).catch((error: Error) => error)
      if (started instanceof Error) {
        expect(started.message, `${done} steps`).toContain('No other member has a copy to repair it from')
        expect(await verified(dir)).toEqual(before)
      } else expect(started, `${done} steps`).toEqual(repair.indexes)

      const { code, out } = await command(['log', 'repair', dir, ...repair.args(folder)])
      expect([code, out], `${done} steps`).toEqual([0, expect.stringMatching(/is whole(?:: there is nothing to repair)?\.\n$/)])
      expect(await indexesOf(dir)).toEqual(repair.indexes)
    }
  })
})

test('a repair that was cut off between the two databases is a plan of its own', async () => {
  const repair = repairs['from a copy']
  if (repair === undefined) throw new Error('no such repair')
  const folder = await prepared(repair)
  const dir = join(folder, 'damaged')
  await ready(dir, join(folder, 'repaired'))
  for (const step of steps.slice(0, 2)) await step(dir)
  const { code, out, err } = await command(['log', 'repair', dir])
  expect(code).toBe(1)
  expect(out.replaceAll(dir, 'data/1')).toBe(`its database is missing
entries 1 to 50 are missing: the end of the log is lost
A repair of data/1 was cut off: its result is in data/1/repairing, and nothing is in its place yet.
Plan:
  put it there
`)
  expect(err.replaceAll(dir, 'data/1')).toBe('To do it: raftgen log repair data/1 --yes\n')
  expect((await command(['log', 'repair', dir, '--yes'])).out).toContain(`is kept in ${dir}/before-repair-1:`)
  expect(await indexesOf(dir)).toEqual([1, 50])
  expect(existsSync(join(dir, 'before-repair-1/db'))).toBe(true)
})

describe('a repair whose process is killed', () => {
  beforeAll(built, 180_000)

  test('at any time, from its beginning to its end', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder()
    const copy = join(folder, 'copy')
    await node(copy, { conf: confOf(1), count: 2_000, batch: 40 })
    await cp(copy, join(folder, 'damaged'), { recursive: true })
    await loseBlocks(join(folder, 'damaged'), 81, 401)

    /** How long after its first trace it ended. */
    const repaired = async (dir: string, killedAfterMs: number): Promise<number> => {
      await cp(join(folder, 'damaged'), dir, { recursive: true })
      const child = spawn(process.execPath, [builtMain, 'log', 'repair', dir, '--from', copy, '--yes'], { stdio: 'ignore' })
      const ended = once(child, 'exit')
      await Promise.race([ended, there(join(dir, 'repairing'))])
      const begun = performance.now()
      const timer = setTimeout(() => child.kill('SIGKILL'), killedAfterMs)
      await ended
      clearTimeout(timer)
      return performance.now() - begun
    }
    const unharmed = join(folder, 'unharmed')
    const wholeMs = await repaired(unharmed, 60_000)
    expect((await verified(unharmed)).outcome.kind).toBe('whole')

    const kinds: string[] = []
    for (let tenth = 0; tenth <= 12; tenth += 2) {
      const dir = join(folder, `killed-${tenth}`)
      await repaired(dir, (wholeMs * tenth) / 10)
      const { outcome } = await verified(dir)
      kinds.push(outcome.kind)
      if (outcome.kind !== 'whole') expect((await command(['log', 'repair', dir, '--from', copy, '--yes'])).code).toBe(0)
      expect(await indexesOf(dir)).toEqual([1, 2_000])
      await rm(dir, { recursive: true })
    }
    // Killed at its first trace, nothing is in its place yet. How far the others come is the machine's pace, one way or the other.
    expect(kinds[0]).toBe('refused')
    expect(['refused', 'whole']).toEqual(expect.arrayContaining(kinds))
  })
})

async function there(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 1))
}
