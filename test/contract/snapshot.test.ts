import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { bind, type MachineDescriptor, type StateMachine, type TableIndex } from '../../src/contract/v1.ts'
import { RaftgenError } from '../../src/errors.ts'
import { createContext } from '../../src/machine/context.ts'
import { StateTable } from '../../src/machine/table.ts'
import { packValue, unpackValue } from '../../src/wire/value.ts'
import { type Account, type BankHandlers, bankDescriptor, bankHandlers, type State } from './bank-machine.ts'

const noSeal = new Uint8Array(0)
type Script = (state: State) => void

/** A bank whose command `open` does what the test wants. */
function scripted() {
  let script: Script = () => {}
  const handlers: BankHandlers = { ...bankHandlers, open: (state) => script(state) }
  const machine = bind(bankDescriptor, handlers)
  const failures: string[] = []
  const context = createContext(({ message }) => failures.push(message))
  const command = packValue([1, 1, ['x', 0]])
  return {
    machine,
    failures,
    /** Whether the handler came to its end. */
    run(what: Script): boolean {
      script = what
      context.enter({ index: 1, term: 1, now: 0, version: 1 })
      const reply = unpackValue(machine.apply(command, context))
      context.leave()
      return JSON.stringify(reply) === '[0,null,1]'
    },
  }
}
const stateOf = (machine: StateMachine): string => Buffer.from(machine.snapshot()).toString('hex')
const replicaFrom = (snapshot: Uint8Array): StateMachine => {
  const machine = bind(bankDescriptor, bankHandlers)
  machine.restoreSnapshot(snapshot)
  return machine
}

type Step = (state: State) => void
function perform(steps: readonly Step[], state: State): void {
  for (const step of steps) step(state)
}
const account = fc.constantFrom('vault', 'house', 'ann', 'bob', '__proto__', 'é')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(account, fc.nat(1_000), fc.uint8Array({ maxLength: 8 })).map(
    ([name, balance, seal]): Step =>
      (state) =>
        state.accounts.set(name, { balance, seal }),
  ),
  account.map(
    (name): Step =>
      (state) =>
        void state.accounts.delete(name),
  ),
  fc.tuple(fc.integer({ min: 1, max: 300 }), account).map(
    ([index, to]): Step =>
      (state) =>
        state.journal.set(index, { from: 'vault', to, amount: index }),
  ),
  fc.integer({ min: 1, max: 300 }).map(
    (index): Step =>
      (state) =>
        void state.journal.delete(index),
  ),
  fc.nat().map(
    (count): Step =>
      (state) => {
        state.transfers = count
      },
  ),
  fc.array(fc.integer(), { maxLength: 4 }).map(
    (marks): Step =>
      (state) => {
        state.marks = marks
      },
  ),
  fc.constant<Step>((state) => {
    for (const [name, { balance }] of state.accounts) state.accounts.set(name, { balance, seal: Uint8Array.of(balance % 256) })
  }),
  fc.constant<Step>((state) => {
    state.last = state.last === null ? { from: 'a', to: 'b', amount: 1 } : null
  }),
)

describe('a handler that throws', () => {
  test('at whatever step leaves the state as it was', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), fc.array(step, { minLength: 1, maxLength: 15 }), (before, steps) => {
        const bank = scripted()
        expect(bank.run((state) => perform(before, state))).toBe(true)
        const stood = stateOf(bank.machine)
        for (let end = 0; end <= steps.length; end++) {
          const completed = bank.run((state) => {
            perform(steps.slice(0, end), state)
            throw new Error(`at step ${end}`)
          })
          expect(completed).toBe(false)
          expect(stateOf(bank.machine)).toBe(stood)
        }
        expect(bank.failures.length).toBe(steps.length + 1)
      }),
      { numRuns: 150 },
    )
  })
})

