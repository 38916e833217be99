import { describe, expect, test } from 'vitest'
import { decodeListAnswer, encodeListCommand, encodeListQuery, type SimCall, type Simulation, simulate } from '../../src/sim/index.ts'

const append = (value: number): Uint8Array => encodeListCommand({ kind: 'append', key: 1, value })
const query = encodeListQuery(1)

const isSettled = (call: SimCall): boolean => call.outcome.kind !== 'pending'
const indexOf = ({ outcome }: SimCall): number => (outcome.kind === 'answered' ? outcome.index : 0)
const lastValue = ({ outcome }: SimCall): number | undefined =>
  outcome.kind === 'answered' ? decodeListAnswer(outcome.reply).last : undefined

function answered(sim: Simulation, call: SimCall): SimCall {
  sim.runUntil('the call is settled', () => isSettled(call))
  expect(call.outcome).toMatchObject({ kind: 'answered' })
  return call
}

describe('a leader that is cut off', () => {
  test('commits nothing, and gives up its entries when it returns', () => {
    const sim = simulate({ seed: 7, voters: 3 })
    const old = sim.runUntilLeader()
    answered(sim, sim.submit(append(1), { at: old }))
    sim.isolate(old)
    const doomed = sim.submit(append(2), { at: old, timeoutMs: 2_000 })
    const leader = sim.runUntilLeader({ except: old })
    const kept = answered(sim, sim.submit(append(3), { at: leader }))
    sim.runUntilQuiet()
    expect(doomed.outcome).toEqual({ kind: 'pending' })
    expect(sim.status(old)?.commitIndex).toBeLessThan(indexOf(kept))

    sim.heal()
    sim.runUntilConverged()
    expect(doomed.outcome).toMatchObject({ kind: 'failed', code: 'OUTCOME_UNKNOWN' })
    expect(sim.committed(old)).toEqual(sim.committed(leader))
    expect(lastValue(answered(sim, sim.query(query)))).toBe(3)
    sim.checkLinearizable()
  })

  test('leads no more after an election timeout without its followers (§6.2)', () => {
    const sim = simulate({ seed: 8, voters: 5 })
    const old = sim.runUntilLeader()
    sim.isolate(old)
    sim.run({ ms: 700 })
    expect(sim.status(old)?.role).not.toBe('leader')
  })

  test('that comes back disturbs nobody: the new leader stays, in its term (§9.6)', () => {
    const sim = simulate({ seed: 9, voters: 3 })
    const old = sim.runUntilLeader()
    sim.isolate(old)
    const leader = sim.runUntilLeader({ except: old })
    const elections = sim.elections
    sim.run({ ms: 5_000 })
    sim.heal()
    sim.runUntilConverged()
    sim.run({ ms: 5_000 })
    expect(sim.leader).toBe(leader)
    expect(sim.elections).toBe(elections)
  })
})

describe('reads', () => {
  test('a leader that slept through the election of another answers no linearizable query from its old state (§6.4)', () => {
    const sim = simulate({ seed: 11, voters: 3 })
    const old = sim.runUntilLeader()
    answered(sim, sim.submit(append(1), { at: old }))
    answered(sim, sim.query(query, { at: old }))
    sim.stall(old, { ms: 3_000 })
    const leader = sim.runUntilLeader({ except: old })
    const write = answered(sim, sim.submit(append(2), { at: leader }))
    // It reaches the sleeper while it still believes to lead.
    const read = sim.query(query, { at: old, timeoutMs: 4_000 })
    sim.runUntil('the query is settled', () => isSettled(read))
    expect([undefined, 2]).toContain(lastValue(read))
    expect(write.outcome).toMatchObject({ kind: 'answered' })
    sim.heal()
    sim.runUntilConverged()
    sim.checkLinearizable()
  })

  test('a node without a majority answers stale queries only', () => {
    const sim = simulate({ seed: 12, voters: 3 })
    const old = sim.runUntilLeader()
    answered(sim, sim.submit(append(1), { at: old }))
    sim.isolate(old)
    sim.run({ ms: 1_000 })
    expect(lastValue(answered(sim, sim.query(query, { at: old, consistency: 'stale' })))).toBe(1)
    const linearizable = sim.query(query, { at: old, timeoutMs: 1_000 })
    sim.runUntil('the query is settled', () => isSettled(linearizable))
    expect(linearizable.outcome).toMatchObject({ kind: 'failed', code: 'UNAVAILABLE' })
  })
})

