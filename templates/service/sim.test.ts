// What is proved of the machine: with inputs drawn from the schema, on replicas that are compared, and in simulated clusters in which everything
// breaks. `npx raftgen check schema.ts` and `npx raftgen sim schema.ts` do the same with more cases, and tell more of what they find.
import { checkMachine, seeds, simulateMachine } from 'raftgen/sim'
import { expect, test } from 'vitest'
import { store } from './generated/index.js'
import { handlers } from './handlers.js'
import schema from './schema.js'

const subject = { schema, machine: () => store(handlers) }

test('replicas stay equal, a failure leaves no trace, results fit the schema, its invariants hold', { timeout: 60_000 }, () => {
  expect(checkMachine(subject, { cases: 200 }).cases).toBe(200)
})

// A seed decides everything: how many nodes, what clients ask for, what breaks and when. The same seed is the same run.
test.each(seeds(10))('seed %i: whatever breaks, clients see one copy of the state, and nothing is lost', { timeout: 60_000 }, (seed) => {
  expect(simulateMachine(subject, { seed }).answered).toBeGreaterThan(0)
})
