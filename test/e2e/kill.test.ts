import { afterEach, expect, test } from 'vitest'
import { BenchKvClient } from '../bench/kv/generated/index.ts'
import { Processes } from './processes.ts'

let processes: Processes | undefined
afterEach(async () => {
  await processes?.dispose()
  processes = undefined
})

const value = (i: number) => new Uint8Array([i >> 8, i & 255])

test('kill -9 of the leader under load loses nothing, applies nothing twice, and the replicas end up identical', async () => {
  processes = await Processes.start(3)
  const client = await BenchKvClient.connect({ servers: processes.servers.addresses, timeoutMs: 20_000 })
  const leader = await processes.leader()
  let acknowledged = 0
  const calls = Array.from({ length: 3_000 }, async (_, i) => {
    await client.put({ key: `k${i}`, value: value(i) })
    acknowledged += 1
  })
  while (acknowledged < 300) await Promise.race(calls.slice(acknowledged))
  await processes.kill(leader)
  await Promise.all(calls)
  expect(acknowledged).toBe(3_000)
  processes.run(leader)
  const found = await Promise.all(Array.from({ length: 3_000 }, (_, i) => client.get({ key: `k${i}` })))
  expect(found.map((bytes) => bytes && [...bytes])).toEqual(found.map((_, i) => [...value(i)]))
  await processes.sharedDigest()
  await client.close()
}, 60_000)

test('200 commands that were acknowledged are there after kill -9 of every node at once', async () => {
  processes = await Processes.start(3)
  const { addresses, members } = processes.servers
  const client = await BenchKvClient.connect({ servers: addresses, timeoutMs: 20_000 })
  await Promise.all(Array.from({ length: 200 }, (_, i) => client.put({ key: `k${i}`, value: value(i) })))
  await Promise.all(members.map(({ id }) => processes?.kill(id)))
  for (const { id } of members) processes.run(id)
  const found = await Promise.all(Array.from({ length: 200 }, (_, i) => client.get({ key: `k${i}` })))
  expect(found.map((bytes) => bytes && [...bytes])).toEqual(found.map((_, i) => [...value(i)]))
  await processes.sharedDigest()
  await client.close()
}, 60_000)

test('a single node comes back after kill -9 with everything it acknowledged', async () => {
  processes = await Processes.start(1)
  const client = await BenchKvClient.connect({ servers: processes.servers.addresses, timeoutMs: 20_000 })
  await Promise.all(Array.from({ length: 500 }, (_, i) => client.put({ key: `k${i}`, value: value(i) })))
  await processes.kill(1)
  processes.run(1)
  const found = await Promise.all(Array.from({ length: 500 }, (_, i) => client.get({ key: `k${i}` })))
  expect(found.map((bytes) => bytes && [...bytes])).toEqual(found.map((_, i) => [...value(i)]))
  await client.close()
}, 60_000)
