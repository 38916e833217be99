import { afterEach, expect, test } from 'vitest'
import { CounterClient } from '../../examples/counter/generated/index.ts'
import { eventually } from '../server/servers.ts'
import { Load } from './load.ts'
import { PinnedReader } from './pinned-reader.ts'
import { Processes } from './processes.ts'

let processes: Processes | undefined
afterEach(async () => {
  await processes?.dispose()
  processes = undefined
})

/** As `Server.run` has it by default. */
const electionTimeoutMs = 1_000
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** From the kill of the leader until a write is acknowledged that was sent after it, by a client that sends one every few milliseconds. */
async function writesFlowAgainMs(cluster: Processes, client: CounterClient): Promise<number> {
  const leader = await cluster.leader()
  let killedAt = Number.POSITIVE_INFINITY
  let flowingAt: number | undefined
  const calls: Promise<void>[] = []
  const write = async () => {
    const calledAt = performance.now()
    await client.add()
    if (calledAt > killedAt) flowingAt ??= performance.now()
  }
  const writing = (async () => {
    while (flowingAt === undefined) {
      calls.push(write())
      await pause(2)
    }
  })()
  await eventually('writes under way', () => (calls.length > 20 ? true : undefined))
  const killed = cluster.kill(leader)
  killedAt = performance.now()
  await Promise.all([killed, writing])
  await Promise.all(calls)
  cluster.run(leader)
  await cluster.until(
    leader,
    'follows',
    ({ leader: other, lastApplied, commitIndex }) => other !== undefined && lastApplied === commitIndex,
  )
  return (flowingAt ?? Number.POSITIVE_INFINITY) - killedAt
}

test('writes flow again soon after kill -9 of the leader, with default settings', async () => {
  processes = await Processes.start(3, { machine: 'counter' })
  const client = await CounterClient.connect({ servers: processes.addresses, timeoutMs: 20_000 })
  await client.add()
  const trials: number[] = []
  for (let trial = 0; trial < 10; trial++) trials.push(await writesFlowAgainMs(processes, client))
  await client.close()
  const sorted = trials.map(Math.round).sort((a, b) => a - b)
  const median = ((sorted[4] ?? 0) + (sorted[5] ?? 0)) / 2
  console.log(`kill -9 of the leader: writes flow again after ${median} ms (median of ${sorted.join(', ')})`)
  expect(median).toBeLessThanOrEqual(300)
}, 60_000)

test('a leader that was stopped for three seconds serves no read from the past when it goes on', async () => {
  processes = await Processes.start(3, { machine: 'counter' })
  const load = await Load.start(processes.addresses, { writers: 3, readers: 2 })
  const leader = await processes.leader()
  const reader = new PinnedReader(processes.member(leader).client)
  await eventually('connection', () => (reader.isConnected ? true : undefined))
  const asking = setInterval(() => reader.ask(load.acknowledged), 5)
  await eventually('answers', () => (reader.answered > 50 ? true : undefined))
  const term = (await processes.status(leader))?.term ?? 0
  processes.signal(leader, 'SIGSTOP')
  await pause(3_000)
  const { answered, open } = reader
  expect(open).toBeGreaterThan(100)
  processes.signal(leader, 'SIGCONT')
  await eventually('all answers', () => (reader.open < open / 2 ? true : undefined))
  clearInterval(asking)
  await eventually('last answers', () => (reader.open === 0 || !reader.isConnected ? true : undefined))
  reader.close()
  expect(reader.stale).toEqual([])
  await processes.until(leader, 'follows another', (status) => status.term > term && status.leader !== leader)
  expect(await load.end()).toEqual([])
  console.log(`stopped leader: ${reader.answered - answered} reads answered after SIGCONT, ${reader.refused} refused`)
}, 30_000)

test('a follower that was stopped for longer than its election timeout reads what came meanwhile before it looks at the time: it asks for no election', async () => {
  processes = await Processes.start(3, { machine: 'counter' })
  const load = await Load.start(processes.addresses, { writers: 2, readers: 0 })
  const leader = await processes.leader()
  const [follower = 0] = processes.running.filter((id) => id !== leader)
  for (let trial = 0; trial < 2; trial++) {
    const before = processes.roles(follower)
    processes.signal(follower, 'SIGSTOP')
    await pause(2 * electionTimeoutMs)
    processes.signal(follower, 'SIGCONT')
    const { acknowledged } = load
    await processes.until(follower, 'has caught up', ({ lastApplied }) => lastApplied > acknowledged)
    expect(processes.roles(follower)).toEqual(before)
  }
  expect(await load.end()).toEqual([])
}, 30_000)

test('a leader that is told to end hands over first: no write waits for as long as an election timeout', async () => {
  processes = await Processes.start(3, { machine: 'counter' })
  const load = await Load.start(processes.addresses, { writers: 4, readers: 2 })
  const pauses: number[] = []
  for (let trial = 0; trial < 3; trial++) {
    const leader = await processes.leader()
    load.takeLongestPause()
    processes.signal(leader, 'SIGTERM')
    const { code, said } = await processes.ended(leader)
    // On a slow machine it has seen another leader go before, longer after its start than such a thing is kept to itself.
    const others = said.split('\n').filter((line) => !/lost the connection to node \d/.test(line))
    expect([code, others.join('')]).toEqual([0, ''])
    await load.goesOn()
    pauses.push(Math.round(load.takeLongestPause()))
    processes.run(leader)
    await processes.until(leader, 'follows', (status) => status.leader !== undefined)
  }
  expect(await load.end()).toEqual([])
  console.log(`graceful end of the leader: no write for ${pauses.join(', ')} ms`)
  expect(Math.max(...pauses)).toBeLessThan(electionTimeoutMs)
}, 30_000)
