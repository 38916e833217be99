// Handlers that fail where that halts, and operators who skip their commands, while processes crash at the worst moments and clients go on.
import { describe, expect, test } from 'vitest'
import { RaftgenError } from '../../src/errors.ts'
import type { ApplyContext, StateMachine } from '../../src/machine/state-machine.ts'
import {
  encodeListCommand,
  encodeListQuery,
  type FaultClass,
  ListMachine,
  type Simulation,
  type SimulationOptions,
  simulate,
} from '../../src/sim/index.ts'
import { answered } from './support.ts'

const badKey = 99
const badCommand = (value: number) => encodeListCommand({ kind: 'append', key: badKey, value })
const append = (value: number) => encodeListCommand({ kind: 'append', key: 1, value })
const failedReply = Uint8Array.of(1)

/**
 * Lists whose handler fails with one key: `throws`, or `dies`, which is for good. `passes` is a handler that was mended so that such a command does
 * nothing, and says so in the same words: its state is the right one, its replica does not know that, and has to give it up. `takes` is one that does
 * what it is told: its state is another from then on.
 */
type OnBad = 'throws' | 'dies' | 'passes' | 'takes'
class BadLists extends ListMachine {
  override readonly failedReply = failedReply
  readonly #onBad: OnBad

  constructor(onBad: OnBad) {
    super()
    this.#onBad = onBad
  }

