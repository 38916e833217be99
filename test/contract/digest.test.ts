import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bind, type MachineDescriptor, type StateMachine } from '../../src/contract/v1.ts'
import type { Digest } from '../../src/core/types.ts'
import { createContext } from '../../src/machine/context.ts'
import { packValue } from '../../src/wire/value.ts'
import { type BankHandlers, bankDescriptor, bankHandlers, type State } from './bank-machine.ts'

type Script = (state: State) => void

/** A bank whose command `open` does what the test wants. */
function scripted(descriptor: MachineDescriptor = bankDescriptor) {
  let script: Script = () => {}
  const handlers: BankHandlers = { ...bankHandlers, open: (state) => script(state) }
  const machine = bind(descriptor, handlers)
  const context = createContext(() => {})
  return {
    machine,
    run(what: Script): void {
      script = what
      context.enter({ index: 1, term: 1, now: 0, version: 1 })
      machine.apply(packValue([1, 1, ['x', 0]]), context)
      context.leave()
    },
  }
}
const of = ({ digest }: StateMachine): Digest => ({ low: digest?.low ?? 0, high: digest?.high ?? 0 })

function perform(steps: readonly Script[], state: State): void {
  for (const step of steps) step(state)
}

const account = fc.constantFrom('vault', 'house', 'ann', 'bob', '__proto__', 'é')
const step: fc.Arbitrary<Script> = fc.oneof(
  fc.tuple(account, fc.nat(3), fc.uint8Array({ maxLength: 2 })).map(
    ([name, balance, seal]): Script =>
      (state) => {
        state.accounts.set(name, { balance, seal })
      },
  ),
  account.map(
    (name): Script =>
      (state) =>
        void state.accounts.delete(name),
  ),
  fc.tuple(fc.integer({ min: 1, max: 5 }), account).map(
    ([index, to]): Script =>
      (state) => {
        state.journal.set(index, { from: 'vault', to, amount: index })
      },
  ),
  fc.nat(3).map(
    (count): Script =>
      (state) => {
        state.transfers = count
      },
  ),
  fc.array(fc.nat(3), { maxLength: 3 }).map(
    (marks): Script =>
      (state) => {
        state.marks = marks
      },
  ),
)
const command = fc.record({ steps: fc.array(step, { maxLength: 8 }), throws: fc.boolean() })

test('a command that throws at any step leaves no trace of it: not a byte of a snapshot, not a bit of the digest', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.array(step, { minLength: 1, maxLength: 12 }), (before, steps) => {
      const bank = scripted()
      bank.run((state) => perform(before, state))
      const [bytes, digest] = [Buffer.from(bank.machine.snapshot()), of(bank.machine)]
      for (let at = 0; at <= steps.length; at++) {
        bank.run((state) => {
          perform(steps.slice(0, at), state)
          throw new Error(`after step ${at}`)
        })
        expect(bytes.equals(bank.machine.snapshot())).toBe(true)
        expect(of(bank.machine)).toEqual(digest)
      }
    }),
  )
})

describe('the digest of a state', () => {
  test('is that of the same state which came to be in another way: restored, written at once, or without what was undone', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 12 }), (commands) => {
        const one = scripted()
        const other = scripted()
        for (const { steps, throws } of commands) {
          one.run((state) => {
            for (const take of steps) take(state)
            if (throws) throw new Error('on purpose')
          })
        }
        other.run((state) => {
          for (const { steps, throws } of commands) if (!throws) for (const take of steps) take(state)
        })
        const restored = scripted()
        restored.machine.restoreSnapshot(one.machine.snapshot())
        expect(of(other.machine)).toEqual(of(one.machine))
        expect(of(restored.machine)).toEqual(of(one.machine))
        // Restored over another state, too.
        other.run((state) => state.accounts.set('more', { balance: 9, seal: Uint8Array.of(9) }))
        other.machine.restoreSnapshot(one.machine.snapshot())
        expect(of(other.machine)).toEqual(of(one.machine))
      }),
    )
  })

  test('differs as soon as the states do, be it in one bit of one value', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.array(step, { maxLength: 8 }), (ours, theirs) => {
        const [one, other] = [scripted(), scripted()]
        one.run((state) => perform(ours, state))
        other.run((state) => perform(theirs, state))
        const isSame = Buffer.from(one.machine.snapshot()).equals(other.machine.snapshot())
        expect(JSON.stringify(of(one.machine)) === JSON.stringify(of(other.machine))).toBe(isSame)
      }),
    )
  })

  test('tells the same record in two tables apart, and two accounts that have changed places', () => {
    const [one, other] = [scripted(), scripted()]
    one.run((state) => {
      state.accounts.set('a', { balance: 1, seal: new Uint8Array(0) })
      state.accounts.set('b', { balance: 2, seal: new Uint8Array(0) })
    })
    other.run((state) => {
      state.accounts.set('a', { balance: 2, seal: new Uint8Array(0) })
      state.accounts.set('b', { balance: 1, seal: new Uint8Array(0) })
    })
    expect(of(one.machine)).not.toEqual(of(other.machine))
  })
})

test('a state that was changed in memory, beside all transactions, is found when a snapshot reads it', () => {
  const [accounts] = [bankDescriptor.state['accounts']]
  if (accounts?.kind !== 'table') throw new Error('accounts are a table')
  const kept: Uint8Array[] = []
  const isAccount = (value: unknown): value is { readonly seal: Uint8Array } =>
    typeof value === 'object' && value !== null && 'seal' in value
  const values = {
    ...accounts.values,
    check: (value: unknown, at: string) => {
      const checked: unknown = accounts.values.check(value, at)
      if (isAccount(checked)) kept.push(checked.seal)
      return checked
    },
  }
  const bank = scripted({ ...bankDescriptor, state: { ...bankDescriptor.state, accounts: { ...accounts, values } } })
  // So many that they are kept as they are.
  bank.run((state) => state.accounts.set('ann', { balance: 1, seal: new Uint8Array(2_000) }))
  expect(() => bank.machine.snapshot()).not.toThrow()
  kept[0]?.fill(9)
  expect(() => bank.machine.snapshot()).toThrow('state.accounts is not what was written to it')
})
