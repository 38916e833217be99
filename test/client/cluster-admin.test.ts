import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ChangeRefused, ClusterAdmin, type ClusterAdminOptions } from '../../src/client/index.ts'
import { noConf } from '../../src/core/conf.ts'
import type { AdminReply } from '../../src/wire/client-messages.ts'
import { type AdminAnswer, FakeCluster, refusal } from './fake-cluster.ts'

const servers = ['s1:1', 's2:2', 's3:3']
const member = { id: 4, peer: 's4:40', client: 's4:4' }
const members: NonNullable<AdminReply['members']> = {
  leader: 1,
  term: 7,
  commitIndex: 100,
  conf: {
    ...noConf,
    members: [1, 2, 3, 4].map((id) => ({ id, incarnation: id, peer: `s${id}:${id}0`, client: `s${id}:${id}` })),
    voters: [1],
    votersOutgoing: [1, 2],
    learners: [3, 4],
    joining: [4],
    removed: [9],
    leaseMs: 500,
  },
  progress: [
    { id: 1, state: 'leader', isActive: true, isCaughtUp: true, matchIndex: 100 },
    { id: 4, state: 'snapshot', isActive: true, isCaughtUp: false, matchIndex: 40 },
  ],
  electionTimeoutMs: 150,
}
const done: AdminAnswer = { members }

let cluster: FakeCluster
beforeEach(() => {
  cluster = new FakeCluster()
  cluster.answers = [done]
})
const admins: ClusterAdmin[] = []
afterEach(() => Promise.all(admins.splice(0).map((admin) => admin.close())))

async function connected(options: Partial<ClusterAdminOptions> = {}): Promise<ClusterAdmin> {
  const admin = await ClusterAdmin.connect({ servers, dial: cluster.dial, timeoutMs: 2_000, ...options })
  admins.push(admin)
  return admin
}
const operations = (): readonly unknown[] =>
  cluster.asked.map(({ message }) => (message.kind === 'AdminRequest' ? message.operation : message))

