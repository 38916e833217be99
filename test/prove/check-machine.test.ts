import { describe, expect, test } from 'vitest'
import { type BankHandlers, type BankState, bank, ok } from '../../examples/bank/generated/index.ts'
import { handlers } from '../../examples/bank/handlers.ts'
import bankSchema from '../../examples/bank/schema.ts'
import { locks } from '../../examples/locks/generated/index.ts'
import { handlers as locksHandlers } from '../../examples/locks/handlers.ts'
import locksSchema from '../../examples/locks/schema.ts'
import { queue } from '../../examples/queue/generated/index.ts'
import { handlers as queueHandlers } from '../../examples/queue/handlers.ts'
import queueSchema from '../../examples/queue/schema.ts'
import { CheckFailure, checkMachine } from '../../src/prove/index.ts'

/** Of the schema's bank, with handlers of its own. */
const bankWith = (changed: Partial<BankHandlers>) => ({ schema: bankSchema, machine: () => bank({ ...handlers, ...changed }) })

function failureOf(run: () => unknown): CheckFailure {
  try {
    run()
  } catch (error) {
    if (error instanceof CheckFailure) return error
    throw error
  }
  throw new Error('everything holds')
}

describe('what is right holds, and is tried in earnest', () => {
  test.each([
    ['bank', { schema: bankSchema, machine: () => bank(handlers) }],
    ['locks', { schema: locksSchema, machine: () => locks(locksHandlers) }],
    ['queue', { schema: queueSchema, machine: () => queue(queueHandlers) }],
  ])('%s', (_, subject) => {
    const { cases, commands } = checkMachine(subject, { cases: 100 })
    expect(cases).toBe(100)
    for (const [name, { applied }] of commands) expect(applied, name).toBeGreaterThan(50)
  })

  test('commands that need one another are accepted often enough', () => {
    const { commands } = checkMachine({ schema: bankSchema, machine: () => bank(handlers) }, { cases: 200 })
    const { applied = 0, refused = 0 } = commands.get('settle') ?? {}
    expect(applied - refused).toBeGreaterThan(20)
  })
})

/** Of the module, and so of all replicas in the process: as a handler's author may have meant it. */
const cache = new Map<string, { owner: string; balance: number }>()
let opened = 0

describe('a bug of each kind is found within a thousand cases, and told in a few steps', () => {
  test.each<[what: string, property: string, stepsMax: number, changed: Partial<BankHandlers>]>([
    [
      'a clock',
      'equal replicas stay equal',
      1,
      { open: opens((state, name) => state.accounts.set(name, { owner: `opened at ${Date.now()}`, balance: 0 })) },
    ],
    [
      'the time zone',
      'equal replicas stay equal',
      1,
      { open: opens((state, name) => state.accounts.set(name, { owner: `${new Date(86_400_000).getHours()} h`, balance: 0 })) },
    ],
    [
      'luck',
      'equal replicas stay equal',
      1,
      { open: opens((state, name) => state.accounts.set(name, { owner: Math.random().toString().slice(0, 20), balance: 0 })) },
    ],
    [
      'a count of the module',
      'equal replicas stay equal',
      1,
      { open: opens((state, name) => state.accounts.set(name, { owner: `number ${opened++}`, balance: 0 })) },
    ],
    [
      'an object that is kept and changed',
      'equal replicas stay equal',
      1,
      {
        open(state, { name }) {
          const account = cache.get(name) ?? { owner: 'one', balance: 0 }
          account.owner = account.owner === 'one' ? 'other' : 'one'
          cache.set(name, account)
          state.accounts.set(name, account)
          return ok()
        },
      },
    ],
    [
      'a change by half: what was taken is not given back',
      'the invariant sumIsConstant',
      2,
      {
        settle(state, { transfers }) {
          for (const { from, to, amount } of transfers) {
            const source = state.accounts.get(from)
            if (source === undefined || source.balance < amount) continue
            state.accounts.set(from, { ...source, balance: source.balance - amount })
            const target = state.accounts.get(to)
            if (target !== undefined) state.accounts.set(to, { ...target, balance: target.balance + amount })
          }
          return ok(state.count)
        },
      },
    ],
    ['an output that does not fit', 'what a handler returns fits its schema', 1, { sum: () => 0.5 }],
    [
      'an error that is not declared',
      'what a handler returns fits its schema',
      1,
      { open: () => JSON.parse('{ "ok": false, "error": { "code": "TooLittle", "name": "a", "balance": 1 } }') },
    ],
    [
      'a throw',
      'no handler throws',
      1,
      {
        open: (_, { name }) => {
          throw new Error(`no room for ${name}`)
        },
      },
    ],
    [
      'an input that is changed',
      'no handler throws',
      1,
      {
        open(_, input) {
          Object.assign(input, { name: 'b' })
          return ok()
        },
      },
    ],
    [
      'a query that writes',
      'no handler throws',
      1,
      { sum: (state) => Number(Reflect.apply(Reflect.get(state.accounts, 'delete'), state.accounts, ['vault'])) },
    ],
    ['a recursion without an end', 'no handler throws', 1, { sum: deep }],
  ])('%s', (_, property, stepsMax, changed) => {
    const failure = failureOf(() => checkMachine(bankWith(changed)))
    expect(failure.property).toBe(property)
    expect(failure.story.length).toBeLessThanOrEqual(stepsMax)
    expect(failure.test).toContain(`test('${property}'`)
  })
})

function opens(set: (state: BankState, name: string) => void): BankHandlers['open'] {
  return (state, { name }) => {
    set(state, name)
    return ok()
  }
}

function deep(state: Parameters<BankHandlers['sum']>[0]): number {
  return deep(state) + 1
}
