import { describe, expect, test } from 'vitest'
import { type ConfState, confOfVoters } from '../../src/core/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import { LeaderWatch } from '../../src/server/leader-watch.ts'
import type { NodeStatus } from '../../src/wire/client-messages.ts'

const member = (id: number) => ({ id, incarnation: 1, peer: `p${id}:1`, client: `c${id}:1` })
const confOf = (...ids: readonly number[]): ConfState => confOfVoters(ids.map(member))

const statusOf = (nodeId: number, given: Partial<NodeStatus>): NodeStatus => ({
  nodeId,
  clusterId: 'test',
  role: 'follower',
  term: 3,
  leader: undefined,
  commitIndex: 7,
  lastApplied: 7,
  firstIndex: 1,
  lastIndex: 7,
  snapshotIndex: 0,
  conf: confOf(1, 2, 3),
  sessions: 0,
  digest: '',
  fence: undefined,
  divergence: undefined,
  disk: { leftBytes: undefined, isFull: false, hungMs: undefined },
  halted: undefined,
  schema: { version: 0, next: undefined, lacking: [] },
  ...given,
})

/** Node 2 of a cluster of three, as it knows it; by address, what others answer. */
function watched(answers: Readonly<Record<string, NodeStatus>>) {
  const warnings: string[] = []
  const asked: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  const watch = new LeaderWatch({
    identity: { clusterId: 'test', nodeId: 2, incarnation: 1, diskId: '00' },
    electionTimeoutMs: 1_000,
    logger: { info: warn, warn, error: warn },
    members: () => confOf(1, 2, 3).members,
    ask: async ({ address }) => {
      asked.push(address)
      const status = answers[address]
      if (status === undefined) throw new RaftgenError('UNAVAILABLE', `nobody is at ${address}`)
      return status
    },
  })
  /** Every second of `seconds`, without a leader or with one. */
  const pass = async (seconds: readonly number[], leader?: number): Promise<void> => {
    for (const second of seconds) {
      watch.turn(leader, second * 1_000)
      for (let i = 0; i < 10; i++) await Promise.resolve()
    }
  }
  return { watch, warnings, asked, pass }
}

const seconds = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('a node without a leader', () => {
  test('asks nobody before some election timeouts have passed, nor when it has one again', async () => {
    const { asked, pass } = watched({})
    await pass(seconds(0, 4))
    await pass([5], 1)
    await pass(seconds(6, 10))
    expect(asked).toEqual([])
  })

  test('says whom it reaches, and whom not, less and less often', async () => {
    const { warnings, pass } = watched({ 'c3:1': statusOf(3, {}) })
    await pass(seconds(0, 36))
    const sentence = (since: number) =>
      `node 2 has known no leader for ${since} s; reachable: node 3; unreachable: node 1 (nobody is at c1:1)`
    expect(warnings).toEqual([sentence(5), sentence(15), sentence(35)])
  })

  test('hears that it is no member, from whoever leads', async () => {
    const { warnings, pass } = watched({ 'c1:1': statusOf(1, { role: 'leader', leader: 1, conf: confOf(1) }) })
    await pass(seconds(0, 5))
    expect(warnings).toEqual(['node 2 is no member of the cluster that node 1 leads: start it on an empty directory with `join`'])
  })

  test('hears it also from a leader that only the others know', async () => {
    const conf = confOf(1, 8)
    const { warnings, pass } = watched({
      'c1:1': statusOf(1, { leader: 8, conf }),
      'c8:1': statusOf(8, { role: 'leader', leader: 8, conf: { ...conf, removed: [2] } }),
    })
    await pass(seconds(0, 5))
    expect(warnings).toEqual([
      'node 2 is no member of the cluster that node 8 leads: its id was removed, so that it needs another one, an empty directory, and `join`',
    ])
  })

  test('does not take the word of one that has not heard of it yet, nor of a leader that was', async () => {
    const { warnings, pass } = watched({
      'c1:1': statusOf(1, { role: 'leader', leader: 1, term: 2, conf: confOf(1) }),
      'c3:1': statusOf(3, { role: 'leader', leader: 3, term: 3 }),
    })
    await pass(seconds(0, 5))
    expect(warnings).toEqual(['node 2 has heard from no leader for 5 s, though node 3 leads: that one reaches it as p2:1, or not at all'])
  })

  test('takes nobody for another that has its address now', async () => {
    const { warnings, pass } = watched({ 'c1:1': statusOf(9, { role: 'leader', leader: 9, conf: confOf(9) }) })
    await pass(seconds(0, 5))
    expect(warnings).toEqual([
      'node 2 has known no leader for 5 s; reachable: none; unreachable: node 1 (node 9 answers at c1:1), node 3 (nobody is at c3:1)',
    ])
  })

  test('says nothing any more once it is stopped', async () => {
    const { watch, warnings, pass } = watched({})
    await pass(seconds(0, 4))
    watch.turn(undefined, 5_000)
    watch.stop()
    await pass([6])
    expect(warnings).toEqual([])
  })
})
