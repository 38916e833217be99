import { afterEach, expect, test } from 'vitest'
import { Load } from './load.ts'
import { remove } from './operator.ts'
import { Processes } from './processes.ts'

let processes: Processes | undefined
afterEach(async () => {
  await processes?.dispose()
  processes = undefined
})

/** Node by node: whoever joins votes before the next one comes. */
async function grow(cluster: Processes, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await cluster.untilVoter(await cluster.join())
}

/** Removes node `id`, which says so and ends. */
async function retire(cluster: Processes, id: number): Promise<void> {
  await remove(cluster.addresses, id)
  const { code, said } = await cluster.ended(id)
  expect([id, code, said]).toEqual([id, 1, expect.stringContaining('NODE_REMOVED')])
}

test('a cluster grows from 1 to 3 to 5 nodes, is replaced node by node and shrinks to 1, under load: nothing is lost, applied twice or read from the past', async () => {
  processes = await Processes.start(1, { machine: 'counter', limits: { snapshotEntries: 300, logTailEntries: 50 } })
  const load = await Load.start(processes.addresses)
  await grow(processes, 2)
  await load.goesOn()
  await grow(processes, 2)
  for (const id of [1, 2, 3, 4, 5]) {
    await grow(processes, 1)
    await retire(processes, id)
    await load.goesOn()
  }
  expect(processes.running).toEqual([6, 7, 8, 9, 10])
  for (const id of [6, 7]) await retire(processes, id)
  await load.goesOn()
  for (const id of [8, 9]) await retire(processes, id)
  await load.goesOn()
  expect(await load.end()).toEqual([])
  const { conf } = await processes.until(10, 'is alone', () => true)
  expect(conf).toMatchObject({ voters: [10], votersOutgoing: [], learners: [], removed: [1, 2, 3, 4, 5, 6, 7, 8, 9] })
  console.log(`membership: ${load.added} additions, longest pause ${Math.round(load.takeLongestPause())} ms`)
}, 60_000)

test('a voter whose disk was lost is refused without join, and comes back with it: under the next incarnation, with everything', async () => {
  processes = await Processes.start(3, { machine: 'counter' })
  const load = await Load.start(processes.addresses, { writers: 2, readers: 1 })
  await processes.kill(3)
  await processes.wipe(3)
  processes.run(3)
  const { code, said } = await processes.ended(3)
  expect([code, said]).toEqual([1, expect.stringContaining('DATA_DIR_EMPTY')])
  await processes.join(3)
  const { conf } = await processes.until(3, 'votes again', ({ conf }) => {
    const incarnation = conf.members.find(({ id }) => id === 3)?.incarnation
    return incarnation === 2 && conf.voters.includes(3) && conf.votersOutgoing.length === 0
  })
  expect(conf.voters).toEqual([1, 2, 3])
  await load.goesOn()
  // With one of the others gone, it is needed.
  await processes.kill(1)
  await load.goesOn()
  expect(await load.end()).toEqual([])
  await processes.sharedDigest()
}, 30_000)

test('a removed node says so and ends, and does so again when it is started on its old directory', async () => {
  processes = await Processes.start(3, { machine: 'counter' })
  const leader = await processes.leader()
  const [id = 0] = processes.running.filter((one) => one !== leader)
  await retire(processes, id)
  processes.run(id)
  const { code, said } = await processes.ended(id)
  expect([code, said]).toEqual([1, expect.stringContaining('NODE_REMOVED')])
  // The leader too: it sees its removal through, and hands over.
  await retire(processes, leader)
  const [last = 0] = processes.running
  await processes.until(last, 'leads', ({ role, conf }) => role === 'leader' && conf.voters.length === 1)
}, 30_000)

test('a voter that was away while all others were replaced is found by those that came, follows them and has everything', async () => {
  processes = await Processes.start(3, { machine: 'counter', limits: { snapshotEntries: 300, logTailEntries: 50 } })
  const load = await Load.start(processes.addresses, { writers: 2, readers: 1 })
  await load.goesOn()
  await processes.kill(3)
  await grow(processes, 2)
  for (const id of [1, 2]) await retire(processes, id)
  await load.goesOn()
  // Its log knows 1, 2 and itself.
  processes.run(3)
  await processes.until(3, 'follows', ({ role, leader, conf }) => role === 'follower' && leader !== undefined && conf.voters.length === 3)
  // With the leader gone, it is needed.
  await processes.kill(await processes.leader())
  await load.goesOn()
  expect(await load.end()).toEqual([])
  await processes.sharedDigest()
}, 60_000)
