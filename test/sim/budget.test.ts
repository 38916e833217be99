// What the nemesis leaves whole: no more is broken than a cluster gets over.
import { describe, expect, test } from 'vitest'
import { Cluster } from '../../src/sim/cluster.ts'
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
