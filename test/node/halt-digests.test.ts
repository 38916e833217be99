// Where replicas compare themselves, and a command is skipped: nobody is suspected because of that, and who has applied it ends well, whichever it
// learns first: that it differs, or that the command was to be skipped.
import { describe, expect, test } from 'vitest'
import type { NodeLimits } from '../../src/node/index.ts'
import { commands, openSession, query, summary, type TestNode, TestNodes } from './nodes.ts'
import { followers, operate } from './operations.ts'

const bad = 'bad'
const status = ({ node }: TestNode) => node.status({ digest: true })
const standing = (node: TestNode) => status(node).divergence?.standing ?? 'sound'
const kinds = ({ events }: TestNode) => events.map(({ kind }) => kind)
const digests = (nodes: readonly TestNode[]) => new Set(nodes.map((node) => status(node).digest)).size

/** Three that compare themselves every four entries; their handlers throw at `bad`, where that halts, but that of the leader where it is sound. */
function cluster({ isLeaderSound = false, limits = {} }: { isLeaderSound?: boolean; limits?: Partial<NodeLimits> } = {}) {
  const nodes = new TestNodes(3, { digestEntries: 4, ...limits }, {}, { onHandlerError: 'halt' })
  const leader = nodes.untilLeader()
  for (const node of nodes.nodes) if (node !== leader || !isLeaderSound) node.machine.bad.add(bad)
  const { session } = openSession(nodes, leader)
  say(nodes, { session, lines: ['a', 'b', 'c'] })
  return { nodes, leader, session, index: leader.node.lastApplied + 1 }
}

interface Talk {
  readonly session: number
  /** Of the first line. */
  readonly seq?: number
  readonly lines: readonly string[]
}

/** One after another, to whoever leads. */
function say(nodes: TestNodes, { session, seq = 1, lines }: Talk): readonly string[] {
  const { leader } = nodes
  const connection = leader.connect()
  for (const [i, line] of lines.entries()) {
    leader.say(connection, commands(session, [[seq + i, line]]))
    nodes.pass(50)
  }
  return summary(leader.take(connection))
}

const many = Array.from({ length: 12 }, (_, i) => `line ${i}`)

/** The leader has applied the command and twelve more, and they have been compared, as far as others came to them. Then one leads that has halted. */
function overruled(limits: Partial<NodeLimits> = {}) {
  const { nodes, leader: stray, session, index } = cluster({ isLeaderSound: true, limits })
  say(nodes, { session, seq: 4, lines: [bad, ...many] })
  const [heir, third] = followers(nodes)
  if (heir === undefined || third === undefined) throw new Error('no followers')
  operate(nodes, stray, { kind: 'transfer', to: heir.node.id })
  return { nodes, stray, heir, third, session, index }
}

function isWellAgain({ nodes, stray, session }: Pick<ReturnType<typeof overruled>, 'nodes' | 'stray' | 'session'>): void {
  say(nodes, { session, seq: 20, lines: many })
  nodes.pass(12_000)
  expect(nodes.nodes.map(standing)).toEqual(['sound', 'sound', 'sound'])
  expect(nodes.nodes.map((node) => status(node).divergence)).toEqual([undefined, undefined, undefined])
  expect(digests(nodes.nodes)).toBe(1)
  const connection = stray.connect()
  stray.say(connection, query(1))
  nodes.pass(100)
  const [answer = ''] = summary(stray.take(connection))
  expect([answer.includes(bad), answer.endsWith('line 11')]).toEqual([false, true])
}

describe('replicas that have all halted at a command, and skipped it', () => {
  test('are never suspected to differ, however often they compare themselves', () => {
    const { nodes, leader, session, index } = cluster()
    let reports = 0
    nodes.isLost = ({ kind }) => {
      if (kind === 'DigestReport') reports += 1
      return false
    }
    say(nodes, { session, seq: 4, lines: [bad, 'd'] })
    const [restarted] = followers(nodes)
    restarted?.restart()
    nodes.pass(2_000)
    expect(operate(nodes, leader, { kind: 'skip', index }).refused).toBeUndefined()
    const before = reports
    say(nodes, { session, seq: 6, lines: many })
    expect(reports - before).toBeGreaterThanOrEqual(12)
    expect(nodes.nodes.flatMap(kinds).filter((kind) => kind === 'stateDiverged')).toEqual([])
    expect(digests(nodes.nodes)).toBe(1)
  })

  test('put no check into the log while they have halted', () => {
    const { nodes, leader, session } = cluster()
    say(nodes, { session, seq: 4, lines: [bad] })
    const { lastIndex } = status(leader)
    nodes.pass(60_000)
    expect(status(leader).lastIndex).toBe(lastIndex)
  })
})

describe('a replica that has applied a command which is then skipped, and entries at which replicas compare themselves', () => {
  test('puts those that have skipped it in no doubt: they answer, and give it their state, though one of them is gone', () => {
    const { nodes, stray, heir, third, session, index } = overruled()
    nodes.isLost = ({ kind, from }) => kind === 'DigestReport' && from === third.node.id
    expect(operate(nodes, heir, { kind: 'skip', index }).refused).toBeUndefined()
    nodes.cutOff.add(third.node.id)
    nodes.pass(3_000)
    expect(kinds(heir).filter((kind) => kind === 'stateDiverged')).toEqual([])
    expect(kinds(stray)).toContain('snapshotInstalled')
    expect(say(nodes, { session, seq: 17, lines: ['d'] }).map((one) => one.replace(/@.*/, ''))).toEqual(['17:d'])
    nodes.isLost = () => false
    nodes.cutOff.clear()
    isWellAgain({ nodes, stray, session })
  })

  test('is fenced where it learns first that it differs, and has the state of another once it learns why', () => {
    const { nodes, stray, heir, session, index } = overruled()
    // What it is sent of the log does not get to it.
    nodes.isLost = (message) => message.to === stray.node.id && message.kind === 'AppendEntries' && message.entries.length > 0
    expect(operate(nodes, heir, { kind: 'skip', index }).refused).toBeUndefined()
    nodes.pass(3_000)
    expect([standing(stray), kinds(stray).includes('stateAstray')]).toEqual(['fenced', false])
    expect(status(stray).divergence).toMatchObject({ index, isFirst: true })
    nodes.isLost = () => false
    nodes.pass(3_000)
    expect(kinds(stray)).toContain('stateAstray')
    isWellAgain({ nodes, stray, session })
  })

  test.each([10, 40, 70, 100, 150, 200, 300])(
    'is not judged any more by the state that it has given up, when it is told %i ms later that it differed',
    (ms) => {
      const { nodes, stray, heir, session, index } = overruled({ snapshotEntries: 6, logTailEntries: 2 })
      nodes.delayMs = ({ kind, to }) => (kind === 'SnapshotChunk' ? 100 : kind === 'DigestReport' && to === stray.node.id ? ms : 0)
      expect(operate(nodes, heir, { kind: 'skip', index }).refused).toBeUndefined()
      nodes.pass(3_000)
      const after = kinds(stray).slice(kinds(stray).indexOf('stateAstray'))
      expect(after).toContain('snapshotInstalled')
      expect(after).not.toContain('stateDiverged')
      isWellAgain({ nodes, stray, session })
    },
  )
})