describe('crashes', () => {
  test.each([1, 3, 5])('all %i nodes at once: everything acknowledged is there after the restart', (voters) => {
    const sim = simulate({ seed: 20 + voters, voters })
    sim.runUntilLeader()
    const calls = Array.from({ length: 50 }, (_, i) => sim.submit(append(i + 1)))
    sim.runUntil('some are answered', () => calls.filter(isSettled).length >= 20)
    sim.crashAll()
    const before = calls.filter(isSettled)
    sim.run({ ms: 500 })
    sim.restartAll()
    sim.runUntilConverged()
    const present = new Set(sim.committed(1).map(({ index }) => index))
    expect(before.filter((call) => !present.has(indexOf(call)))).toEqual([])
    expect(calls.map(({ outcome }) => outcome.kind)).toEqual(calls.map(() => 'answered'))
    expect(lastValue(answered(sim, sim.query(query)))).toBe(50)
    sim.checkLinearizable()
  })

  test('of the leader with 200 calls in flight: each is settled, in the order of the calls, once', () => {
    const sim = simulate({ seed: 31, voters: 3 })
    const leader = sim.runUntilLeader()
    answered(sim, sim.submit(append(1)))
    const calls = Array.from({ length: 200 }, (_, i) => sim.submit(append(i + 2)))
    sim.run({ ms: 3 })
    sim.crash(leader)
    sim.runUntilLeader({ except: leader })
    sim.heal()
    sim.runUntilConverged()
    const indexes = calls.map(indexOf)
    expect(indexes.every((index) => index > 0)).toBe(true)
    expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b))
    sim.checkLinearizable()
  })

  test('of any minority are not noticed by the majority but for an election', () => {
    const sim = simulate({ seed: 32, voters: 5 })
    const leader = sim.runUntilLeader()
    const other = sim.nodes.find((id) => id !== leader) ?? 0
    sim.crash(leader)
    sim.crash(other)
    answered(sim, sim.submit(append(1)))
  })

  test('a node whose disk fails stops, and the others go on without it', () => {
    const sim = simulate({ seed: 33, voters: 3 })
    const leader = sim.runUntilLeader()
    answered(sim, sim.submit(append(1)))
    sim.failDisk(leader)
    answered(sim, sim.submit(append(2)))
    expect(sim.status(leader)).toBeUndefined()
    sim.heal()
    sim.runUntilConverged()
    sim.checkLinearizable()
  })
})

describe('a server with little room', () => {
  test('refuses for now what it has no room for, and what comes after it: nothing overtakes, everything is done', () => {
    const sim = simulate({ seed: 35, voters: 3, limits: { pendingCommandsMax: 3 } })
    sim.runUntilLeader()
    const calls = Array.from({ length: 100 }, (_, i) => sim.submit(append(i + 1), { timeoutMs: 60_000 }))
    sim.runUntilConverged()
    const indexes = calls.map(indexOf)
    expect(calls.filter(({ outcome }) => outcome.kind !== 'answered')).toEqual([])
    expect(indexes).toEqual([...indexes].sort((a, b) => a - b))
    sim.checkLinearizable()
  })

  test('takes entries one at a time where a message holds no more, and reads from its log what it has no memory for', () => {
    const coreLimits = { messageBytesMax: 1, inflightMessagesMax: 1, cacheBytesMax: 1 }
    const sim = simulate({ seed: 36, voters: 3, coreLimits })
    const leader = sim.runUntilLeader()
    const behind = sim.nodes.find((id) => id !== leader) ?? 0
    sim.crash(behind)
    for (let i = 1; i <= 100; i++) sim.submit(append(i))
    sim.runUntilQuiet()
    sim.restart(behind)
    sim.runUntilConverged()
    expect(sim.committed(behind)).toEqual(sim.committed(leader))
    sim.checkLinearizable()
  })
})

test('a caller for generated clients settles while the simulation runs, and not by itself', () => {
  const sim = simulate({ seed: 37, voters: 3 })
  const caller = sim.caller()
  const told: (number | string | undefined)[] = []
  caller.command(append(1), undefined, (error, answer) => told.push(error?.code ?? answer?.reply.length))
  expect(told).toEqual([])
  sim.runUntil('the command is answered', () => told.length === 1)
  const stop = new AbortController()
  caller.query(query, { signal: stop.signal }, (error, answer) => told.push(error?.code ?? answer?.index))
  stop.abort()
  sim.runUntil('the query is settled', () => told.length === 2)
  expect(told).toEqual([14, 'ABORTED'])
})

