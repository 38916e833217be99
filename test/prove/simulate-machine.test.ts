import { describe, expect, test } from 'vitest'
import { type BankHandlers, bank, ok } from '../../examples/bank/generated/index.ts'
import { handlers } from '../../examples/bank/handlers.ts'
import bankSchema from '../../examples/bank/schema.ts'
import { locks } from '../../examples/locks/generated/index.ts'
import { handlers as locksHandlers } from '../../examples/locks/handlers.ts'
import locksSchema from '../../examples/locks/schema.ts'
import { queue } from '../../examples/queue/generated/index.ts'
import { handlers as queueHandlers } from '../../examples/queue/handlers.ts'
import queueSchema from '../../examples/queue/schema.ts'
import { noFault, seeds, SimulationError, simulateAndShrink, simulateMachine, type Subject } from '../../src/prove/index.ts'

const subjects: Readonly<Record<string, Subject>> = {
  bank: { schema: bankSchema, machine: () => bank(handlers) },
  locks: { schema: locksSchema, machine: () => locks(locksHandlers) },
  queue: { schema: queueSchema, machine: () => queue(queueHandlers) },
}
const bankWith = (changed: Partial<BankHandlers>): Subject => ({ schema: bankSchema, machine: () => bank({ ...handlers, ...changed }) })

function failureOf(run: () => unknown): SimulationError {
  try {
    run()
  } catch (error) {
    if (error instanceof SimulationError) return error
    throw error
  }
  throw new Error('everything holds')
}

describe.each(Object.entries(subjects))('the machine %s in a simulated cluster, whatever breaks', (_, subject) => {
  test.each(seeds(6))('seed %i', (seed) => {
    const { calls, answered } = simulateMachine(subject, { seed })
    expect(calls).toBeGreaterThan(20)
    expect(answered).toBeGreaterThan(0)
  })
})

test('the same seed is the same run', () => {
  const run = () => simulateMachine(subjects['bank'] ?? bankWith({}), { seed: 4 })
  expect(run().traceHash).toBe(run().traceHash)
})

describe('a handler that is wrong is found out, and told in the words of its schema', () => {
  test('luck', () => {
    const subject = bankWith({
      open(state, { name }) {
        state.accounts.set(name, { owner: `number ${Math.floor(Math.random() * 1e6)}`, balance: 0 })
        return ok()
      },
    })
    const failure = failureOf(() => simulateMachine(subject, { seed: 1, faults: noFault }))
    expect(failure.invariant).toMatch(/^equal (?:states|replies|digests)/)
  })

  test('an invariant that does not hold: the run is made small, its chart tells the calls', () => {
    const subject = bankWith({
      settle(state, { transfers: [first] }) {
        const source = first === undefined ? undefined : state.accounts.get(first.from)
        if (first === undefined || source === undefined || source.balance < first.amount) return ok(state.count)
        state.accounts.set(first.from, { ...source, balance: source.balance - first.amount })
        return ok(state.count)
      },
    })
    const failure = failureOf(() => seeds(20).forEach((seed) => void simulateAndShrink(subject, { seed }, { runsMax: 60 })))
    expect(failure.invariant).toBe('invariants of the machine')
    expect(failure.finding).toMatch(/^after entry \d+, settle\(\{ transfers: \[.*\] \}\): sumIsConstant does not hold: the sum is \d+$/)
    const { chart, plan } = failure.run
    expect(plan.calls?.size).toBeLessThan(10)
    const notes = chart?.events.flatMap((event) => (event.kind === 'note' ? [event.text] : []))
    expect(notes).toContainEqual(expect.stringMatching(/^calls command settle\(\{ transfers: \[\{ order: /))
  })
})

test.each([['x'], [-1], ['1/acts=']])('%j is no seed', (seed) => {
  expect(() => simulateMachine(bankWith({}), { seed })).toThrow(/^seed is .*: a whole number of at least 0 is required/)
})
