import { describe, expect, test } from 'vitest'
import { type Order, type Simulation, simulate } from '../../src/sim/index.ts'
import { answered, append, checkLoad, lastValue, load, query } from './support.ts'

const limits = { snapshotEntries: 30, logTailEntries: 10 }

/** A new machine, once it votes. */
function addVoter(sim: Simulation): number {
  const node = sim.members.add()
  sim.runUntil(`node ${node} votes`, () => sim.members.isVoter(node))
  return node
}

function done(sim: Simulation, order: Order): void {
  sim.runUntil('the order is settled', () => order.outcome.kind !== 'pending')
  expect(order.outcome).toMatchObject({ kind: 'done' })
}

function removed(sim: Simulation, node: number): void {
  done(sim, sim.members.remove(node))
  sim.runUntil(`node ${node} stops`, () => sim.members.hasStopped(node))
}

describe('under load', () => {
  test('a cluster grows from one to three to five', () => {
    const sim = simulate({ seed: 1, voters: 1, limits })
    sim.runUntilLeader()
    load(sim)
    sim.run({ ms: 1_000 })
    for (let size = 2; size <= 5; size++) addVoter(sim)
    sim.run({ ms: 500 })
    expect(sim.members.conf).toMatchObject({ voters: [1, 2, 3, 4, 5], votersOutgoing: [], learners: [], joining: [] })
    checkLoad(sim)
  })

  test('every member is replaced, one by one', () => {
    const sim = simulate({ seed: 2, voters: 3, limits })
    sim.runUntilLeader()
    load(sim)
    for (const old of [1, 2, 3]) {
      addVoter(sim)
      removed(sim, old)
    }
    expect(sim.members.conf).toMatchObject({ voters: [4, 5, 6], removed: [1, 2, 3] })
    checkLoad(sim)
  })

  test('a cluster shrinks from five to one', () => {
    const sim = simulate({ seed: 3, voters: 5, limits })
    sim.runUntilLeader()
    load(sim)
    for (const node of [5, 1, 4, 2]) removed(sim, node)
    expect(sim.members.conf.voters).toEqual([3])
    checkLoad(sim)
  })

  test('leadership is handed over, and no call fails', () => {
    const sim = simulate({ seed: 4, voters: 3, limits })
    const old = sim.runUntilLeader()
    load(sim)
    sim.run({ ms: 500 })
    done(sim, sim.members.transfer())
    expect(sim.leader).not.toBe(old)
    sim.run({ ms: 500 })
    checkLoad(sim)
  })

  test('a member moves to another address', () => {
    const sim = simulate({ seed: 5, voters: 3, limits })
    const leader = sim.runUntilLeader()
    load(sim)
    sim.members.move(leader)
    sim.runUntil('it has moved', () => sim.members.conf.members.some(({ id, peer }) => id === leader && peer !== `node${leader}:2`))
    sim.run({ ms: 1_000 })
    checkLoad(sim)
  })
})

describe('where nothing is written', () => {
  const quiet = (seed: number): Simulation => {
    const sim = simulate({ seed, voters: 3, limits: { snapshotEntries: 10, logTailEntries: 0 } })
    sim.runUntilLeader()
    for (let value = 1; value <= 40; value++) answered(sim, sim.submit(append(value)))
    sim.runUntilQuiet()
    return sim
  }

  test('a new server catches up and votes', () => {
    const sim = quiet(71)
    const node = sim.members.add()
    sim.runUntil('it votes', () => sim.members.isVoter(node), { withinMs: 3_000 })
  })

  test('a new server that was slow to begin catches up and votes', () => {
    const sim = quiet(72)
    const node = sim.members.add()
    sim.runUntil('it is let in', () => sim.members.conf.joining.includes(node))
    sim.stall(node, { ms: 2_000 })
    sim.runUntil('it votes', () => sim.members.isVoter(node), { withinMs: 6_000 })
  })

  test('a voter that has lost its disk catches up and votes', () => {
    const sim = quiet(73)
    const wiped = sim.nodes.find((id) => id !== sim.leader) ?? 0
    sim.members.replaceDisk(wiped)
    const isBack = (): boolean => sim.members.conf.members.some(({ id, incarnation }) => id === wiped && incarnation === 2)
    sim.runUntil('it votes', () => isBack() && sim.members.isVoter(wiped), { withinMs: 5_000 })
  })

  test('a learner that was cut off comes back to a compacted log', () => {
    const sim = quiet(74)
    const node = sim.members.add({ voter: false })
    sim.runUntil('it is let in', () => sim.members.conf.learners.includes(node))
    sim.run({ ms: 500 })
    sim.isolate(node)
    for (let value = 1; value <= 40; value++) answered(sim, sim.submit(append(value)))
    sim.runUntilQuiet()
    sim.heal()
    sim.runUntilConverged({ withinMs: 5_000 })
    sim.checkLinearizable()
  })
})

describe('a leader that is removed', () => {
  test('leads until the others can go on without it, then another one does, and it stops (§4.2.2)', () => {
    const sim = simulate({ seed: 11, voters: 3, limits })
    const old = sim.runUntilLeader()
    load(sim)
    removed(sim, old)
    const leader = sim.runUntilLeader({ withinMs: 2_000 })
    expect(sim.members.conf.voters).toEqual([1, 2, 3].filter((id) => id !== old))
    expect(leader).not.toBe(old)
    checkLoad(sim)
  })
})

