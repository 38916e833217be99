// Where two states of one machine differ is told in the words of its schema.
import { expect, test } from 'vitest'
import { bind, type StateMachine } from '../../src/contract/v1.ts'
import { createContext } from '../../src/machine/context.ts'
import { packValue } from '../../src/wire/value.ts'
import { type BankHandlers, bankDescriptor, bankHandlers, type State } from './bank-machine.ts'

type Script = (state: State) => void
const nothing: Script = () => {}
const transfer = { from: 'a', to: 'b', amount: 1 }

/** The state of one after `here`, and of its twin after `there`. */
function difference(here: Script, there: Script): string | undefined {
  let script = nothing
  const handlers: BankHandlers = { ...bankHandlers, open: (state) => script(state) }
  const machine = bind(bankDescriptor, handlers)
  const twin = machine.twin?.()
  const failures: string[] = []
  const context = createContext(({ message }) => failures.push(message))
  const run = (target: StateMachine, what: Script): void => {
    script = what
    context.enter({ index: 1, term: 1, now: 0, version: 1 })
    target.apply(packValue([1, 1, ['x', 0]]), context)
    context.leave()
  }
  if (twin === undefined) throw new Error('a bound machine has a twin')
  run(machine, here)
  run(twin.machine, there)
  expect(failures).toEqual([])
  return twin.difference()
}
const account = (name: string, balance: number, ...seal: number[]): Script => {
  return (state) => state.accounts.set(name, { balance, seal: Uint8Array.from(seal) })
}
const assigned = (values: Partial<State>): Script => {
  return (state) => void Object.assign(state, values)
}
const both = (...scripts: readonly Script[]): Script => {
  return (state) => {
    for (const script of scripts) script(state)
  }
}

test.each<[string | undefined, Script, Script]>([
  [undefined, nothing, nothing],
  [undefined, both(account('a', 1, 7), account('b', 2)), both(account('b', 2), account('a', 1, 7))],
  ['state.accounts["a"].balance is 1 here and 2 there', account('a', 1), account('a', 2)],
  ['state.accounts["a"].seal is 2 bytes (0102) here and 1 byte (01) there', account('a', 1, 1, 2), account('a', 1, 1)],
  ['state.accounts["a"] is here and not there', both(account('a', 1), account('b', 1)), account('b', 1)],
  ['state.accounts["a"] is there and not here', account('b', 1), both(account('b', 1), account('a', 1))],
  ['state.accounts["z"] is there and not here', account('b', 1), both(account('b', 1), account('z', 1))],
  ['state.journal[7] is here and not there', (state) => state.journal.set(7, transfer), (state) => state.journal.set(8, transfer)],
  ['state.transfers is 5 here and 0 there', assigned({ transfers: 5 }), nothing],
  ['state.last is {"from":"a","to":"b","amount":1} here and null there', assigned({ last: transfer }), nothing],
  ['state.marks has 1 items here and 2 there', assigned({ marks: [1] }), assigned({ marks: [1, 2] })],
  ['state.marks[1] is 2 here and 3 there', assigned({ marks: [1, 2] }), assigned({ marks: [1, 3] })],
])('%s', (expected, here, there) => {
  expect(difference(here, there)).toBe(expected)
})