describe('a snapshot', () => {
  test('restores to a replica that cannot be told from the one that never stopped', () => {
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (before, after) => {
        const bank = scripted()
        const restored = scripted()
        bank.run((state) => perform(before, state))
        restored.machine.restoreSnapshot(bank.machine.snapshot())
        expect(stateOf(restored.machine)).toBe(stateOf(bank.machine))
        for (const each of [bank, restored]) each.run((state) => perform(after, state))
        expect(stateOf(restored.machine)).toBe(stateOf(bank.machine))
      }),
      { numRuns: 150 },
    )
  })

  test('is the same bytes for the same state, however it came about', () => {
    const one = scripted()
    const other = scripted()
    one.run((state) => {
      for (let i = 1; i <= 1_000; i++) state.journal.set(i, { from: 'a', to: 'b', amount: i })
      state.transfers = 0
    })
    other.run((state) => {
      for (let i = 1_500; i >= 1; i--) state.journal.set(i, { from: 'b', to: 'c', amount: 1 })
      state.transfers = 77
    })
    other.run((state) => {
      for (const index of state.journal.keys()) {
        if (index > 1_000) state.journal.delete(index)
        else state.journal.set(index, { amount: index, to: 'b', from: 'a' })
      }
      state.transfers = -0
    })
    expect(stateOf(other.machine)).toBe(stateOf(one.machine))
  })

  test.each([63, 64, 65, 128, 129])('holds a table of %i entries', (count) => {
    const bank = scripted()
    bank.run((state) => {
      for (let i = 1; i <= count; i++) state.journal.set(i, { from: 'a', to: 'b', amount: i })
    })
    expect(stateOf(replicaFrom(bank.machine.snapshot()))).toBe(stateOf(bank.machine))
  })

  test.each([
    ['small', 3_000, 10],
    ['middling', 300, 3_000],
    ['large', 12, 300_000],
  ])('comes in parts that are small, of %s values, and make up the whole', (_, count, bytes) => {
    const bank = scripted()
    const isFilled = bank.run((state) => {
      for (let i = 1; i <= count; i++) state.accounts.set(`a${i}`, { balance: i, seal: new Uint8Array(bytes).fill(i) })
      for (let i = 1; i <= 3_000; i++) state.journal.set(i, { from: 'a', to: 'b', amount: i })
    })
    expect(isFilled).toBe(true)
    const parts = [...(bank.machine.frozenSnapshotParts?.() ?? [])]
    const whole = Buffer.concat(parts)
    expect(whole.equals(bank.machine.snapshot())).toBe(true)
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(65_536 + bytes)
    expect(parts.length).toBeGreaterThan(whole.length / (65_536 + bytes))
    expect(stateOf(replicaFrom(whole))).toBe(whole.toString('hex'))
  })

  test.each(['is given up before it begins', 'fails half-way'])('lets go of all tables when it %s', (how) => {
    const bank = scripted()
    bank.run((state) => {
      state.accounts.set('ann', { balance: 1, seal: noSeal })
      state.journal.set(1, { from: 'vault', to: 'ann', amount: 1 })
    })
    const ended: number[] = []
    const { freeze } = StateTable.prototype
    const spy = vi.spyOn(StateTable.prototype, 'freeze').mockImplementation(function (this: StateTable) {
      const frozen = freeze.call(this)
      const at = ended.push(0) - 1
      const entries = (): ReturnType<typeof frozen.entries> => {
        if (how === 'fails half-way') throw new Error('cannot be encoded')
        return frozen.entries()
      }
      const end = (): void => {
        ended[at] = 1
        frozen.end()
      }
      return { size: frozen.size, entries, end }
    })
    const parts = bank.machine.frozenSnapshotParts?.()[Symbol.iterator]()
    spy.mockRestore()
    if (how === 'fails half-way') expect(() => parts?.next()).toThrow('cannot be encoded')
    else parts?.return?.()
    expect(ended).toEqual([1, 1])
  })

  test('is encoded as its parts are taken', () => {
    let encoded = 0
    const [accounts] = [bankDescriptor.state['accounts']]
    if (accounts?.kind !== 'table') throw new Error('accounts are a table')
    const values = {
      ...accounts.values,
      toWire: (value: unknown) => {
        encoded += 1
        return accounts.values.toWire(value)
      },
    }
    let script: Script = () => {}
    const handlers: BankHandlers = { ...bankHandlers, open: (state) => script(state) }
    const machine = bind({ ...bankDescriptor, state: { ...bankDescriptor.state, accounts: { ...accounts, values } } }, handlers)
    const context = createContext(() => {})
    script = (state) => {
      for (let i = 1; i <= 100; i++) state.accounts.set(`a${i}`, { balance: i, seal: new Uint8Array(10_000) })
    }
    context.enter({ index: 1, term: 1, now: 0, version: 1 })
    machine.apply(packValue([1, 1, ['x', 0]]), context)
    // What is written is added up.
    encoded = 0
    const parts = machine.frozenSnapshotParts?.()[Symbol.iterator]()
    parts?.next()
    expect(encoded).toBeLessThan(10)
    parts?.next()
    expect(encoded).toBeLessThan(20)
  })

  test('is of the state as it was when it was asked for, whatever is written while its parts are taken, or replaces it', () => {
    const bank = scripted()
    const isFilled = bank.run((state) => {
      for (let i = 1; i <= 10_000; i++) state.accounts.set(`a${i}`, { balance: i, seal: new Uint8Array(8).fill(i) })
      for (let i = 1; i <= 3_000; i++) state.journal.set(i, { from: 'a', to: 'b', amount: i })
    })
    expect([isFilled, bank.failures]).toEqual([true, []])
    const before = Buffer.from(bank.machine.snapshot())
    const [first, ...more] = [bank.machine, bank.machine].map((machine) => machine.frozenSnapshotParts?.() ?? [])
    const parts: Uint8Array[] = []
    let step = 0
    for (const part of first ?? []) {
      parts.push(part)
      step += 1
      bank.run((state) => {
        for (let i = step; i <= 3_000; i += 7) state.accounts.delete(`a${i}`)
        for (let i = 1; i <= 3_000; i += 5) state.journal.set(i, { from: 'c', to: 'd', amount: step })
        state.accounts.set(`b${step}`, { balance: 0, seal: new Uint8Array(8) })
      })
    }
    expect(step).toBeGreaterThan(3)
    expect(Buffer.concat(parts).equals(before)).toBe(true)
    bank.machine.restoreSnapshot(scripted().machine.snapshot())
    for (const later of more) expect(Buffer.concat([...later]).equals(before)).toBe(true)
  })

  test('keeps nothing of the bytes it was restored from', () => {
    const bank = scripted()
    const snapshot = bank.machine.snapshot()
    const machine = replicaFrom(snapshot)
    const before = stateOf(machine)
    snapshot.fill(0)
    expect(stateOf(machine)).toBe(before)
  })
})

