// The commands as processes: what they leave behind when they are interrupted, or when nobody reads on.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { built, builtMain } from './built.ts'
import { locksSchema, node } from './log-data.ts'
import { raftgen } from './raftgen.ts'
import { temporaryFolder } from './temporary-folder.ts'

beforeAll(built, 180_000)

async function prepared(count: number): Promise<{ readonly folder: string; readonly scratch: string }> {
  const folder = temporaryFolder()
  const scratch = join(folder, 'tmp')
  mkdirSync(scratch)
  await node(join(folder, '1'), { count, batch: 100 })
  return { folder, scratch }
}

test('verify, show and repair leave nothing behind, and say the same as in this process', async () => {
  const { folder, scratch } = await prepared(20)
  const env = { TMPDIR: scratch }
  expect(await raftgen(folder, ['log', 'verify', '1'], env)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/\n1 is whole\.\n$/),
    err: '',
  })
  expect(await raftgen(folder, ['log', 'repair', '1/'], env)).toEqual({
    code: 0,
    out: '1 is whole: there is nothing to repair.\n',
    err: '',
  })
  const { out } = await raftgen(folder, ['log', 'show', '1', '--schema', locksSchema, '--last', '1'], env)
  expect(out).toMatch(/\n +20 .* acquire \{ name: "orders\/20", owner: "ann", ttlMs: 30000 \}\n$/)
  expect(readdirSync(scratch)).toEqual([])
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it, and nothing is left behind', async (signal) => {
  const { folder, scratch } = await prepared(20)
  // Nobody ever writes to it: whoever reads it is there until he is told to end.
  execFileSync('mkfifo', [join(folder, '1/snapshots/snapshot-5-3')])
  const child = spawn(process.execPath, [builtMain, 'log', 'verify', '1'], {
    cwd: folder,
    env: { ...process.env, TMPDIR: scratch },
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  await expect.poll(() => readdirSync(scratch, { recursive: true }).length, { timeout: 10_000 }).toBeGreaterThan(4)
  child.kill(signal)
  expect(await ended).toEqual([null, signal])
  expect(readdirSync(scratch)).toEqual([])
})

test('who has seen enough of a long log ends it', async () => {
  const { folder, scratch } = await prepared(20_000)
  const child = spawn(process.execPath, [builtMain, 'log', 'show', '1', '--json'], {
    cwd: folder,
    env: { ...process.env, TMPDIR: scratch },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  child.stdout.destroy()
  expect(await ended).toEqual([0, null])
  expect(readdirSync(scratch)).toEqual([])
})

test.each(['log', 'log verify', 'log show', 'log repair'])('raftgen %s --help has examples and exit codes', async (words) => {
  const { code, out } = await raftgen(temporaryFolder(), [...words.split(' '), '--help'])
  expect(code).toBe(0)
  expect(out).toMatch(/\nExamples:\n {2}raftgen log /)
  expect(out).toContain('\nExit codes:\n  0  all is well')
})
