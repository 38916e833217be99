// What the oracles find when the core itself is wrong. The modules are the real ones, with one rule broken while `broken` names it.
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ConfState, NodeId } from '../../src/core/types.ts'
import { runSeed, SimulationError, seeds, simulate } from '../../src/sim/index.ts'
import { answered, append, query } from './support.ts'

const rule = vi.hoisted(() => ({ broken: '' }))
const is = (name: string): boolean => rule.broken === name

vi.mock('../../src/core/limits.ts', async (original) => {
  const real = await original<typeof import('../../src/core/limits.ts')>()
  return {
    ...real,
    get leaseShare() {
      return is('a lease without a share for clocks') ? 1.1 : real.leaseShare
    },
  }
})
vi.mock('../../src/core/quorum.ts', async (original) => {
  const real = await original<typeof import('../../src/core/quorum.ts')>()
  const counted = (conf: ConfState): ConfState => {
    if (is('learners that count')) return { ...conf, voters: [...new Set([...conf.voters, ...conf.learners])] }
    return is('a joint configuration that needs the new majority only') ? { ...conf, votersOutgoing: [] } : conf
  }
  return {
    ...real,
    voteResult: (conf: ConfState, votes: ReadonlyMap<NodeId, boolean>) => real.voteResult(counted(conf), votes),
    quorumValue: (conf: ConfState, valueOf: (id: NodeId) => number) => real.quorumValue(counted(conf), valueOf),
  }
})
vi.mock('../../src/core/reads.ts', async (original) => {
  const real = await original<typeof import('../../src/core/reads.ts')>()
  class Reads extends real.Reads {
    override confirm(round: number, confirmed: Parameters<InstanceType<typeof real.Reads>['confirm']>[1]): void {
      super.confirm(is('reads that wait for no round') ? Number.POSITIVE_INFINITY : round, confirmed)
    }
  }
  return { ...real, Reads }
})
vi.mock('../../src/core/conf-change.ts', async (original) => {
  const real = await original<typeof import('../../src/core/conf-change.ts')>()
  return {
    ...real,
    planChange: (...given: Parameters<typeof real.planChange>) => {
      const plan = real.planChange(...given)
      if (plan.kind === 'refused' || !is('changes of voters in one step')) return plan
      return { kind: 'next' as const, conf: { ...plan.conf, votersOutgoing: [] } }
    },
  }
})
vi.mock('../../src/node/snapshotter.ts', async (original) => {
  const real = await original<typeof import('../../src/node/snapshotter.ts')>()
  class Snapshotter extends real.Snapshotter {
    override passed(entry: Parameters<InstanceType<typeof real.Snapshotter>['passed']>[0]): void {
      super.passed(is('snapshots that know of no change') ? { ...entry, conf: undefined } : entry)
    }
  }
  return { ...real, Snapshotter }
})

afterEach(() => {
  rule.broken = ''
})

function findOut(broken: string, seedsMax: number, run: (seed: number) => unknown = runSeed): string | undefined {
  rule.broken = broken
  for (const seed of seeds(seedsMax)) {
    try {
      run(seed)
    } catch (error) {
      if (error instanceof SimulationError) return error.invariant
      throw error
    }
  }
  return undefined
}

/** A leader with a lease, whose clock may go slower than those of the others, is cut off; somebody else is elected, and writes. */
function cutOffLeader(seed: number): void {
  const timing = { electionTimeoutMs: 2_000, heartbeatMs: 50 }
  const sim = simulate({ seed, voters: 5, drift: 0.05, timing, latencyMs: { min: 0.1, max: 0.5 }, diskMs: { min: 0.1, max: 0.5 } })
  sim.runUntilLeader()
  const order = sim.members.setLease(2_000)
  sim.runUntil('leases are on', () => order.outcome.kind === 'done')
  const old = sim.runUntilLeader()
  answered(sim, sim.submit(append(1), { at: old }))
  answered(sim, sim.query(query, { at: old, consistency: 'lease' }))
  sim.isolate(old)
  sim.run({ ms: 1_700 })
  let isWritten = false
  for (let ms = 0; ms < 800; ms += 4) {
    sim.query(query, { at: old, consistency: 'lease', timeoutMs: 50 })
    const { leader } = sim
    if (!isWritten && leader !== undefined && leader !== old) {
      isWritten = true
      sim.submit(append(2), { at: leader })
    }
    sim.run({ ms: 4 })
  }
}

/** A leader that has handed over is cut off before it knows who leads: its clients go on to ask it, while others write elsewhere. */
function handedOver(seed: number): void {
  const sim = simulate({ seed, voters: 3 })
  const old = sim.runUntilLeader()
  answered(sim, sim.submit(append(1), { at: old }))
  answered(sim, sim.query(query, { at: old }))
  sim.members.transfer(sim.nodes.find((id) => id !== old))
  sim.run({ ms: 5 + seed / 2 })
  sim.isolate(old)
  let isWritten = false
  for (let ms = 0; ms < 300; ms += 3) {
    sim.query(query, { at: old, timeoutMs: 50 })
    const { leader } = sim
    if (!isWritten && leader !== undefined && leader !== old) {
      isWritten = true
      sim.submit(append(2), { at: leader })
    }
    sim.run({ ms: 3 })
  }
  sim.heal()
  sim.runUntilConverged()
  sim.checkLinearizable()
}

describe('the core is found out:', () => {
  test('learners that count', () => {
    expect(findOut('learners that count', 60)).toBeDefined()
  })
  test('a joint configuration that needs the new majority only', () => {
    expect(findOut('a joint configuration that needs the new majority only', 60)).toBeDefined()
  })
  test('changes of voters in one step', () => {
    expect(findOut('changes of voters in one step', 60)).toBeDefined()
  })
  test('reads that wait for no round', () => {
    expect(findOut('', 40, handedOver)).toBeUndefined()
    expect(findOut('reads that wait for no round', 40, handedOver)).toBe('linearizability: real-time order')
  })
  test('snapshots that know of no change', () => {
    expect(findOut('snapshots that know of no change', 60)).toBe('a snapshot has the configuration of its index (§5.1)')
  })
  test('a lease without a share for clocks', () => {
    expect(findOut('', 40, cutOffLeader)).toBeUndefined()
    expect(findOut('a lease without a share for clocks', 40, cutOffLeader)).toBe('linearizability: real-time order')
  })
})
