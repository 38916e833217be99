import { describe, expect, test } from 'vitest'
import type { ApplyContext } from '../../src/machine/state-machine.ts'
import { decodeListAnswer, encodeListCommand, ListMachine, type Simulation, simulate } from '../../src/sim/index.ts'
import type { NodeId } from '../../src/core/types.ts'
import { append, answered, indexOf, isSettled, lastValue, query } from './support.ts'

const digestEntries = 20

/** Lists that can be made to store something else than they are told to. */
class FrailMachine extends ListMachine {
  #wrongValue = 0

  /** Of which entry the others will not know. */
  wrongAt = 0

  failOnce(wrongValue: number): void {
    this.#wrongValue = wrongValue
  }

  override apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    if (this.#wrongValue === 0) return super.apply(command, context)
    this.wrongAt = context.index
    super.apply(encodeListCommand({ kind: 'append', key: 9, value: this.#wrongValue }), context)
    this.#wrongValue = 0
    return super.apply(command, context)
  }
}

interface Scene {
  readonly sim: Simulation
  readonly leader: NodeId
  readonly followers: readonly NodeId[]
  /** From the next command on `node` is another than the others. */
  spoil(node: NodeId): FrailMachine
}

interface SceneOptions {
  readonly seed: number
  readonly voters?: number
  readonly snapshotEntries?: number
  readonly logTailEntries?: number
}

function scene({ seed, voters = 3, ...limits }: SceneOptions): Scene {
  const machines = new Map<NodeId, FrailMachine>()
  const sim = simulate({
    seed,
    voters,
    limits: { digestEntries, ...limits },
    sabotage: {
      machine: (_, node) => {
        const machine = new FrailMachine({ isFrozen: true })
        machines.set(node, machine)
        return machine
      },
      // What is tried here is that the nodes notice it themselves.
      blindTo: ['equal states at an equal index', 'equal replies at an equal index', 'linearizability: the model'],
    },
  })
  const leader = sim.runUntilLeader()
  const spoil = (node: NodeId): FrailMachine => {
    const machine = machines.get(node)
    if (machine === undefined) throw new Error(`node ${node} has no machine`)
    // Each in its own way.
    machine.failOnce(node)
    return machine
  }
  return { sim, leader, followers: sim.nodes.filter((id) => id !== leader), spoil }
}

const standingOf = (sim: Simulation, node: NodeId): string | undefined => sim.status(node)?.divergence?.standing

/** Appends until it is so; gives the index of the last. */
function appendUntil(sim: Simulation, condition: () => boolean): number {
  let last = 0
  for (let value = 1; !condition(); value++) {
    if (value > 500) throw new Error('nothing came of 500 commands')
    last = indexOf(answered(sim, sim.submit(append(value))))
  }
  return last
}

describe('a follower that differs', () => {
  test('is fenced within the entries that are promised, and the rest goes on with its leader', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 1 })
    const [victim = 0, other = 0] = followers
    const machine = spoil(victim)
    const at = appendUntil(sim, () => standingOf(sim, victim) === 'fenced')
    expect(at - machine.wrongAt).toBeLessThanOrEqual(digestEntries + 5)
    sim.runUntil('all know', () => [leader, other].every((id) => sim.status(id)?.divergence?.others.includes(victim)))
    expect([leader, other].map((id) => standingOf(sim, id))).toEqual(['sound', 'sound'])
    expect(sim.leader).toBe(leader)
    answered(sim, sim.submit(append(7)))
    expect(lastValue(answered(sim, sim.query(query)))).toBe(7)
  })

  test('answers nothing, whatever it is asked for, and its clients are answered elsewhere', () => {
    const { sim, followers, spoil } = scene({ seed: 2 })
    const [victim = 0] = followers
    spoil(victim)
    appendUntil(sim, () => standingOf(sim, victim) === 'fenced')
    const stale = sim.query(query, { at: victim, consistency: 'stale', timeoutMs: 1_000 })
    const linearizable = sim.query(query, { at: victim, timeoutMs: 1_000 })
    sim.runUntil('both are settled', () => isSettled(stale) && isSettled(linearizable))
    expect([stale.outcome.kind, linearizable.outcome.kind]).toEqual(['failed', 'failed'])
  })

  test('votes for nobody, and does not lead when it is all that is left with another', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 3 })
    const [victim = 0, other = 0] = followers
    spoil(victim)
    appendUntil(sim, () => standingOf(sim, victim) === 'fenced')
    sim.crash(leader)
    sim.run({ ms: 10_000 })
    expect([victim, other].map((id) => sim.status(id)?.role)).not.toContain('leader')
    expect(sim.status(victim)?.role).toBe('follower')
    sim.restart(leader)
    sim.runUntilLeader({ except: victim })
  })

  test('is told with the first entry after which it was another', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 4 })
    const [victim = 0] = followers
    const machine = spoil(victim)
    appendUntil(sim, () => standingOf(sim, victim) === 'fenced')
    sim.runUntil('it is found', () => [victim, leader].every((id) => sim.status(id)?.divergence?.index !== undefined))
    for (const id of [victim, leader]) expect(sim.status(id)?.divergence).toMatchObject({ index: machine.wrongAt, isFirst: true })
  })

  test('is well again after a restart: it begins with a state from before that, and does again what the log says', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 6, snapshotEntries: 15 })
    const [victim = 0] = followers
    spoil(victim)
    const at = appendUntil(sim, () => standingOf(sim, victim) === 'fenced')
    // Its snapshots are set aside by then; else it would be found once more.
    sim.run({ ms: 500 })
    sim.crash(victim)
    sim.restart(victim)
    appendUntil(sim, () => (sim.status(leader)?.lastApplied ?? 0) > at + 2 * digestEntries)
    sim.runUntil('all are the same', () => sim.nodes.every((id) => standingOf(sim, id) === undefined))
    sim.runUntilConverged()
    expect(sim.status(victim)?.digest).toBe(sim.status(leader)?.digest)
  })

  test('whose log no longer goes back to a state from before that fetches one when it starts again', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 7, snapshotEntries: 3, logTailEntries: 0 })
    const [victim = 0] = followers
    spoil(victim)
    const at = appendUntil(sim, () => standingOf(sim, victim) === 'fenced')
    sim.runUntil('evidence', () => sim.nodes.every((id) => id === victim || (sim.status(id)?.snapshotIndex ?? 0) > 0))
    // Its snapshots are set aside by then; else it would be found once more.
    sim.run({ ms: 500 })
    sim.crash(victim)
    sim.restart(victim)
    appendUntil(sim, () => (sim.status(leader)?.lastApplied ?? 0) > at + 2 * digestEntries)
    sim.runUntil('all are the same', () => sim.nodes.every((id) => standingOf(sim, id) === undefined))
    sim.runUntilConverged()
    expect(sim.coverage.of('snapshotFetched')).toBe(1)
    expect(sim.status(victim)?.digest).toBe(sim.status(leader)?.digest)
  })

  test('leaves evidence: all take a snapshot of the same entry', () => {
    const { sim, followers, spoil } = scene({ seed: 5 })
    const [victim = 0] = followers
    spoil(victim)
    appendUntil(sim, () => standingOf(sim, victim) === 'fenced')
    // That of the victim is set aside at once.
    const indexes = (): readonly (number | undefined)[] =>
      sim.nodes.filter((id) => id !== victim).map((id) => sim.status(id)?.snapshotIndex)
    sim.runUntil('all have one', () => new Set(indexes()).size === 1 && !indexes().includes(0))
    sim.runUntil('the victim has taken one too', () => sim.coverage.of('snapshotTaken') === 3)
    sim.run({ ms: 1_000 })
    expect(sim.status(victim)?.snapshotIndex).toBe(0)
  })
})