describe('ClusterAdmin.connect', () => {
  test('resolves with the first member that answers, whatever the others do', async () => {
    cluster.down.add('s1:1')
    expect((await connected()).clusterId).toBe('blue')
  })

  test('gives up with UNAVAILABLE that says what came of each server', async () => {
    cluster.down.add('s1:1')
    await expect(connected({ servers: ['s1:1'], timeoutMs: 120 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'no member of the cluster answered within 120 ms: no status of the node at s1:1: connect ECONNREFUSED s1:1',
    })
  })

  test('refuses another cluster than the one asked for, at once', async () => {
    await expect(connected({ servers: ['s1:1'], clusterId: 'green' })).rejects.toMatchObject({
      code: 'CLUSTER_MISMATCH',
      message: 's1:1 belongs to cluster blue, not to green',
    })
  })

  test('refuses options that are none', async () => {
    await expect(Reflect.apply(ClusterAdmin.connect, ClusterAdmin, [{ servers: [] }])).rejects.toMatchObject({ code: 'BAD_OPTIONS' })
  })
})

test('the view names every member, what it is, and how far it has got', async () => {
  const view = await (await connected()).members()
  expect(view).toMatchObject({ clusterId: 'blue', leader: 1, term: 7, isJoint: true, removed: [9], leaseReads: { durationMs: 500 } })
  expect(view.members.map(({ id, role, isLeader, progress }) => ({ id, role, isLeader, lag: progress?.lag }))).toEqual([
    { id: 1, role: 'voter', isLeader: true, lag: 0 },
    { id: 2, role: 'leaving', isLeader: false, lag: undefined },
    { id: 3, role: 'learner', isLeader: false, lag: undefined },
    { id: 4, role: 'joining', isLeader: false, lag: 60 },
  ])
})

describe('what is sent', () => {
  const step = (kind: 'promote' | 'demote' | 'remove', id: number) => ({ kind, id }) as const
  const change = (...steps: readonly unknown[]) => ({ kind: 'changeConf', steps, force: false })

  test.each<[string, (admin: ClusterAdmin) => Promise<unknown>, unknown]>([
    ['members', (admin) => admin.members(), { kind: 'members' }],
    [
      'addLearner',
      (admin) => admin.addLearner(member),
      change({ kind: 'addLearner', member: { ...member, incarnation: 1 }, joining: false }),
    ],
    ['addVoter', (admin) => admin.addVoter(member), change({ kind: 'addLearner', member: { ...member, incarnation: 1 }, joining: true })],
    ['promote', (admin) => admin.promote(3), change(step('promote', 3))],
    ['demote', (admin) => admin.demote(1), change(step('demote', 1))],
    ['remove of one', (admin) => admin.remove(1), change(step('remove', 1))],
    ['remove of two', (admin) => admin.remove([1, 2]), change(step('remove', 1), step('remove', 2))],
    ['remove by force', (admin) => admin.remove([1], { force: true }), { ...change(step('remove', 1)), force: true }],
    [
      'a replacement, in one change',
      (admin) => admin.change([step('promote', 3), step('remove', 1)]),
      change(step('promote', 3), step('remove', 1)),
    ],
    ['a transfer', (admin) => admin.transferLeadership(), { kind: 'transfer', to: undefined }],
    ['a transfer to', (admin) => admin.transferLeadership({ to: 2 }), { kind: 'transfer', to: 2 }],
    ['lease reads on', (admin) => admin.setLeaseReads({ durationMs: 800 }), change({ kind: 'setLease', leaseMs: 800 })],
    ['lease reads off', (admin) => admin.setLeaseReads('off'), change({ kind: 'setLease', leaseMs: 0 })],
  ])('%s', async (_, act, operation) => {
    await act(await connected())
    expect(operations()).toEqual([operation])
  })

  test('new addresses leave the incarnation of a member, and what it is on its way to, as they are', async () => {
    await (await connected()).update(member)
    expect(operations()).toEqual([{ kind: 'members' }, change({ kind: 'update', member: { ...member, incarnation: 4 }, joining: true })])
  })
})

describe('BAD_OPTIONS, and nothing is sent, for', () => {
  test.each<[string, (admin: ClusterAdmin) => Promise<unknown>, string]>([
    ['no steps', (admin) => admin.change([]), 'a change has 1 to 256 steps, not 0'],
    ['an id of 0', (admin) => admin.promote(0), 'the id of promote is 0, not the id of a node: ids are whole numbers from 1'],
    ['half an id', (admin) => admin.remove([1.5]), 'the id of remove is 1.5, not the id of a node: ids are whole numbers from 1'],
    [
      'no address',
      (admin) => admin.addVoter({ ...member, peer: 'here' }),
      '"here" is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001',
    ],
    [
      'a lease of no time',
      (admin) => admin.setLeaseReads({ durationMs: 0 }),
      "the duration of leases is 0, not whole milliseconds from 1 to 60000: write { durationMs: 1_000 }, or 'off'",
    ],
    ['no time', (admin) => admin.members({ timeoutMs: 0 }), 'option timeoutMs is 0, not a whole number from 1 to 3,600,000'],
  ])('%s', async (_, act, message) => {
    const admin = await connected()
    await expect(act(admin)).rejects.toMatchObject({ code: 'BAD_OPTIONS', message })
    expect(cluster.asked).toEqual([])
  })
})

describe('finding the leader', () => {
  beforeEach(() => {
    cluster.nodeIdAt = (address) => servers.indexOf(address) + 1
    cluster.leaderAt = () => ({ id: 3, client: 's3:3' })
  })

  test('a server that does not lead is asked nothing: the one that it names is', async () => {
    await (await connected()).promote(3)
    expect(cluster.asked.map(({ address }) => address)).toEqual(['s3:3'])
  })

  test('one that refuses as no leader has done nothing: the next leader is asked', async () => {
    cluster.answers = [refusal('NOT_LEADER', 'no leader is known'), done]
    await (await connected()).promote(3)
    expect(operations()).toHaveLength(2)
  })

  test('a leader that nobody named among the given servers is found', async () => {
    await (await connected({ servers: ['s1:1'] })).promote(3)
    expect(cluster.asked.map(({ address }) => address)).toEqual(['s3:3'])
  })

  test('a server that knows no leader is left for another', async () => {
    cluster.leaderAt = (address) => (address === 's1:1' ? undefined : { id: 2, client: 's2:2' })
    await (await connected()).promote(3)
    expect(cluster.asked.map(({ address }) => address)).toEqual(['s2:2'])
  })

  test('no leader before the deadline is UNAVAILABLE, and nothing was done', async () => {
    cluster.leaderAt = () => undefined
    const admin = await connected()
    await expect(admin.promote(3, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      outcome: 'notApplied',
      message:
        'the members were not changed within 100 ms: no leader answered; tried s1:1 (knows no leader), s2:2 (not tried), s3:3 (not tried)',
    })
  })
})

describe('a refusal', () => {
  test('is CHANGE_REFUSED with the sentence of the cluster and its reason', async () => {
    cluster.answers = [refusal('CHANGE_REFUSED', 'node 9 is no member', 'unknownId')]
    const failure = await (await connected()).promote(9).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ChangeRefused)
    expect(failure).toMatchObject({
      code: 'CHANGE_REFUSED',
      message: 'node 9 is no member',
      reason: 'unknownId',
      outcome: 'notApplied',
      retryable: false,
    })
  })

  test.each(['confPending', 'notCommittedInTerm', 'transferPending'] as const)(
    'that passes by itself is waited out: %s',
    async (reason) => {
      cluster.answers = [refusal('CHANGE_REFUSED', 'not yet', reason), done]
      await (await connected()).promote(3)
      expect(operations()).toHaveLength(2)
    },
  )

  test('that does not pass in time is told as what it is', async () => {
    cluster.answers = [refusal('CHANGE_REFUSED', 'a change is under way', 'confPending')]
    const admin = await connected()
    await expect(admin.promote(3, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'CHANGE_REFUSED',
      reason: 'confPending',
      retryable: true,
      message: 'the members were not changed within 60 ms: a change is under way',
    })
  })
})

