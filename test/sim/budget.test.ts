// What the nemesis leaves whole: no more is broken than a cluster gets over.
import { describe, expect, test } from 'vitest'
import { Cluster } from '../../src/sim/cluster.ts'
import { seeds, simulate } from '../../src/sim/index.ts'
import { Upheaval } from '../../src/sim/upheaval.ts'

describe('damage strikes a log', () => {
  test('of one server, and none of another before that one is whole again', () => {
    const cluster = new Cluster({ seed: 1 })
    const upheaval = new Upheaval(cluster)
    expect(upheaval.do('logDamage')).toBe(true)
    expect(Array.from({ length: 20 }, () => upheaval.do('logDamage'))).not.toContain(true)
    expect(cluster.servers.filter(({ isDamaged }) => isDamaged)).toHaveLength(1)
  })

  test('but no disk with nothing on it yet', () => {
    const cluster = new Cluster({ seed: 1 })
    for (const { disk } of cluster.servers) disk.wipe()
    const upheaval = new Upheaval(cluster)
    expect(Array.from({ length: 20 }, () => upheaval.do('logDamage'))).not.toContain(true)
  })
})

test('a snapshot is damaged only where the log goes on from an older one: nobody needs that of another, which may be the last', () => {
  let damaged = 0
  for (const seed of seeds(6)) {
    const sim = simulate({
      seed,
      faults: ['snapshotDamage'],
      nemesis: { pauseMs: 20, lastsMs: 20 },
      limits: { snapshotEntries: 10, logTailEntries: 5 },
    })
    // So little is written that nobody who restarts lags behind the logs of the others.
    sim.work({ clients: 1, calls: 100_000, pauseMs: 60, burstMax: 1, timeoutMs: { min: 5_000, max: 5_000 } })
    sim.run({ ms: 6_000 })
    sim.stopWork()
    sim.heal()
    sim.runUntilConverged()
    damaged += sim.coverage.of('snapshotDamage')
    expect(sim.coverage.of('snapshotFetched')).toBe(0)
  }
  expect(damaged).toBeGreaterThan(5)
})
