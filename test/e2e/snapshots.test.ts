import { afterEach, expect, test } from 'vitest'
import { BenchKvClient } from '../bench/kv/generated/index.ts'
import { Processes } from './processes.ts'

let processes: Processes | undefined
afterEach(async () => {
  await processes?.dispose()
  processes = undefined
})

const [waves, waveCount] = [6, 500]
const count = waves * waveCount
const value = (i: number) => new Uint8Array(1_000).fill(i % 251)

test('nodes that were all killed start from their snapshots, and a new one from theirs, with everything that was acknowledged', async () => {
  processes = await Processes.start(3, { limits: { snapshotEntries: waveCount, logTailEntries: 100 } })
  const client = await BenchKvClient.connect({ servers: processes.addresses, timeoutMs: 20_000 })
  for (let first = 0; first < count; first += waveCount) {
    await Promise.all(Array.from({ length: waveCount }, (_, i) => client.put({ key: `k${first + i}`, value: value(first + i) })))
  }
  const { running } = processes
  for (const id of running) await processes.until(id, 'has compacted its log', ({ firstIndex }) => firstIndex > 1)
  await Promise.all(running.map((id) => processes?.kill(id)))
  for (const id of running) processes.run(id)
  for (const id of running) {
    const { firstIndex, snapshotIndex } = await processes.until(id, 'runs', ({ leader }) => leader !== undefined)
    expect(firstIndex).toBeGreaterThan(1)
    expect(snapshotIndex).toBeGreaterThanOrEqual(firstIndex - 1)
  }
  await processes.untilVoter(await processes.join())
  const found = await Promise.all(Array.from({ length: count }, (_, i) => client.get({ key: `k${i}` })))
  expect(found.filter((bytes, i) => bytes === null || Buffer.compare(bytes, value(i)) !== 0)).toEqual([])
  await processes.sharedDigest()
  await client.close()
}, 30_000)
