// Known bugs of state machines and their snapshots.
import { expect, test } from 'vitest'
import { bind } from '../../src/contract/v1.ts'
import { confOfVoters } from '../../src/core/index.ts'
import { createContext } from '../../src/machine/context.ts'
import { Replica } from '../../src/machine/replica.ts'
import { recover } from '../../src/node/recover.ts'
import { checksum } from '../../src/storage/checksum.ts'
import { encodeReplica } from '../../src/wire/replica-codec.ts'
import { packValue } from '../../src/wire/value.ts'
import { type BankHandlers, bankDescriptor, bankHandlers } from '../contract/bank-machine.ts'
import { MemorySnapshots } from '../node/memory-snapshots.ts'
import { commands, lines, memberOf, type TestNode, withSession } from '../node/nodes.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const digestOf = ({ node }: TestNode) => node.status({ digest: true }).digest

/** A bank that applies entries one after the other. */
function bank(handlers: Partial<BankHandlers> = {}) {
  const machine = bind(bankDescriptor, { ...bankHandlers, ...handlers })
  const context = createContext(() => {})
  let index = 0
  return {
    apply(...command: readonly [number, readonly (string | number)[]]): string {
      context.enter({ index: ++index, term: 1, now: 1_000, version: 1 })
      const reply = machine.apply(packValue([1, command[0], [...command[1]]]), context)
      context.leave()
      return hex(reply)
    },
    state: () => hex(machine.snapshot()),
  }
}
const open = 1
const transfer = 2

test('bug 17: wherever a replica crashes, what it has applied afterwards is the log, each entry once', () => {
  const { nodes, leader, connection, session } = withSession(3, { snapshotEntries: 3, logTailEntries: 0 })
  const [victim] = nodes.nodes.filter((node) => node !== leader)
  if (victim === undefined) throw new Error('there is no follower')
  for (let seq = 1; seq <= 30; seq++) {
    leader.say(connection, commands(session, [[seq, `line ${seq}`]], seq))
    victim.diskHeld = seq % 3 === 0
    nodes.pass((seq * 7) % 40)
    victim.diskHeld = false
    victim.restart()
    nodes.pass(20)
    const length = victim.machine.applied.length
    expect(victim.machine.applied).toEqual(leader.machine.applied.slice(0, length))
  }
  nodes.pass(2_000)
  expect(victim.machine.applied).toEqual(Array.from({ length: 30 }, (_, i) => `line ${i + 1}`))
  expect(digestOf(victim)).toBe(digestOf(leader))
})

test('bug 21: a snapshot that holds the state of another index than it says is not used', () => {
  const conf = confOfVoters([memberOf(1)])
  const tasks: (() => void)[] = []
  const snapshots = new MemorySnapshots((task) => void tasks.push(task))
  const put = (label: number, applied: number) => {
    const machine = lines()
    const replica = new Replica(machine)
    machine.restoreSnapshot(Buffer.from(Array.from({ length: applied }, (_, i) => `line ${i + 1}`).join('\n')))
    replica.restore(
      { lastApplied: { term: 1, index: applied }, now: 5, ceiling: 0, ceilingTerm: 0, sessions: [], skipped: [] },
      machine.snapshot(),
    )
    const content = Buffer.concat([...encodeReplica(replica)])
    snapshots.put({ id: { term: 1, index: label }, conf, bytes: content.length, checksum: checksum(content) }, content)
  }
  put(5, 5)
  put(8, 7)
  const log = {
    hardState: { term: 1, votedFor: undefined },
    base: { id: { term: 0, index: 0 }, conf },
    lastIndex: 9,
    terms: [{ term: 1, firstIndex: 1 }],
    confs: [],
  }
  const unusable: number[] = []
  let lastApplied: number | undefined
  recover({ id: 1, machine: lines(), log, snapshots, unusable: (index) => unusable.push(index) }, (_, recovered) => {
    lastApplied = recovered?.replica.lastApplied
  })
  while (tasks.length > 0) for (const task of tasks.splice(0)) task()
  expect(unusable).toEqual([8])
  expect(lastApplied).toBe(5)
})

test('bug 32: a handler that throws leaves nothing behind, is answered alike on every replica, and the next entry is applied', () => {
  const failing: Partial<BankHandlers> = {
    transfer: (state, input) => {
      state.transfers += 1
      state.accounts.delete(input.from)
      throw new Error('half done')
    },
  }
  const replicas = [bank(failing), bank(failing)]
  for (const replica of replicas) replica.apply(open, ['ann', 5])
  const before = replicas.map((replica) => replica.state())
  const replies = replicas.map((replica) => replica.apply(transfer, ['ann', 'bob', 1]))
  expect(replicas.map((replica) => replica.state())).toEqual(before)
  expect(replies[0]).toBe(replies[1])
  const after = replicas.map((replica) => {
    replica.apply(open, ['bob', 2])
    return replica.state()
  })
  expect(after[0]).toBe(after[1])
  expect(after[0]).not.toBe(before[0])
})

test('bug 33: a state does not depend on the order in which its records came, and a replica that went its own way has another digest', () => {
  const [one, other] = [bank(), bank()]
  for (const name of ['b', 'a', '10', '9']) one.apply(open, [name, 1])
  for (const name of ['9', '10', 'a', 'b']) other.apply(open, [name, 1])
  expect(one.state()).toBe(other.state())

  const { nodes, leader, connection, session } = withSession(3)
  const [honest, odd] = nodes.nodes.filter((node) => node !== leader)
  if (honest === undefined || odd === undefined) throw new Error('three nodes are needed')
  const { machine } = odd
  const apply = machine.apply.bind(machine)
  // As if its handler had looked at the clock.
  Object.assign(machine, {
    apply: (...args: Parameters<typeof apply>) => {
      const reply = apply(...args)
      machine.applied.push(`${machine.applied.pop()} at ${nodes.monotonicMs}`)
      return reply
    },
  })
  leader.say(connection, commands(session, [[1, 'same']]))
  nodes.pass(300)
  expect(digestOf(honest)).toBe(digestOf(leader))
  expect(digestOf(odd)).not.toBe(digestOf(leader))
})

test('of the older library: snapshots are taken while the cluster works, and are what a restart begins with', () => {
  const { nodes, leader, connection, session } = withSession(3, { snapshotEntries: 4, logTailEntries: 0 })
  for (let seq = 1; seq <= 12; seq++) {
    leader.say(connection, commands(session, [[seq, `line ${seq}`]], seq))
    nodes.pass(30)
  }
  nodes.pass(200)
  const [victim] = nodes.nodes.filter((node) => node !== leader)
  if (victim === undefined) throw new Error('there is no follower')
  expect(victim.snapshots.list.length).toBeGreaterThan(0)
  expect(victim.log.firstIndex).toBeGreaterThan(1)
  const [newest] = victim.snapshots.list
  victim.restart()
  expect(victim.node.status({ digest: false }).lastApplied).toBeGreaterThanOrEqual(newest?.id.index ?? Number.POSITIVE_INFINITY)
  nodes.pass(500)
  expect(victim.machine.applied).toEqual(leader.machine.applied)
})