describe('a change whose outcome nobody can tell is OUTCOME_UNKNOWN, and is not sent again', () => {
  test('when the connection breaks before the answer', async () => {
    cluster.answers = ['break', done]
    await expect((await connected()).promote(3)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: 'the request was sent, and then s1:1 read ECONNRESET: it took effect once, or not at all',
    })
    expect(operations()).toHaveLength(1)
  })

  test('when its deadline passes', async () => {
    cluster.answers = ['silence']
    const admin = await connected()
    await expect(admin.promote(3, { timeoutMs: 60 })).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })

  test('when the server cannot say', async () => {
    cluster.answers = [refusal('RETRY', 'this node lost its leadership'), done]
    await expect((await connected()).promote(3)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(operations()).toHaveLength(1)
  })

  test('when its caller gives it up', async () => {
    cluster.answers = ['silence']
    const admin = await connected()
    const controller = new AbortController()
    const call = admin.promote(3, { signal: controller.signal })
    await expect.poll(() => cluster.asked.length).toBe(1)
    controller.abort()
    await expect(call).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })
})

test('the question who is in the cluster changes nothing, so it is asked again when the connection breaks', async () => {
  cluster.answers = ['break', done]
  expect((await (await connected()).members()).leader).toBe(1)
})

describe('an operation that was not sent', () => {
  test('ends with ABORTED when its caller gives it up', async () => {
    cluster.leaderAt = () => undefined
    const admin = await connected()
    await expect(admin.promote(3, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ code: 'ABORTED', outcome: 'notApplied' })
  })

  test('ends with CLOSED when the admin is closed, and so does a later one', async () => {
    cluster.leaderAt = () => undefined
    const admin = await connected()
    const call = admin.promote(3)
    await admin.close()
    await expect(call).rejects.toMatchObject({ code: 'CLOSED', message: 'the members were not changed: this ClusterAdmin was closed' })
    await expect(admin.members()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
