// A voter that has lost its disk and is bootstrapped again, under the identity that it had: the mistake of an operator, or of a start-up script.
import { describe, expect, test } from 'vitest'
import { simulate, type Simulation } from '../../src/sim/index.ts'
import { answered, append, lastValue, query } from './support.ts'

const seeds = Array.from({ length: 12 }, (_, i) => i + 1)

interface Scene {
  readonly forgetsDisks?: boolean
  /** Voters. */
  readonly voters?: 3 | 5
}

/**
 * Of three: the third misses what is acknowledged, the second loses it and is bootstrapped again, the first is down. Of five: the same, of the
 * last two and of one of the first three. With them there is a majority of voters, and without them none.
 */
function secondBootstrappedAgain(seed: number, { forgetsDisks = false, voters = 3 }: Scene = {}): Simulation {
  const sim = simulate({ seed, voters, sabotage: { forgetsDisks } })
  sim.runUntilLeader()
  // Everyone has met everyone by then.
  sim.run({ ms: 2_000 })
  const absent = voters === 3 ? [3] : [4, 5]
  for (const node of absent) sim.crash(node)
  for (let value = 1; value <= 20; value++) answered(sim, sim.submit(append(value)))
  for (const node of sim.nodes) sim.crash(node)
  sim.members.bootstrapAgain(2)
  for (const node of [2, ...absent]) sim.restart(node)
  return sim
}

describe('a voter that was bootstrapped again', () => {
  test.each(seeds)('gets no vote counted, and nothing acknowledged is lost (seed %i)', (seed) => {
    const sim = secondBootstrappedAgain(seed)
    const { elections } = sim
    sim.run({ ms: 5_000 })
    expect([sim.leader, sim.elections]).toEqual([undefined, elections])

    sim.restart(1)
    sim.runUntilConverged()
    expect(lastValue(answered(sim, sim.query(query)))).toBe(20)
    expect(sim.members.conf.members.map(({ incarnation }) => incarnation)).toEqual([1, 2, 1])
    expect(sim.members.isVoter(2)).toBe(true)
    sim.checkLinearizable()
  })

  test.each(seeds.slice(0, 4))('votes for nobody among five either (seed %i)', (seed) => {
    const sim = secondBootstrappedAgain(seed, { voters: 5 })
    const { elections } = sim
    sim.run({ ms: 5_000 })
    expect([sim.leader, sim.elections]).toEqual([undefined, elections])
    sim.restartAll()
    sim.runUntilConverged()
    expect(lastValue(answered(sim, sim.query(query)))).toBe(20)
    sim.checkLinearizable()
  })

  test.each(seeds.slice(0, 4))('would drop what was acknowledged if nobody remembered its disk (seed %i)', (seed) => {
    const dropped = (): void => {
      const sim = secondBootstrappedAgain(seed, { forgetsDisks: true })
      sim.runUntilLeader()
      sim.restart(1)
      sim.runUntilConverged()
      sim.checkLinearizable()
    }
    expect(dropped).toThrow(expect.objectContaining({ invariant: 'leader completeness (figure 3.2)' }))
  })

  test('is found out by the others while they run', () => {
    const sim = secondBootstrappedAgain(1)
    sim.restartAll()
    sim.runUntilConverged()
    expect(sim.members.conf.members.map(({ incarnation }) => incarnation)).toEqual([1, 2, 1])
    expect(lastValue(answered(sim, sim.query(query)))).toBe(20)
  })
})