  override apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    if (command[1] !== badKey || this.#onBad === 'takes') return super.apply(command, context)
    if (this.#onBad !== 'passes') context.report({ command: 'append', message: 'the key is bad', stack: undefined })
    if (this.#onBad === 'dies') throw new RaftgenError('HANDLER_FATAL', `the handler of append at index ${context.index} ran out of stack`)
    return failedReply
  }
}

interface Scene {
  readonly seed: number
  readonly faults?: readonly FaultClass[]
  readonly snapshotEntries?: number
  /** Replicas compare themselves so often. */
  readonly digestEntries?: number
  readonly sabotage?: SimulationOptions['sabotage']
  readonly machine: (node: number | undefined) => StateMachine
}

function scene({ seed, faults = [], snapshotEntries = 20, digestEntries = 0, sabotage = {}, machine }: Scene): Simulation {
  return simulate({
    seed,
    voters: 3,
    faults,
    onHandlerError: 'halt',
    limits: { snapshotEntries, logTailEntries: 5, digestEntries },
    machine,
    sabotage,
    storyLines: 5_000,
    nemesis: { pauseMs: 150, lastsMs: 150 },
  })
}

const haltOf = (sim: Simulation, node: number): number | undefined => sim.status(node)?.halted?.index
const halts = (sim: Simulation): readonly number[] => sim.nodes.flatMap((node) => haltOf(sim, node) ?? [])
const told = (sim: Simulation, what: string): readonly string[] => sim.story.filter((line) => line.includes(what))

/** A majority has halted at one command; its index. */
function untilHalted(sim: Simulation): number {
  const majority = (): number | undefined =>
    halts(sim).find((index, _, all) => 2 * all.filter((one) => one === index).length > sim.nodes.length)
  sim.runUntil('a majority has halted', () => majority() !== undefined)
  return majority() ?? 0
}

/** Skips whatever they halt at, until they do so no more, and all calls are settled. */
function skipAll(sim: Simulation): number {
  let skipped = 0
  for (let rounds = 0; rounds < 20; rounds++) {
    const index = halts(sim)[0]
    if (index !== undefined) {
      skipped += 1
      const order = sim.members.skip(index, { persistMs: 5_000 })
      sim.runUntil('the order is settled', () => order.outcome.kind !== 'pending')
    }
    sim.run({ ms: 400 })
    if (halts(sim).length === 0 && skipped > 0) return skipped
  }
  throw new Error(`they halt again and again, the last time at ${halts(sim).join(', ')}`)
}

/** Calls the bad command until one of them is committed. */
function submitUntilHalted(sim: Simulation): void {
  for (let value = 1; value < 40; value++) {
    const call = sim.submit(badCommand(value), { client: sim.client(), timeoutMs: 20_000 })
    sim.runUntil('it halts, or is refused', () => call.outcome.kind !== 'pending' || halts(sim).length > 0)
    if (halts(sim).length > 0) return
  }
}

const crashes: readonly FaultClass[] = ['crash', 'crashOfAll', 'crashInTurn', 'unsyncedLost', 'partition', 'isolation', 'loss', 'transfer']
const seeds = Array.from({ length: Number(process.env['RAFTGEN_HALT_SEEDS'] ?? 12) }, (_, i) => i + 1)

describe('a command whose handler throws on every node', () => {
  test('stops commands and no elections, and everything goes on when it is skipped', () => {
    const sim = scene({ seed: 1, machine: () => new BadLists('throws') })
    const leader = sim.runUntilLeader()
    sim.submit(append(1))
    const doomed = sim.submit(badCommand(2), { timeoutMs: 60_000 })
    const index = untilHalted(sim)
    const refused = sim.submit(append(3), { client: sim.client() })
    sim.runUntil('it is refused', () => refused.outcome.kind !== 'pending')
    expect(refused.outcome).toMatchObject({ kind: 'failed', code: 'APPLY_HALTED', effect: 'notApplied' })
    sim.crash(leader)
    sim.runUntil('another leads', () => sim.leader !== undefined && sim.leader !== leader)
    sim.restart(leader)
    sim.members.skip(index, { persistMs: 10_000 })
    sim.runUntilConverged()
    expect(doomed.outcome).toEqual({ kind: 'answered', reply: Buffer.from(failedReply), index })
    sim.checkLinearizable()
  })

  test.each(seeds)(
    'is skipped under crashes, with clients at work: nothing is lost, nothing happens twice, all end equal (seed %i)',
    (seed) => {
      const sim = scene({ seed, faults: crashes, digestEntries: 8, machine: () => new BadLists('throws') })
      sim.work({ clients: 3, calls: 120 })
      sim.run({ ms: 500 })
      submitUntilHalted(sim)
      sim.submit(badCommand(50), { client: sim.client(), timeoutMs: 20_000 })
      for (let i = 0; i < 4; i++) {
        const index = halts(sim)[0]
        if (index !== undefined) sim.members.skip(index, { persistMs: 2_000 })
        sim.run({ ms: 600 })
      }
      sim.heal()
      sim.stopWork()
      sim.run({ ms: 2_000 })
      if (halts(sim).length > 0) skipAll(sim)
      sim.runUntilConverged()
      expect(told(sim, 'skips').length).toBeGreaterThan(0)
      // They have compared themselves all the while.
      expect(sim.coverage.of('digestReport')).toBeGreaterThan(0)
      expect(told(sim, 'finds that states differ')).toEqual([])
      sim.checkLinearizable()
    },
  )
})

describe('a command that one node applies and the others skip', () => {
  test.each(seeds)('makes that node fetch the state of another, also when it crashes meanwhile (seed %i)', (seed) => {
    // Its own snapshots between command and order differ from those of the others: none is taken there.
    const sim = scene({ seed: 100 + seed, snapshotEntries: 100_000, machine: (node) => new BadLists(node === 3 ? 'passes' : 'throws') })
    sim.runUntilLeader()
    if (sim.leader === 3) {
      sim.members.transfer(1)
      sim.runUntil('another leads', () => sim.leader !== undefined && sim.leader !== 3)
    }
    sim.submit(append(1))
    sim.submit(badCommand(2), { timeoutMs: 30_000 })
    const index = untilHalted(sim)
    sim.runUntil('it is applied', () => (sim.status(3)?.lastApplied ?? 0) >= index)
    const order = sim.members.skip(index, { persistMs: 5_000 })
    sim.runUntil('it gives up its state', () => told(sim, 'gives up its state').length > 0)
    if (seed % 3 === 0) sim.crash(3)
    if (seed % 3 === 1) sim.crashAll()
    sim.run({ ms: 20 * seed })
    sim.heal()
    sim.runUntilConverged()
    expect(['done', 'unknown']).toContain(order.outcome.kind)
    sim.query(encodeListQuery(1))
    sim.runUntilConverged()
    sim.checkLinearizable()
  })
})

describe('a command that the leader applies and the others skip, with another in its place, while all compare themselves', () => {
  test.each(seeds)('leaves those in no doubt, and that one ends with their state, whatever crashes (seed %i)', (seed) => {
    // What clients were told by that one is undone: nobody promises otherwise.
    const blindTo = ['equal states at an equal index', 'equal replies at an equal index', 'linearizability: the model']
    const sim = scene({
      seed: 300 + seed,
      digestEntries: 8,
      sabotage: { machine: (_, node) => new BadLists(node === 3 ? 'takes' : 'throws'), blindTo },
      machine: () => new BadLists('throws'),
    })
    sim.runUntilLeader()
    if (sim.leader !== 3) sim.members.transfer(3)
    sim.runUntil('the third leads', () => sim.leader === 3)
    answered(sim, sim.submit(badCommand(1)))
    for (let value = 2; value < 30; value++) answered(sim, sim.submit(append(value)))
    const index = untilHalted(sim)
    const skip = () => {
      sim.members.transfer(1)
      sim.runUntil('another leads', () => sim.leader === 1)
      return sim.members.skip(index, { persistMs: 20_000 })
    }
    const order = skip()
    sim.run({ ms: 10 * seed })
    if (seed % 3 === 0) sim.crash(3)
    if (seed % 3 === 1) sim.crash(2)
    sim.run({ ms: 2_000 })
    sim.heal()
    sim.runUntil('the order is settled', () => order.outcome.kind !== 'pending')
    if (order.outcome.kind !== 'done') {
      // With the other that has halted away, the leader has handed over to the one that has not.
      const again = skip()
      sim.runUntil('the second order is settled', () => again.outcome.kind !== 'pending')
    }
    for (let value = 30; value < 60; value++) answered(sim, sim.submit(append(value), { timeoutMs: 20_000 }))
    sim.runUntil('all are sound', () =>
      sim.nodes.map((node) => sim.status(node)).every((status) => status !== undefined && status.divergence === undefined),
    )
    sim.runUntilConverged()
    expect(new Set(sim.nodes.map((node) => sim.status(node)?.digest)).size).toBe(1)
    expect(told(sim, 'gives up its state')).not.toEqual([])
    expect(told(sim, 'finds that states differ').filter((line) => !line.includes('node 3'))).toEqual([])
  })
})

describe('a command of which every process dies', () => {
  test.each(seeds)('is tried once by each, and skipped then (seed %i)', (seed) => {
    const sim = scene({ seed: 200 + seed, machine: (node) => new BadLists(node === undefined ? 'throws' : 'dies') })
    sim.runUntilLeader()
    sim.submit(append(1))
    sim.submit(badCommand(2), { timeoutMs: 3_000 })
    const index = untilHalted(sim)
    sim.members.skip(index, { persistMs: 10_000 })
    const after = sim.submit(append(3), { client: sim.client(), timeoutMs: 30_000 })
    sim.runUntilConverged()
    expect(told(sim, 'dies of').length).toBeLessThanOrEqual(3)
    expect(after.outcome.kind).not.toBe('pending')
    sim.checkLinearizable()
  })
})
