// Disks that lie: what a cluster makes of them, each case on purpose; the swarm has them at random.
import { describe, expect, test } from 'vitest'
import { decodeListAnswer, encodeListCommand, encodeListQuery, type SimCall, type Simulation, simulate } from '../../src/sim/index.ts'

const append = (value: number): Uint8Array => encodeListCommand({ kind: 'append', key: 1, value })
const query = encodeListQuery(1)

function answered(sim: Simulation, call: SimCall): SimCall {
  sim.runUntil('the call is settled', () => call.outcome.kind !== 'pending')
  expect(call.outcome).toMatchObject({ kind: 'answered' })
  return call
}
const write = (sim: Simulation, values: readonly number[]): readonly SimCall[] =>
  values.map((value) => answered(sim, sim.submit(append(value))))
const lastValue = (sim: Simulation): number | undefined => {
  const { outcome } = answered(sim, sim.query(query))
  return outcome.kind === 'answered' ? decodeListAnswer(outcome.reply).last : undefined
}
const leaders = (sim: Simulation): readonly number[] => sim.nodes.filter((node) => sim.status(node)?.role === 'leader')
const told = (sim: Simulation, what: string): readonly string[] => sim.story.filter((line) => line.includes(what))

/** Nobody leads for many election timeouts. */
function expectNoLeader(sim: Simulation): void {
  for (let i = 0; i < 40; i++) {
    sim.run({ ms: 100 })
    expect(leaders(sim)).toEqual([])
  }
}

