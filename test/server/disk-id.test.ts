// A voter whose disk was lost, and that is bootstrapped again under the same identity, must not vote as the one it was.
import { rm } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import type { PeerDisk } from '../../src/ports/peer-disks.ts'
import { Server } from '../../src/server/index.ts'
import { PeersFile } from '../../src/storage/index.ts'
import { bytes, eventually, Servers, string } from './servers.ts'

let servers: Servers
afterEach(async () => await servers.dispose())

const hasAnotherDisk =
  'node 2 (incarnation 1) has another disk than the one it was known with: it was bootstrapped again or its directory was replaced. ' +
  'It must not vote as the one it was: remove its directory and start it with `join`'

const disksKnownTo = async (id: number): Promise<readonly PeerDisk[]> =>
  (await PeersFile.open(servers.dir(id))).stored.toSorted((a, b) => a.id - b.id)

/** Cluster of three, of which the third has missed the last 100 commands, and the second has lost its disk. Nobody runs. */
async function secondBootstrappedAgain(): Promise<void> {
  servers = await Servers.start(3)
  const client = await servers.connect()
  await client.propose(bytes('first'))
  await eventually('node 3 to have met the others', async () => (await disksKnownTo(3)).length === 2 || undefined)
  await servers.stop(3)
  for (let i = 1; i <= 100; i++) await client.propose(bytes(String(i)))
  await servers.stop(2)
  await rm(servers.dir(2), { recursive: true })
  await Server.bootstrap({ dir: servers.dir(2), id: 2, clusterId: 'test', members: servers.members })
  await servers.stop(1)
}

test('a voter that was wiped and bootstrapped again elects nobody, says so and stops; nothing acknowledged is lost; it comes back with join', async () => {
  await secondBootstrappedAgain()
  const three = await servers.run(3)
  const two = await Server.run(servers.options(2))
  let why: unknown
  two.closed.catch((error: unknown) => {
    why = error
  })
  await eventually('end of node 2', () => why)
  expect(why).toMatchObject({ code: 'DATA_DIR_FOREIGN', message: `node 3 refuses this node: ${hasAnotherDisk}` })
  expect(three.status()).toMatchObject({ leader: undefined })
  expect(servers.warnings).toContain(`node 2 stops: node 3 refuses this node: ${hasAnotherDisk}`)
  expect(servers.warnings.filter((warning) => warning.startsWith('refused ') && warning.endsWith(hasAnotherDisk))).not.toEqual([])

  await servers.run(1)
  const client = await servers.connect()
  const { reply } = await client.query(bytes(''))
  expect(string(reply).split(',')).toEqual(['first', ...Array.from({ length: 100 }, (_, i) => String(i + 1))])

  await rm(servers.dir(2), { recursive: true })
  const again = await servers.run(2, { id: 2, join: servers.addresses })
  expect(again.identity.incarnation).toBe(2)
  await eventually('vote of node 2', () => again.status().conf.voters.includes(2) || undefined)
}, 30_000)

test('each node remembers the disks of its peers in its directory, and goes on with them after a restart of all', async () => {
  servers = await Servers.start(3)
  await servers.leader()
  const ids = new Map(servers.running.map(({ identity }) => [identity.nodeId, identity.diskId]))
  const others = (id: number) =>
    [1, 2, 3].filter((other) => other !== id).map((other) => ({ id: other, incarnation: 1, diskId: ids.get(other) }))
  for (const id of [1, 2, 3]) {
    await eventually(`memory of node ${id}`, async () => (await disksKnownTo(id)).length === 2 || undefined)
    expect(await disksKnownTo(id)).toEqual(others(id))
  }
  for (const id of [1, 2, 3]) await servers.stop(id)
  await Promise.all([1, 2, 3].map((id) => servers.run(id)))
  await servers.leader()
  expect(servers.running.map(({ identity }) => identity.diskId).toSorted()).toEqual([...ids.values()].toSorted())
})