describe('a snapshot that was damaged', () => {
  test('is refused or gives a state of the schema, and when refused changes nothing', () => {
    const source = scripted()
    source.run((state) => {
      for (let i = 1; i <= 70; i++) state.journal.set(i, { from: 'a', to: 'b', amount: i })
    })
    const snapshot = source.machine.snapshot()
    const machine = bind(bankDescriptor, bankHandlers)
    const before = stateOf(machine)
    const refused = (bytes: Uint8Array): boolean => {
      try {
        machine.restoreSnapshot(bytes)
        return false
      } catch {
        return true
      }
    }
    for (let length = 0; length < snapshot.length; length += 7) {
      expect(refused(snapshot.subarray(0, length)), `cut at ${length}`).toBe(true)
      expect(stateOf(machine)).toBe(before)
    }
    for (let at = 0; at < snapshot.length; at += 3) {
      const flipped = Uint8Array.from(snapshot)
      flipped[at] = (flipped[at] ?? 0) ^ 0x41
      const stood = stateOf(machine)
      if (refused(flipped)) expect(stateOf(machine)).toBe(stood)
    }
  })

  test.each([
    [0, 9, 'the snapshot has format 9, only 1 is known'],
    [4, 2, 'this build of the machine bank knows version 1 of its schema, not 2'],
    [6, 4, 'the snapshot has 4 fields, this machine has 5'],
    [7, 0, 'state.accounts is a table, not so in the snapshot'],
  ])('at byte %i is refused in words', (at, value, message) => {
    const snapshot = Uint8Array.from(scripted().machine.snapshot())
    snapshot[at] = value
    expect(() => replicaFrom(snapshot)).toThrow(message)
  })
})

