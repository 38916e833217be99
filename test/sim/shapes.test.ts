import { describe, expect, test } from 'vitest'
import { Chance } from '../../src/sim/chance.ts'
import { runSeed, simulate } from '../../src/sim/index.ts'

describe('runs of a shape of their own', () => {
  test('some begin in phase, and have a leader in time, also after a power cut', () => {
    expect(runSeed(2).coverage.of('electedInPhase')).toBe(1)
  })

  test('in some a follower on a slow line is overtaken by what clients write, and follows the log again', () => {
    expect(runSeed(5).coverage.of('overtaken')).toBe(1)
  })
})

describe('in phase', () => {
  test('whatever takes long takes equally long, in every stream of chance, until that ends', () => {
    const chance = new Chance(1)
    const fork = chance.fork()
    chance.isEven = true
    expect([chance.between(1, 3), fork.between(1, 3), fork.fork().wait(7)]).toEqual([2, 2, 7])
    chance.isEven = false
    expect(fork.between(1, 3)).not.toBe(2)
  })

  test('nothing breaks until it is unleashed', () => {
    const sim = simulate({ seed: 2, inPhase: true, faults: ['crash'], nemesis: { pauseMs: 10, lastsMs: 10 } })
    sim.run({ ms: 1_000 })
    expect(sim.coverage.of('crash')).toBe(0)
    sim.unleash()
    sim.run({ ms: 1_000 })
    expect(sim.coverage.of('crash')).toBeGreaterThan(0)
  })
})
