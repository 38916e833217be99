// Every interleaving that a random schedule finds: loss, duplication, reordering, crashes with or without the write in flight, changes of the
// configuration, transfers, snapshots. Figure 3.2 is checked after each step; afterwards the cluster, left in peace, must agree and go on.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvariantError } from '../../src/core/index.ts'
import { actionArbitrary, Chaos, setupArbitrary } from './chaos.ts'
import { confOf, CoreCluster } from './core-cluster.ts'
import { Oracle } from './oracle.ts'

test('figure 3.2 holds after every step, whatever is lost, doubled, reordered, cut off, crashed or changed, and the cluster goes on after it', () => {
  const totals: Record<string, number> = {}
  fc.assert(
    fc.property(setupArbitrary, fc.array(actionArbitrary, { minLength: 100, maxLength: 500, size: 'max' }), (setup, actions) => {
      const chaos = new Chaos(setup)
      for (const action of actions) chaos.act(action)
      expect(chaos.settle()).toBe(true)
      const { oracle, members } = chaos
      expect(new Set(members.map(({ state }) => state)).size).toBe(1)
      for (const { core, stateBase } of members) {
        expect(stateBase.id.index).toBe(oracle.committedIndex)
        expect(core.status.uncommittedBytes).toBe(0)
        for (const { inflightMessages, inflightBytes } of core.status.followers)
          expect({ inflightMessages, inflightBytes }).toEqual({ inflightMessages: 0, inflightBytes: 0 })
      }
      for (const [name, count] of Object.entries(oracle.counts)) totals[name] = (totals[name] ?? 0) + count
    }),
    // `SEED=2 RUNS=1000 npx vitest run test/core/properties.test.ts` for others, and more.
    {
      numRuns: Number(process.env['RUNS'] ?? 200),
      seed: Number(process.env['SEED'] ?? 1),
      endOnFailure: process.env['RUNS'] !== undefined,
    },
  )
  if (process.env['SHOW']) console.log(totals)
  // What never happened was not tested.
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(50)
}, 600_000)

test('an oracle that sees two leaders in a term says so', () => {
  const oracle = new Oracle()
  const cluster = new CoreCluster({ conf: confOf({ voters: [1] }) }, oracle)
  oracle.watch(cluster)
  cluster.start()
  cluster.tick(1, 10)
  const other = new CoreCluster({ conf: confOf({ voters: [2] }) })
  other.start()
  other.tick(2, 10)
  expect(() => oracle.stepped(other.node(2))).toThrow(new InvariantError('election safety: nodes 1 and 2 lead term 1'))
})