describe('a leader that differs', () => {
  test('leads no more, takes nobody with it, and what it had told nobody is not lost', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 11 })
    spoil(leader)
    appendUntil(sim, () => standingOf(sim, leader) === 'fenced')
    const next = sim.runUntilLeader({ except: leader })
    expect(followers).toContain(next)
    answered(sim, sim.submit(append(7)))
    expect(lastValue(answered(sim, sim.query(query)))).toBe(7)
    expect(followers.map((id) => standingOf(sim, id))).toEqual(['sound', 'sound'])
    expect(standingOf(sim, leader)).toBe('fenced')
  })

  test('is never believed against a majority, whatever it says', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 12, voters: 5 })
    const [second = 0] = followers
    // Two of five, each in its own way.
    spoil(leader)
    answered(sim, sim.submit(append(1)))
    spoil(second)
    appendUntil(sim, () => standingOf(sim, leader) === 'fenced' && standingOf(sim, second) === 'fenced')
    const rest = followers.filter((id) => id !== second)
    sim.runUntilLeader({ except: leader })
    answered(sim, sim.submit(append(7)))
    expect(rest.map((id) => standingOf(sim, id))).toEqual(['sound', 'sound', 'sound'])
  })
})

describe('without a majority', () => {
  test('nobody answers: commands and queries fail with STATE_DIVERGED', () => {
    const { sim, leader, followers, spoil } = scene({ seed: 21 })
    const [second = 0, third = 0] = followers
    spoil(leader)
    answered(sim, sim.submit(append(1)))
    spoil(second)
    const calls = Array.from({ length: 60 }, (_, i) => sim.submit(append(i), { timeoutMs: 4_000 }))
    sim.runUntil('all doubt', () => [leader, second, third].every((id) => standingOf(sim, id) === 'doubtful'))
    sim.runUntil('all are settled', () => calls.every(isSettled))
    const late = sim.submit(append(7), { timeoutMs: 4_000 })
    const asked = sim.query(query, { timeoutMs: 4_000 })
    sim.runUntil('they are told', () => isSettled(late) && isSettled(asked))
    expect(late.outcome).toMatchObject({ kind: 'failed', code: 'STATE_DIVERGED' })
    expect(asked.outcome).toMatchObject({ kind: 'failed', code: 'STATE_DIVERGED' })
  })

  test.each([31, 32, 33])('two of three that differ wait for the third, and whoever it agrees with goes on (seed %d)', (seed) => {
    const { sim, leader, followers, spoil } = scene({ seed })
    const [second = 0, third = 0] = followers
    const victim = seed % 2 === 0 ? leader : second
    sim.isolate(third)
    spoil(victim)
    sim.submit(append(1), { timeoutMs: 60_000 })
    for (let i = 0; i < 40; i++) sim.submit(append(i), { timeoutMs: 60_000 })
    sim.runUntil('both doubt', () => [leader, second].every((id) => standingOf(sim, id) === 'doubtful'))
    sim.heal()
    sim.runUntil('one is fenced', () => standingOf(sim, victim) === 'fenced')
    const sound = victim === leader ? second : leader
    sim.runUntil('the other is not', () => standingOf(sim, sound) === 'sound')
    answered(sim, sim.submit(append(7), { timeoutMs: 30_000 }))
    const answer = answered(sim, sim.query(query)).outcome
    expect(answer.kind === 'answered' && decodeListAnswer(answer.reply).last).toBe(7)
  })
})

test('replicas that are the same never suspect each other, however often they compare', () => {
  const sim = simulate({ seed: 41, limits: { digestEntries: 16 } })
  sim.runUntilLeader()
  for (let i = 0; i < 200; i++) answered(sim, sim.submit(append(i)))
  expect(sim.coverage.of('digestReport')).toBeGreaterThan(40)
  expect(sim.nodes.map((id) => sim.status(id)?.divergence)).toEqual([undefined, undefined, undefined])
})