describe('a voter that has lost its disk', () => {
  test('comes back as another one, catches up, and votes again', () => {
    const sim = simulate({ seed: 21, voters: 3, limits })
    const leader = sim.runUntilLeader()
    const wiped = sim.nodes.find((id) => id !== leader) ?? 0
    load(sim)
    sim.run({ ms: 500 })
    sim.members.replaceDisk(wiped)
    const isBack = (): boolean => sim.members.conf.members.some(({ id, incarnation }) => id === wiped && incarnation === 2)
    sim.runUntil('it votes again', () => isBack() && sim.members.isVoter(wiped))
    checkLoad(sim)
  })

  test('and led, comes back the same way', () => {
    const sim = simulate({ seed: 22, voters: 3, limits })
    const leader = sim.runUntilLeader()
    load(sim)
    sim.members.replaceDisk(leader)
    const isBack = (): boolean => sim.members.conf.members.some(({ id, incarnation }) => id === leader && incarnation === 2)
    sim.runUntil('it votes again', () => isBack() && sim.members.isVoter(leader))
    checkLoad(sim)
  })
})

describe('a leader that is cut off while the others change the members', () => {
  test('does not count on those that are gone, and follows when it returns', () => {
    const sim = simulate({ seed: 31, voters: 5, limits })
    const old = sim.runUntilLeader()
    sim.isolate(old)
    const leader = sim.runUntilLeader({ except: old })
    const [first = 0, second = 0] = sim.nodes.filter((id) => id !== old && id !== leader)
    removed(sim, first)
    removed(sim, second)
    const doomed = sim.submit(append(1), { at: old, timeoutMs: 1_000 })
    answered(sim, sim.submit(append(2), { at: leader }))
    sim.run({ ms: 1_500 })
    expect(doomed.outcome).toMatchObject({ kind: 'failed' })
    sim.heal()
    expect(lastValue(answered(sim, sim.query(query, { at: old, nearest: true })))).toBe(2)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('a member that was away while all the others were replaced is found by the new ones', () => {
    const sim = simulate({ seed: 32, voters: 3, limits })
    const leader = sim.runUntilLeader()
    const [away = 0, other = 0] = sim.nodes.filter((id) => id !== leader)
    sim.crash(away)
    addVoter(sim)
    removed(sim, other)
    addVoter(sim)
    removed(sim, leader)
    sim.restart(away)
    sim.runUntilConverged({ withinMs: 5_000 })
    expect(sim.members.conf.voters).toEqual([away, 4, 5].sort((a, b) => a - b))
    sim.checkLinearizable()
  })
})

describe('a crash in the middle of a change', () => {
  const waits = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30]
  test.each(waits.flatMap((ms) => (['the leader', 'all'] as const).map((who) => ({ ms, who, name: `${who}, ${ms} ms` }))))(
    'of $name after the joint configuration was appended: the change is finished or undone, and the cluster goes on (§4.3)',
    ({ ms, who }) => {
      const sim = simulate({ seed: 40 + ms, voters: 3, limits })
      const leader = sim.runUntilLeader()
      answered(sim, sim.submit(append(1)))
      const node = sim.members.add({ voter: false })
      sim.runUntil('it is let in', () => sim.members.conf.learners.includes(node))
      // Long enough to have caught up.
      sim.run({ ms: 500 })
      const victim = sim.nodes.find((id) => id !== leader && id !== node) ?? 0
      const steps = [
        { kind: 'promote', id: node },
        { kind: 'remove', id: victim },
      ] as const
      sim.members.change(steps, ({ removed }) => removed.includes(victim))
      sim.runUntil('the change is in the log', () => (sim.status(leader)?.conf.votersOutgoing.length ?? 0) > 0)
      sim.run({ ms })
      if (who === 'all') sim.crashAll()
      else sim.crash(leader)
      sim.run({ ms: 300 })
      sim.restartAll()
      sim.runUntilConverged({ withinMs: 10_000 })
      expect(sim.members.conf.votersOutgoing).toEqual([])
      expect([[1, 2, 3], [1, 2, 3, 4].filter((id) => id !== victim)]).toContainEqual(sim.members.conf.voters)
      answered(sim, sim.submit(append(2)))
      sim.runUntilConverged()
      sim.checkLinearizable()
    },
  )
})

describe('an operator is refused', () => {
  test('a change that names nobody, and one that removes the last voter', () => {
    const sim = simulate({ seed: 61, voters: 1 })
    sim.runUntilLeader()
    answered(sim, sim.submit(append(1)))
    const [unknown, last] = [sim.members.change([{ kind: 'remove', id: 7 }]), sim.members.change([{ kind: 'remove', id: 1 }])]
    sim.run({ ms: 1_000 })
    expect([unknown.outcome, last.outcome]).toMatchObject([
      { kind: 'refused', why: { reason: 'unknownId' } },
      { kind: 'refused', why: { reason: 'noVoters' } },
    ])
  })

  test('a change that leaves too few that are alive', () => {
    const sim = simulate({ seed: 62, voters: 3 })
    const leader = sim.runUntilLeader()
    answered(sim, sim.submit(append(1)))
    const [down = 0, up = 0] = sim.nodes.filter((id) => id !== leader)
    sim.crash(down)
    sim.run({ ms: 1_000 })
    const order = sim.members.change([{ kind: 'remove', id: up }])
    sim.run({ ms: 1_000 })
    expect(order.outcome).toMatchObject({ kind: 'refused', why: { reason: 'quorumUnreachable' } })
  })
})
