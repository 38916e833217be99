import { describe, expect, test } from 'vitest'
import { type SimCall, type Simulation, simulate } from '../../src/sim/index.ts'
import { answered, append, indexOf, isSettled, lastValue, query } from './support.ts'

const leaseMs = 500

function withLeases(seed: number): { readonly sim: Simulation; readonly leader: number } {
  const sim = simulate({ seed, voters: 3, drift: 0.045 })
  sim.runUntilLeader()
  const order = sim.members.setLease(leaseMs)
  sim.runUntil('leases are on', () => order.outcome.kind !== 'pending')
  expect(order.outcome).toMatchObject({ kind: 'done' })
  return { sim, leader: sim.runUntilLeader() }
}

const settled = (sim: Simulation, call: SimCall): SimCall => {
  sim.runUntil('the query is settled', () => isSettled(call))
  return call
}

describe('from any replica', () => {
  test('a query reflects what was acknowledged before it was asked (§6.4)', () => {
    const sim = simulate({ seed: 1, voters: 5 })
    sim.runUntilLeader()
    for (let value = 1; value <= 20; value++) {
      answered(sim, sim.submit(append(value)))
      for (const at of sim.nodes) expect(lastValue(answered(sim, sim.query(query, { at, nearest: true })))).toBe(value)
    }
    expect(sim.coverage.of('followerRead')).toBeGreaterThan(0)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('a query with a token waits until that is reflected, and for no more', () => {
    const sim = simulate({ seed: 2, voters: 3 })
    const leader = sim.runUntilLeader()
    const behind = sim.nodes.find((id) => id !== leader) ?? 0
    answered(sim, sim.submit(append(1)))
    sim.runUntilConverged()
    const token = sim.commitIndex
    sim.isolate(behind)
    const write = answered(sim, sim.submit(append(2)))
    const known = sim.query(query, { at: behind, nearest: true, atLeast: token })
    const unknown = sim.query(query, { at: behind, nearest: true, atLeast: indexOf(write), timeoutMs: 10_000 })
    expect(lastValue(answered(sim, known))).toBe(1)
    sim.run({ ms: 500 })
    expect(unknown.outcome.kind).toBe('pending')
    sim.heal()
    expect(lastValue(answered(sim, unknown))).toBe(2)
    sim.runUntilConverged()
    sim.checkLinearizable()
  })
})

describe('leases', () => {
  test('let a leader answer alone, for as long as nobody else can lead (§6.4.1)', () => {
    const { sim, leader } = withLeases(11)
    answered(sim, sim.submit(append(1), { at: leader }))
    answered(sim, sim.query(query, { at: leader, consistency: 'lease' }))
    sim.isolate(leader)
    const alone = sim.query(query, { at: leader, consistency: 'lease', timeoutMs: 200 })
    const confirmed = sim.query(query, { at: leader, timeoutMs: 200 })
    expect(lastValue(settled(sim, alone))).toBe(1)
    expect(settled(sim, confirmed).outcome).toMatchObject({ kind: 'failed' })
  })

  test.each(['lease', 'linearizable'] as const)('a leader that slept answers no %s query from its old state', (consistency) => {
    const { sim, leader: old } = withLeases(consistency === 'lease' ? 12 : 13)
    answered(sim, sim.submit(append(1), { at: old }))
    answered(sim, sim.query(query, { at: old, consistency }))
    sim.stall(old, { ms: 4_000 })
    const leader = sim.runUntilLeader({ except: old })
    answered(sim, sim.submit(append(2), { at: leader }))
    // It reaches the sleeper while it still believes to lead.
    const read = settled(sim, sim.query(query, { at: old, consistency, timeoutMs: 6_000 }))
    expect([undefined, 2]).toContain(lastValue(read))
    sim.heal()
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test.each([21, 22, 23, 24, 25])(
    'a leader that is cut off answers no more once another one may have acknowledged something (seed %i)',
    (seed) => {
      const { sim, leader: old } = withLeases(seed)
      answered(sim, sim.submit(append(1), { at: old }))
      // Also that what time queries are shown is agreed on for a while.
      answered(sim, sim.query(query, { at: old, consistency: 'lease' }))
      sim.isolate(old)
      const reads: SimCall[] = []
      let write: SimCall | undefined
      for (let ms = 0; ms < 3_000; ms += 5) {
        reads.push(sim.query(query, { at: old, consistency: 'lease', timeoutMs: 50 }))
        const leader = sim.leader
        if (write === undefined && leader !== undefined && leader !== old) write = sim.submit(append(2), { at: leader })
        sim.run({ ms: 5 })
      }
      expect(write?.outcome).toMatchObject({ kind: 'answered' })
      expect(reads.filter(({ outcome }) => outcome.kind === 'answered').length).toBeGreaterThan(10)
      sim.heal()
      sim.runUntilConverged()
      sim.checkLinearizable()
    },
  )

  test('end with a transfer: the old leader answers from none when another one may lead (§3.10)', () => {
    const { sim, leader: old } = withLeases(31)
    answered(sim, sim.submit(append(1)))
    sim.members.transfer()
    const reads: SimCall[] = []
    for (let ms = 0; ms < 300; ms++) {
      reads.push(sim.query(query, { at: old, consistency: 'lease', timeoutMs: 50 }))
      if (ms === 20) sim.submit(append(2))
      sim.run({ ms: 1 })
    }
    sim.heal()
    sim.runUntilConverged()
    expect(sim.leader).not.toBe(old)
    sim.checkLinearizable()
  })
})
