// A leader whose log does not finish a write, in real servers: the log is one that can be stopped.
import { afterEach, expect, test } from 'vitest'
import type { Persist } from '../../src/core/index.ts'
import type { Done } from '../../src/ports/log.ts'
import { LevelLog } from '../../src/server/index.ts'
import { openSnapshotDir } from '../../src/storage/index.ts'
import { bytes, eventually, Servers, string } from './servers.ts'

let servers: Servers
afterEach(async () => await servers.dispose())

interface Hanging {
  readonly log: LevelLog
  /** From now on no write begins. */
  hang(): void
  /** Those that were asked for begin. */
  goOn(): void
}

/** The log of node `id`, whose writes can be held up. */
async function hanging(id: number): Promise<Hanging> {
  const log = await LevelLog.open(servers.dir(id), {})
  const append = log.appendEntries.bind(log)
  let isHung = false
  const held: (() => void)[] = []
  log.appendEntries = (write: Persist, done: Done) => {
    if (isHung) held.push(() => append(write, done))
    else append(write, done)
  }
  return {
    log,
    hang: () => {
      isHung = true
    },
    goOn: () => {
      isHung = false
      for (const begin of held.splice(0)) begin()
    },
  }
}

test('its clients are answered by the next leader, each command once, and nothing is lost when the write comes back', async () => {
  servers = await Servers.bootstrap(3)
  const disks = new Map<number, Hanging>()
  await Promise.all(
    servers.members.map(async ({ id }) => {
      const disk = await hanging(id)
      disks.set(id, disk)
      const { log } = disk
      await servers.runOn(id, { log, identity: log.identity, snapshots: await openSnapshotDir(servers.dir(id)) })
    }),
  )
  const client = await servers.connect()
  await client.propose(bytes('first'))
  const leader = await servers.leader()
  const { nodeId } = leader.identity
  const since = performance.now()
  await eventually('it to have led for ten election timeouts', () => (performance.now() - since > 3_000 ? true : undefined))
  disks.get(nodeId)?.hang()

  const replies = await Promise.all(['a', 'b', 'c'].map(async (line) => await client.propose(bytes(line))))
  expect(replies.map(({ reply }) => string(reply))).toEqual(['2', '3', '4'])
  const next = await servers.leader()
  expect(next.identity.nodeId).not.toBe(nodeId)
  expect(leader.status().disk.hungMs).toBeGreaterThan(300)
  expect(servers.warnings).toContainEqual(
    expect.stringMatching(/^the disk of node \d has not finished a write for \d\.\d s: handing over$/),
  )

  disks.get(nodeId)?.goOn()
  await eventually('the write to be done', () => (leader.status().disk.hungMs === undefined ? true : undefined))
  await client.propose(bytes('last'))
  const { commitIndex } = next.status()
  await eventually('all to be whole', () => servers.running.every((one) => one.status().lastApplied >= commitIndex) || undefined)
  const digests = servers.running.map((one) => one.status({ digest: true }).digest)
  expect(new Set(digests).size).toBe(1)
  expect(string((await client.query(bytes(''))).reply)).toBe('first,a,b,c,last')
  expect(servers.warnings.some((warning) => /has finished a write after \d\.\d s$/.test(warning))).toBe(true)
})
