import { describe, expect, test } from 'vitest'
import { ListMachine, type Simulation, simulate } from '../../src/sim/index.ts'
import { answered, append, checkLoad, load } from './support.ts'

const limits = { snapshotEntries: 20, logTailEntries: 5 }

function followerOf(sim: Simulation): number {
  const leader = sim.runUntilLeader()
  return sim.nodes.find((id) => id !== leader) ?? 0
}

const write = (sim: Simulation, count: number): void => {
  for (let i = 1; i <= count; i++) answered(sim, sim.submit(append(i)))
}

describe('the log', () => {
  test('is short on every node, however much was written', () => {
    const sim = simulate({ seed: 1, voters: 3, limits })
    followerOf(sim)
    write(sim, 300)
    sim.runUntilConverged()
    for (const node of sim.nodes) {
      const { firstIndex = 0, lastIndex = 0 } = sim.status(node) ?? {}
      expect(lastIndex - firstIndex).toBeLessThan(60)
    }
    sim.checkLinearizable()
  })

  test('and the newest snapshot give the state back after a crash of all nodes', () => {
    const sim = simulate({ seed: 2, voters: 3, limits })
    followerOf(sim)
    write(sim, 100)
    sim.crashAll()
    sim.restartAll()
    sim.runUntilConverged()
    expect(sim.coverage.of('snapshotFetched')).toBe(0)
    sim.checkLinearizable()
  })
})

describe('a follower that comes back when the log has gone on without it', () => {
  test.each([0, 200_000])('catches up although writes never stop, with a state of %i bytes and more', (ballastBytes) => {
    const sim = simulate({ seed: 11, voters: 3, limits, machine: () => new ListMachine({ ballastBytes }) })
    const away = followerOf(sim)
    sim.crash(away)
    load(sim)
    sim.run({ ms: 3_000 })
    sim.restart(away)
    const lag = (): number => sim.commitIndex - (sim.status(away)?.lastApplied ?? 0)
    sim.runUntil('it is back', () => lag() < 20, { withinMs: 3_000 })
    expect(sim.coverage.of('snapshotFetched')).toBeGreaterThan(0)
    checkLoad(sim)
  })

  test('goes on with the fetch from somebody else when its source dies', () => {
    const sim = simulate({ seed: 12, voters: 5, limits, machine: () => new ListMachine({ ballastBytes: 300_000 }) })
    const away = followerOf(sim)
    sim.crash(away)
    write(sim, 100)
    sim.restart(away)
    sim.run({ ms: 15 })
    const [source = 0] = sim.nodes.filter((id) => id !== away && id !== sim.leader)
    sim.crash(source)
    sim.runUntil('it is back', () => sim.status(away)?.lastApplied === sim.commitIndex, { withinMs: 3_000 })
    sim.heal()
    sim.runUntilConverged()
    sim.checkLinearizable()
  })
})

describe('a damaged snapshot', () => {
  test('is no loss while an older one and the log behind it are whole: nobody else is asked', () => {
    const sim = simulate({ seed: 21, voters: 3, limits })
    const node = followerOf(sim)
    write(sim, 100)
    expect(sim.members.damageSnapshots(node, 'newest')).toBeGreaterThanOrEqual(2)
    sim.crash(node)
    sim.restart(node)
    sim.runUntilConverged({ withinMs: 3_000 })
    expect(sim.coverage.of('snapshotFetched')).toBe(0)
    sim.checkLinearizable()
  })

  test('of which no other is left is replaced by one of the other members', () => {
    const sim = simulate({ seed: 22, voters: 3, limits })
    const node = followerOf(sim)
    write(sim, 100)
    sim.members.damageSnapshots(node, 'all')
    sim.crash(node)
    sim.restart(node)
    sim.runUntilConverged({ withinMs: 3_000 })
    expect(sim.coverage.of('snapshotFetched')).toBe(1)
    sim.checkLinearizable()
  })
})