/** Three nodes, 20 entries and more that all of them hold; a leader, and the other two. */
function cluster(seed: number, storyLines = 400) {
  const sim = simulate({ seed, voters: 3, storyLines })
  const leader = sim.runUntilLeader()
  write(sim, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  sim.runUntilConverged()
  const [near = 0, far = 0] = sim.nodes.filter((node) => node !== leader)
  return { sim, leader, near, far }
}

describe('an older copy of a disk is put back', () => {
  /** `near` forgets an entry that only it and the leader have; `far` has missed it. */
  function amnesia(seed: number) {
    const it = cluster(seed)
    const { sim, near, far } = it
    sim.disks.keepCopy(near)
    sim.isolate(far)
    write(sim, [11, 12])
    sim.run({ ms: 300 })
    return it
  }

  test('and the leader remembers: it votes for nobody who lacks what it had acknowledged', () => {
    const { sim, leader, near } = amnesia(1)
    sim.disks.putBack(near)
    sim.runUntil('it is told', () => told(sim, 'had forgotten what it is told').length > 0)
    sim.crash(leader)
    sim.heal()
    sim.crash(leader)
    expectNoLeader(sim)
    sim.restart(leader)
    expect(lastValue(sim)).toBe(12)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('and one that led before remembers, although it was restarted since: it has kept it', () => {
    const { sim, leader, near } = amnesia(2)
    sim.crash(leader)
    sim.restart(leader)
    sim.disks.putBack(near)
    sim.runUntil('it is told', () => told(sim, 'had forgotten what it is told').length > 0)
    sim.crash(leader)
    sim.heal()
    sim.crash(leader)
    expectNoLeader(sim)
    sim.restart(leader)
    expect(lastValue(sim)).toBe(12)
    sim.checkLinearizable()
  })

  test('and what it is told it keeps: a restart later, when nobody is there to say it again, it is fenced as before', () => {
    const { sim, leader, near } = amnesia(3)
    sim.disks.putBack(near)
    sim.runUntil('it is told', () => told(sim, 'had forgotten what it is told').length > 0)
    sim.run({ ms: 20 })
    sim.crash(leader)
    sim.crash(near)
    sim.heal()
    sim.crash(leader)
    expectNoLeader(sim)
    sim.restart(leader)
    expect(lastValue(sim)).toBe(12)
    sim.checkLinearizable()
  })

  test('and is the newest there is: nothing is forgotten, and it goes on', () => {
    const { sim, near } = cluster(4)
    sim.disks.keepCopy(near)
    sim.disks.putBack(near)
    sim.run({ ms: 1_000 })
    expect(told(sim, 'had forgotten')).toEqual([])
    write(sim, [11])
    sim.runUntilConverged()
    sim.checkLinearizable()
  })
})

describe('a node takes part in nothing before it has asked', () => {
  test('those that are there, and waits an election timeout for those that are not', () => {
    const { sim, leader, near, far } = cluster(5)
    sim.crash(far)
    sim.crash(near)
    sim.restart(near)
    sim.run({ ms: 200 })
    const call = sim.submit(append(11))
    sim.run({ ms: 50 })
    expect(call.outcome).toEqual({ kind: 'pending' })
    sim.runUntil('the call is settled', () => call.outcome.kind !== 'pending', { withinMs: 1_000 })
    expect(sim.leader).toBe(leader)
    expect(call.outcome).toMatchObject({ kind: 'answered' })
  })
})

describe('entries are lost', () => {
  test('on all three nodes, each others: they give them back to each other, and only then somebody leads', () => {
    const { sim } = cluster(6)
    sim.crashAll()
    for (const [i, node] of sim.nodes.entries()) sim.disks.loseEntry(node, 4 + 3 * i)
    sim.restartAll()
    sim.runUntilLeader({ withinMs: 20_000 })
    expect(told(sim, 'has back').length).toBeGreaterThanOrEqual(2)
    expect(lastValue(sim)).toBe(10)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('on two of three, each others, and the third is away: the two make themselves whole, and go on', () => {
    const { sim, leader, near, far } = cluster(7)
    sim.crashAll()
    sim.disks.loseEntry(near, 5)
    sim.disks.loseEntry(far, 9)
    sim.restart(near)
    sim.restart(far)
    sim.runUntilLeader({ withinMs: 20_000 })
    write(sim, [11])
    sim.restart(leader)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('several places of one log, with what lies between kept apart: that is used, and the rest fetched', () => {
    const { sim, leader, near, far } = cluster(8)
    sim.crashAll()
    for (const index of [4, 7, 10]) sim.disks.loseEntry(near, index)
    sim.disks.loseEntry(far, 6)
    sim.restart(near)
    sim.restart(far)
    sim.runUntilLeader({ withinMs: 20_000 })
    expect(lastValue(sim)).toBe(10)
    sim.restart(leader)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('on two of three, each others, and what lies apart of one cannot be read: it does not stop for that, and fetches it', () => {
    const { sim, leader, near, far } = cluster(21)
    sim.crashAll()
    sim.disks.loseEntry(near, 4)
    sim.disks.loseEntry(far, 6)
    sim.restart(near)
    sim.runUntil('it has read its log', () => sim.status(near) !== undefined)
    sim.disks.failRead(near)
    sim.restart(far)
    sim.runUntil('a read fails', () => sim.coverage.of('readError') > 0)
    sim.runUntilLeader({ withinMs: 20_000 })
    write(sim, [11])
    expect(sim.nodes.filter((node) => sim.status(node) === undefined)).toEqual([leader])
    sim.restart(leader)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('the same on two of three: nobody leads until the third is back, and the operator is told which', () => {
    const { sim, leader, near, far } = cluster(9)
    sim.crashAll()
    for (const node of [near, far]) sim.disks.loseEntry(node, 6)
    sim.restart(near)
    sim.restart(far)
    expectNoLeader(sim)
    expect(
      told(sim, 'lacks').some((line) => line.includes('"kind":"entriesMissing","firstIndex":6') && line.includes(`"silent":[${leader}]`)),
    ).toBe(true)
    sim.restart(leader)
    sim.runUntilLeader({ withinMs: 20_000 })
    expect(lastValue(sim)).toBe(10)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('the same on all three: the cluster stops rather than go on without it', () => {
    const { sim } = cluster(10)
    sim.crashAll()
    for (const node of sim.nodes) sim.disks.loseEntry(node, 6)
    sim.restartAll()
    expectNoLeader(sim)
    expect(told(sim, 'lacks').some((line) => line.includes('"firstIndex":6') && line.includes('"silent":[]'))).toBe(true)
  })

  test('by a follower that runs: it finds that out when it reads them, stops, and comes back whole', () => {
    const { sim, leader, near, far } = cluster(11)
    sim.disks.loseEntry(near, 6)
    sim.crash(near)
    sim.restart(near)
    sim.runUntilConverged()
    sim.crash(leader)
    sim.crash(far)
    sim.restart(far)
    sim.runUntilLeader({ withinMs: 20_000 })
    expect(lastValue(sim)).toBe(10)
    sim.checkLinearizable()
  })
})

describe('the high water of a node is lost', () => {
  test('it learns what it may have held from all the others, and votes again', () => {
    const { sim, leader, near, far } = cluster(12)
    sim.crash(near)
    sim.disks.spoilSlots(near, [0, 1])
    sim.restart(near)
    sim.runUntil('it learns', () => told(sim, 'learns what it may have held').length > 0)
    sim.runUntilConverged()
    sim.crash(leader)
    sim.runUntilLeader({ except: leader, withinMs: 20_000 })
    sim.crash(far)
    sim.restart(leader)
    write(sim, [11])
    sim.restart(far)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('and another is away: it takes part in nothing, and the majority goes on without it', () => {
    const { sim, leader, near, far } = cluster(13)
    sim.crash(far)
    sim.crash(near)
    sim.disks.spoilSlots(near, [0, 1])
    sim.restart(near)
    const call = sim.submit(append(11), { timeoutMs: 60_000 })
    sim.run({ ms: 10_000 })
    expect(call.outcome).toEqual({ kind: 'pending' })
    expect(sim.status(near)?.term).toBeLessThanOrEqual(sim.status(leader)?.term ?? 0)
    sim.restart(far)
    sim.runUntil('the call is settled', () => call.outcome.kind !== 'pending')
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('on all of them: nobody can say what was promised, and the cluster stops', () => {
    const { sim } = cluster(14)
    sim.crashAll()
    for (const node of sim.nodes) sim.disks.spoilSlots(node, [0, 1])
    sim.restartAll()
    expectNoLeader(sim)
  })
})

describe('a process dies when its node is whole and its disk is not', () => {
  const writes = (sim: Simulation, node: number): number => told(sim, `node ${node}    writes`).length
  const isFenced = (sim: Simulation, node: number): boolean => sim.status(node)?.fence !== undefined

  /** Its next life, from the moment when it has read its log. */
  function comeBack(sim: Simulation, node: number): void {
    sim.crash(node)
    sim.restart(node)
    sim.runUntil('it has read its log', () => sim.status(node) !== undefined)
  }

  /** One that had led gets back what it has lost, which it had acknowledged to nobody. */
  function lostByLeader(seed: number) {
    const it = cluster(seed)
    const { sim, leader } = it
    sim.crash(leader)
    sim.disks.loseEntry(leader, sim.commitIndex)
    sim.runUntilLeader({ except: leader })
    comeBack(sim, leader)
    expect(isFenced(sim, leader)).toBe(true)
    const before = writes(sim, leader)
    sim.runUntil('it writes', () => writes(sim, leader) > before && !isFenced(sim, leader))
    return it
  }

  /** One whose high water is lost learns that it has held nothing beyond its log. */
  function floorLost(seed: number) {
    const it = cluster(seed)
    const { sim, near } = it
    sim.crash(near)
    sim.disks.spoilSlots(near, [0, 1])
    comeBack(sim, near)
    return it
  }

  test('with what it had lost not yet on its disk: it is fenced as before, and nobody wonders', () => {
    let died = 0
    for (let seed = 16; seed < 40; seed++) {
      const { sim, leader } = lostByLeader(seed)
      const lostBefore = sim.coverage.of('unsyncedLost')
      comeBack(sim, leader)
      // A crash may keep what is being written.
      if (sim.coverage.of('unsyncedLost') === lostBefore) continue
      died += 1
      expect(isFenced(sim, leader)).toBe(true)
      sim.runUntilConverged()
      expect(isFenced(sim, leader)).toBe(false)
      sim.checkLinearizable()
    }
    expect(died).toBeGreaterThan(4)
  })

  test.each([16, 18])('with what it has learned not yet on its disk: it learns it again, and nobody wonders (seed %i)', (seed) => {
    const { sim, near } = floorLost(seed)
    sim.runUntil('it learns', () => told(sim, 'learns what it may have held').length > 0)
    comeBack(sim, near)
    expect(sim.status(near)?.fence).toEqual({ floor: undefined })
    sim.runUntilConverged()
    expect(told(sim, 'learns what it may have held').length).toBe(2)
    expect(isFenced(sim, near)).toBe(false)
    sim.checkLinearizable()
  })

  test('with the batch of what it has learned on its disk, and its slot not: it learns it again, and nobody wonders', () => {
    const { sim, near } = floorLost(17)
    sim.disks.dieAt(near, 'atSlot')
    sim.runUntil('it dies', () => sim.status(near) === undefined)
    expect(told(sim, 'learns what it may have held').length).toBe(1)
    sim.restart(near)
    sim.runUntil('it has read its log', () => sim.status(near) !== undefined)
    expect(sim.status(near)?.fence).toEqual({ floor: undefined })
    sim.runUntilConverged()
    expect(isFenced(sim, near)).toBe(false)
    sim.checkLinearizable()
  })
})

describe('damage strikes while a log is being opened', () => {
  test('and has been read already: it shows in the next life, and nobody wonders', () => {
    const { sim, near } = cluster(19)
    sim.crash(near)
    sim.restart(near)
    // Slots and records are read by then, each within a millisecond.
    sim.run({ ms: 2 })
    expect(sim.status(near)).toBeUndefined()
    sim.disks.loseEntry(near, 6)
    sim.runUntil('it has read its log', () => sim.status(near) !== undefined)
    expect(told(sim, 'finds its log damaged')).toEqual([])

    sim.crash(near)
    sim.restart(near)
    sim.runUntil('it has read its log', () => sim.status(near) !== undefined)
    expect(told(sim, 'finds its log damaged').length).toBe(1)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('and has not been read yet: it shows in this life, and the next one finds all that it was given back', () => {
    const { sim, near } = cluster(20, 5_000)
    sim.crash(near)
    sim.restart(near)
    sim.disks.loseEntry(near, 6)
    sim.runUntilConverged()
    sim.crash(near)
    sim.restart(near)
    sim.runUntilConverged()
    expect(told(sim, 'finds its log damaged').length).toBe(1)
    sim.checkLinearizable()
  })
})

test('the database of one node is gone while the others have stopped too: it is itself again, and nobody is elected without its entries', () => {
  const { sim, leader, near, far } = cluster(15)
  sim.isolate(far)
  write(sim, [11])
  sim.crashAll()
  sim.heal()
  for (const node of sim.nodes) sim.crash(node)
  sim.disks.loseDatabase(near)
  sim.restart(near)
  sim.restart(far)
  expectNoLeader(sim)
  sim.restart(leader)
  expect(lastValue(sim)).toBe(11)
  sim.runUntilConverged()
  sim.checkLinearizable()
})

describe('whatever entries each of them has lost, as long as each is left somewhere, all come back', () => {
  /** What is lost with the block that begins at the `i`th last place: its entries, up to where the next one begins. */
  const entriesOf = (sim: Simulation, node: number, i: number): readonly number[] => {
    const blocks = sim.disks.blocks(node)
    const [first = 0, next = sim.commitIndex + 1] = blocks.slice(-1 - i)
    return Array.from({ length: next - first }, (_, offset) => first + offset)
  }

  test.each(Array.from({ length: 40 }, (_, i) => i + 1))('seed %i', (seed) => {
    const voters = seed % 2 === 0 ? 3 : 5
    const sim = simulate({ seed: 1_000 + seed, voters, limits: { snapshotEntries: seed % 3 === 0 ? 20 : 1_000, logTailEntries: 5 } })
    sim.work({ clients: 3, calls: 60, pauseMs: 30, burstMax: 1 })
    sim.run({ ms: 3_000 })
    sim.stopWork()
    sim.runUntilConverged()
    sim.crashAll()
    const lost = new Set<number>()
    for (const [i, node] of sim.nodes.entries()) {
      const entries = entriesOf(sim, node, (seed + i) % 4)
      // One of them keeps it, whoever has lost it beside this one.
      if (i > 0 && entries.some((index) => lost.has(index))) continue
      for (const index of entries) lost.add(index)
      sim.disks.loseEntry(node, entries[0] ?? 0)
    }
    sim.restartAll()
    sim.runUntilConverged({ withinMs: 30_000 })
    sim.work({ clients: 1, calls: 5, pauseMs: 5 })
    sim.runUntilConverged()
    sim.checkLinearizable()
  })
})
