import { beforeEach, describe, expect, test } from 'vitest'
import { noConf } from '../../src/core/conf.ts'
import { requestJoin, type RequestJoinOptions } from '../../src/transport/request-join.ts'
import { type AdminAnswer, FakeCluster, refusal } from './fake-cluster.ts'

const admitted: AdminAnswer = { joined: { incarnation: 2, conf: noConf, minIndex: 30 } }
const machine = { name: 'locks', version: 3, wire: 'abc' }
const self = { id: 4, peer: 's4:40', client: 's4:4', voter: true }

let cluster: FakeCluster
beforeEach(() => {
  cluster = new FakeCluster()
  cluster.answers = [admitted]
})

const join = (options: Partial<RequestJoinOptions> = {}): ReturnType<typeof requestJoin> =>
  requestJoin({ servers: ['s1:1', 's2:2'], machine, ...self, timeoutMs: 2_000, dial: cluster.dial, ...options })

test('a node that is let in learns all that its data directory needs', async () => {
  await expect(join()).resolves.toEqual({ clusterId: 'blue', incarnation: 2, conf: noConf, minIndex: 30 })
  expect(cluster.asked.map(({ message }) => message)).toEqual([{ kind: 'JoinRequest', requestId: 1, ...self }])
})

test('the hello says which machine it runs', async () => {
  await join()
  expect(cluster.connections[0]?.options.hello).toEqual({ kind: 'Hello', clusterId: '', machine: 'locks', version: 3, wire: 'abc' })
})

describe('is asked again', () => {
  test.each<[string, AdminAnswer | 'break']>([
    ['while another change is under way', refusal('CHANGE_REFUSED', 'later', 'confPending')],
    ['while a majority is away', refusal('CHANGE_REFUSED', 'nobody there', 'quorumUnreachable')],
    ['while a node with its id is alive', refusal('CHANGE_REFUSED', 'node 4 is alive')],
    ['when the leader cannot say', refusal('RETRY', 'no idea')],
    ['when the connection breaks: to ask twice does no harm', 'break'],
    ['when the server has no room', refusal('OVERLOADED', 'full')],
  ])('%s', async (_, first) => {
    cluster.answers = [first, admitted]
    await expect(join()).resolves.toMatchObject({ minIndex: 30 })
    expect(cluster.asked).toHaveLength(2)
  })

  test('until the time is up, and then the refusal is told', async () => {
    cluster.answers = [refusal('CHANGE_REFUSED', 'another change is under way', 'confPending')]
    await expect(join({ timeoutMs: 100 })).rejects.toMatchObject({
      code: 'CHANGE_REFUSED',
      reason: 'confPending',
      retryable: true,
      message: 'node 4 was not let in within 100 ms: another change is under way',
    })
  })
})

test('an id that was removed is refused for good, at once', async () => {
  cluster.answers = [refusal('CHANGE_REFUSED', 'node 4 was removed', 'removedId'), admitted]
  await expect(join()).rejects.toMatchObject({
    code: 'CHANGE_REFUSED',
    reason: 'removedId',
    retryable: false,
    message: 'node 4 was removed',
  })
  expect(cluster.asked).toHaveLength(1)
})

test('servers of another machine refuse for good, and that is told when no other is left', async () => {
  cluster.refuses = true
  await expect(join()).rejects.toMatchObject({
    code: 'MACHINE_MISMATCH',
    message:
      'node 4 was not let in: s1:1 (said goodbye with MACHINE_MISMATCH: this server runs the machine locks), ' +
      's2:2 (said goodbye with MACHINE_MISMATCH: this server runs the machine locks)',
  })
})

test('what is final is not waited for, and no log says so', async () => {
  const waits: string[] = []
  const onWait = (why: string): void => void waits.push(why)
  await expect(join({ clusterId: 'green', onWait })).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  cluster.refuses = true
  await expect(join({ onWait })).rejects.toMatchObject({ code: 'MACHINE_MISMATCH' })
  expect(waits).toEqual([])
})

test('a cluster of another id than the one asked for is no place to join', async () => {
  await expect(join({ clusterId: 'green' })).rejects.toMatchObject({
    code: 'CLUSTER_MISMATCH',
    message: 'node 4 was not let in: s1:1 (belongs to cluster blue, not to green), s2:2 (belongs to cluster blue, not to green)',
  })
})

test('addresses where nobody listens, its own perhaps, are passed over', async () => {
  cluster.down.add('s1:1')
  await join()
  expect(cluster.asked.map(({ address }) => address)).toEqual(['s2:2'])
})

test('no server before the deadline is UNAVAILABLE, with what was tried', async () => {
  cluster.down.add('s1:1').add('s2:2')
  await expect(join({ timeoutMs: 120 })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message:
      'node 4 was not let in within 120 ms: no leader answered; tried s1:1 (connect ECONNREFUSED s1:1), s2:2 (connect ECONNREFUSED s2:2)',
  })
})

test('what is being waited for is told once, and again when it changes', async () => {
  const said: string[] = []
  const later = refusal('CHANGE_REFUSED', 'later', 'confPending')
  cluster.answers = [later, later, refusal('CHANGE_REFUSED', 'nobody there', 'quorumUnreachable'), admitted]
  await join({ onWait: (why) => said.push(why) })
  expect(said).toEqual(['later', 'nobody there'])
})

test('ends with ABORTED when it is given up', async () => {
  cluster.answers = [refusal('CHANGE_REFUSED', 'later', 'confPending')]
  await expect(join({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'ABORTED' })
})