describe('a snapshot is prepared', () => {
  const bank = scripted()
  bank.run((state) => state.accounts.set('ann', { balance: 5, seal: Uint8Array.of(1) }))
  const snapshot = bank.machine.snapshot()

  test('without a change, until what comes of it is called', () => {
    const machine = bind(bankDescriptor, bankHandlers)
    const before = stateOf(machine)
    const install = machine.prepareSnapshot?.(snapshot)
    expect(stateOf(machine)).toBe(before)
    install?.()
    expect(stateOf(machine)).toBe(stateOf(bank.machine))
  })

  test('or refused', () => {
    const machine = bind(bankDescriptor, bankHandlers)
    expect(() => machine.prepareSnapshot?.(snapshot.subarray(0, -1))).toThrow()
  })
})

describe('an index', () => {
  const withIndex = (unique: boolean): MachineDescriptor => {
    const { accounts } = bankDescriptor.state
    if (accounts?.kind !== 'table') throw new Error('no accounts')
    const balance = {
      name: 'balance',
      unique,
      fields: [{ name: 'balance', type: 'number' }],
      entry: (key: string, { balance: held }: Account) => [held, key],
    } as const
    return { ...bankDescriptor, state: { ...bankDescriptor.state, accounts: { ...accounts, indexes: [balance] } } }
  }
  const plain = scripted()
  plain.run((state) => {
    for (const [i, name] of ['ann', 'bob', 'eve'].entries()) state.accounts.set(name, { balance: 10 - i * 5, seal: noSeal })
  })
  const seenBy = (descriptor: MachineDescriptor, snapshot: Uint8Array): readonly unknown[] => {
    const seen: unknown[] = []
    const machine = bind(descriptor, {
      ...bankHandlers,
      balance: (state: { readonly accounts: { readonly by: { readonly balance: TableIndex<string, Account, [number]> } } }) => {
        seen.push(...state.accounts.by.balance.keys())
        return null
      },
    })
    machine.restoreSnapshot(snapshot)
    machine.query(packValue([1, 1, ['x']]), { index: 1, now: 0, version: 1 })
    return seen
  }

  test('is no part of a snapshot, and is built from one that knew nothing of it', () => {
    const indexed = bind(withIndex(true), bankHandlers)
    indexed.restoreSnapshot(plain.machine.snapshot())

    expect(stateOf(indexed)).toBe(stateOf(plain.machine))
    expect(seenBy(withIndex(true), plain.machine.snapshot())).toEqual(['eve', 'bob', 'ann', 'vault', 'house'])
  })

  test('that is unique refuses a state that breaks it, and the state that was there stays', () => {
    plain.run((state) => state.accounts.set('bob', { balance: 10, seal: noSeal }))
    const indexed = bind(withIndex(true), bankHandlers)
    const before = stateOf(indexed)

    expect(() => indexed.prepareSnapshot?.(plain.machine.snapshot())).toThrow(
      new RaftgenError(
        'MACHINE_MISMATCH',
        'state.accounts["bob"] has the same balance as state.accounts["ann"], 10, and by.balance is unique: the state was written by a machine without this index',
      ),
    )
    expect(stateOf(indexed)).toBe(before)
    expect(seenBy(withIndex(false), plain.machine.snapshot())).toEqual(['eve', 'ann', 'bob', 'vault', 'house'])
  })
})