describe('sessions', () => {
  test('of clients that are gone expire by log time, in an idle cluster too', () => {
    const sim = simulate({ seed: 41, voters: 3, limits: { sessionTtlMs: 1_000 } })
    sim.runUntilLeader()
    const client = sim.client()
    answered(sim, sim.submit(append(1), { client }))
    expect(sim.nodes.map((id) => sim.status(id)?.sessions)).toContain(1)
    sim.crashClient(client)
    sim.run({ ms: 3_000 })
    expect(sim.nodes.map((id) => sim.status(id)?.sessions)).toEqual([0, 0, 0])
  })

  test('of idle clients that are there do not', () => {
    const sim = simulate({ seed: 42, voters: 3, limits: { sessionTtlMs: 1_000 } })
    sim.runUntilLeader()
    answered(sim, sim.submit(append(1)))
    sim.run({ ms: 10_000 })
    expect(sim.nodes.map((id) => sim.status(id)?.sessions)).toEqual([1, 1, 1])
  })

  test('that are closed are forgotten', () => {
    const sim = simulate({ seed: 43, voters: 3 })
    sim.runUntilLeader()
    const client = sim.client()
    answered(sim, sim.submit(append(1), { client }))
    client.close()
    sim.run({ ms: 200 })
    expect(sim.nodes.map((id) => sim.status(id)?.sessions)).toEqual([0, 0, 0])
  })
})

describe('cut links', () => {
  const links = [1, 2, 3].flatMap((from) => [1, 2, 3].filter((to) => to !== from).map((to) => ({ from, to })))
  const cuts = Array.from({ length: 2 ** links.length }, (_, mask) => links.filter((_, bit) => (mask >> bit) % 2 === 1))
  const passes = (cut: typeof links, from: number, to: number): boolean => !cut.some((link) => link.from === from && link.to === to)
  const hasPair = (cut: typeof links): boolean => links.some(({ from, to }) => passes(cut, from, to) && passes(cut, to, from))
  const withPair = cuts.filter(hasPair).map((cut) => ({ cut, name: cut.map(({ from, to }) => `${from}>${to}`).join(' ') || 'any cut' }))

  test.each(withPair)('three nodes, with $name: two that hear each other serve', ({ cut }) => {
    const sim = simulate({ seed: 50, voters: 3 })
    sim.runUntilLeader()
    for (const link of cut) sim.cut(link)
    sim.run({ ms: 2_000 })
    answered(sim, sim.submit(append(1), { timeoutMs: 10_000 }))
    sim.heal()
    sim.runUntilConverged({ withinMs: 3_000 })
    sim.checkLinearizable()
  })

  const splits = Array.from({ length: 2 ** 5 }, (_, mask) => [1, 2, 3, 4, 5].filter((_, bit) => (mask >> bit) % 2 === 1)).filter(
    ({ length }) => length === 1 || length === 2,
  )
  test.each(splits.map((minority) => ({ minority })))('five nodes, $minority apart: the majority serves', ({ minority }) => {
    const sim = simulate({ seed: 51, voters: 5 })
    sim.runUntilLeader()
    sim.partition([minority, sim.nodes.filter((id) => !minority.includes(id))])
    answered(sim, sim.submit(append(1), { timeoutMs: 3_000 }))
    sim.heal()
    sim.runUntilConverged({ withinMs: 3_000 })
    expect(new Set(sim.nodes.map((id) => sim.status(id)?.digest)).size).toBe(1)
    sim.checkLinearizable()
  })
})

test('a condition that does not come about ends the run, with the story and the command that repeats it', () => {
  const sim = simulate({ seed: 60, voters: 3 })
  sim.isolate(1)
  sim.isolate(2)
  expect(() => sim.runUntilLeader({ withinMs: 2_000 })).toThrow(
    /^seed 60, after 2\.000 s and \d+ steps: liveness: a leader: not within 2000 ms\. 0 calls are open; committed: voters 1@1 2@1 3@1; node 1 is \w+ of term 0, .*\n[\s\S]*node 3 {4}sends {"kind":"Recall"[\s\S]*\nrepeat it with: this test; seed 60 decides everything$/,
  )
})
