// What `raftgen log repair` makes of a directory is a node again.
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { command } from '../cli/in-process.ts'
import { databaseFile, flip, loseRecords } from '../storage/damages.ts'
import { bytes, Servers, string } from './servers.ts'

let servers: Servers
afterEach(async () => await servers.dispose())

const numbers = (last: number): readonly string[] => Array.from({ length: last }, (_, i) => String(i + 1))

async function damage(dir: string): Promise<void> {
  const path = await databaseFile(dir, /\.log$/)
  await flip(path, 200)
  await loseRecords(dir)
  expect((await command(['log', 'verify', dir])).code).toBe(1)
}

test('a member that is repaired from another one counts, although that one is gone', { timeout: 30_000 }, async () => {
  servers = await Servers.start(3)
  const client = await servers.connect()
  await servers.stop(2)
  for (const number of numbers(100)) await client.propose(bytes(number))
  await servers.stop(3)
  await servers.stop(1)
  await damage(servers.dir(3))
  expect((await command(['log', 'repair', servers.dir(3), '--from', servers.dir(1), '--yes'])).code).toBe(0)

  // 2 has missed all of it: 3 alone has what was acknowledged.
  await servers.run(2)
  await servers.run(3)
  await client.propose(bytes('last'))
  expect(string((await client.query(bytes(''))).reply).split(',')).toEqual([...numbers(100), 'last'])
})

test('the only member goes on with what it has, once the loss of the rest is accepted', { timeout: 30_000 }, async () => {
  servers = await Servers.start(1)
  const client = await servers.connect()
  for (const number of numbers(100)) await client.propose(bytes(number))
  await servers.stop(1)
  await damage(servers.dir(1))
  await expect(servers.run(1)).rejects.toThrow('No other member has a copy to repair it from')
  const plan = JSON.parse((await command(['log', 'repair', servers.dir(1), '--accept-loss', '--json'])).out).plan
  expect(plan).toMatchObject({ kind: 'loss', lost: { firstIndex: plan.lastKept.index + 1 } })
  const args = ['--accept-loss', '--after', String(plan.lastKept.index), '--yes']
  expect((await command(['log', 'repair', servers.dir(1), ...args])).code).toBe(0)

  await servers.run(1)
  const again = await servers.connect()
  await again.propose(bytes('last'))
  const lines = string((await again.query(bytes(''))).reply)
    .split(',')
    .filter((line) => line !== '')
  expect(lines).toEqual([...numbers(lines.length - 1), 'last'])
  await servers.stop(1)
  expect((await command(['log', 'verify', join(servers.dir(1))])).code).toBe(0)
})

test('a cluster goes on without what all its members have lost, once each of them has given it up', { timeout: 60_000 }, async () => {
  servers = await Servers.start(3)
  const client = await servers.connect()
  for (const number of numbers(100)) await client.propose(bytes(number))
  // The leader last: no later term excuses what its followers have acknowledged to it.
  const leader = await servers.leader()
  for (const server of [...servers.running.filter((one) => one !== leader), leader]) await server.close({ handOver: false })
  for (const id of [1, 2, 3]) await servers.stop(id)
  const kept = new Map<number, number>()
  for (const id of [1, 2, 3]) {
    const dir = servers.dir(id)
    await damage(dir)
    const { plan } = JSON.parse((await command(['log', 'repair', dir, '--accept-loss', '--json'])).out)
    expect(plan).toMatchObject({ kind: 'loss' })
    kept.set(id, plan.lastKept.index)
    expect((await command(['log', 'repair', dir, '--accept-loss', '--after', String(plan.lastKept.index), '--yes'])).code).toBe(0)
  }
  for (const id of [1, 2, 3]) await servers.run(id)
  const again = await servers.connect()
  await again.propose(bytes('last'))
  const lines = string((await again.query(bytes(''))).reply)
    .split(',')
    .filter((line) => line !== '')
  expect(lines).toEqual([...numbers(lines.length - 1), 'last'])
  // What its first writes held decides how much of each is left. Who kept more than another remembers, and is right, that the other had it.
  const most = Math.max(...kept.values())
  const whole = [...kept].flatMap(([id, index]) => (index === most ? [id] : []))
  expect(servers.warnings.filter((warning) => whole.some((id) => warning.startsWith(`node ${id} has forgotten`)))).toEqual([])
})
