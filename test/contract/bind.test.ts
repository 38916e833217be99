import { describe, expect, test } from 'vitest'
import { bind, RaftgenError, type StateMachine } from '../../src/contract/v1.ts'
import { InvariantError } from '../../src/core/invariant.ts'
import { createContext } from '../../src/machine/context.ts'
import type { HandlerFailure } from '../../src/machine/state-machine.ts'
import { packValue, unpackValue, type Wire } from '../../src/wire/value.ts'
import { type BankHandlers, balance, bankDescriptor, bankHandlers } from './bank-machine.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const openCommand = (name: string, balance = 0): Uint8Array => packValue([1, 1, [name, balance]])
const transferCommand = (from: string, to: string, amount: number): Uint8Array => packValue([1, 2, [from, to, amount]])
const auditCommand = packValue([1, 3, []])
const balanceQuery = (name: string): Uint8Array => packValue([1, 1, [name]])

/** Handlers as JavaScript may give them. */
const untyped = (handlers: object): Partial<BankHandlers> => handlers

/** A bank with some handlers replaced, and a way to apply entries to it. */
function bankWith(handlers: Partial<BankHandlers> = {}) {
  const machine = bind(bankDescriptor, { ...bankHandlers, ...handlers })
  const failures: HandlerFailure[] = []
  const context = createContext((failure) => failures.push(failure))
  let index = 0
  return {
    machine,
    failures,
    apply(command: Uint8Array): Wire {
      context.enter({ index: ++index, term: 1, now: 1_000, version: 1 })
      const reply = machine.apply(command, context)
      context.leave()
      return unpackValue(reply)
    },
    query: (query: Uint8Array): Wire => unpackValue(machine.query(query, { index, now: 1_000, version: 1 })),
    state: (): string => hex(machine.snapshot()),
  }
}

describe('binding', () => {
  test('a machine carries the name, version and wire hash of its descriptor', () => {
    const machine: StateMachine = bind(bankDescriptor, bankHandlers)
    expect(machine).toMatchObject({ name: 'bank', version: 1, wire: '0123456789abcdef', open: true })
  })

  test('every missing and every superfluous handler is named at once', () => {
    const { audit, balance: _, ...rest } = bankHandlers
    const handlers = { ...rest, audti: audit, balances: audit }
    expect(() => bind(bankDescriptor, handlers)).toThrow(
      new RaftgenError(
        'HANDLER_MISSING',
        'the machine bank has no handler for audit, balance, and has no operation for the handlers audti, balances',
      ),
    )
  })

  test('what every object has is no handler', () => {
    const query = { ...balance, name: 'hasOwnProperty' }
    const descriptor = { ...bankDescriptor, queries: [query] }
    const { balance: _, ...rest } = bankHandlers
    expect(() => bind(descriptor, rest)).toThrow('the machine bank has no handler for hasOwnProperty')
  })

  test('handlers may be methods of a class and keep their this', () => {
    class Bank {
      readonly #fee = 7
      open(): void {}
      transfer() {
        return { ok: true, value: this.#fee }
      }
      audit() {
        return { ok: true }
      }
      balance() {
        return null
      }
    }
    const machine = bind(bankDescriptor, new Bank())
    const context = createContext(() => {})
    context.enter({ index: 1, term: 1, now: 0, version: 1 })
    expect(unpackValue(machine.apply(transferCommand('a', 'b', 1), context))).toEqual([0, [0, 7], 1])
  })

  test('two machines of one descriptor share no state', () => {
    const one = bankWith()
    const other = bankWith()
    one.apply(openCommand('ann'))
    expect(one.state()).not.toBe(other.state())
  })
})

describe('the leader checks what any client sends', () => {
  const { machine } = bankWith()
  const check = (wire: Wire): string | undefined => machine.check?.(packValue(wire))

  test.each<[Wire, string | undefined]>([
    [[1, 1, ['ann', 5]], undefined],
    [[1, 1, ['', 5]], 'input.name has 0 characters, at least 1 is required'],
    [[1, 1, ['ann', -1]], 'input.balance is -1, at least 0 is required'],
    [[1, 1, ['ann']], 'value has 1 fields, 2 are required'],
    [[1, 9, []], 'bank version 1 has no command with tag 9'],
    [[1, 'open', []], 'the command has no version, or no tag'],
    [[2, 1, ['ann', 5]], 'the command has schema version 2, bank has version 1 here'],
    [[1, 1], 'the command is not an array of version, tag and input'],
    ['hello', 'the command is not an array of version, tag and input'],
  ])('%j: %s', (wire, sentence) => {
    expect(check(wire)).toBe(sentence)
  })

  test('bytes that are no value are refused in words', () => {
    expect(machine.check?.(Uint8Array.of(0xc1))).toBe('a value begins with byte 0xc1: maps, extensions and float32 are not allowed')
    expect(machine.check?.(new Uint8Array(0))).toBe('a value needs 1 bytes, 0 are left')
  })

  test('queries are checked like commands', () => {
    expect(machine.checkQuery?.(balanceQuery('ann'))).toBeUndefined()
    expect(machine.checkQuery?.(balanceQuery(''))).toBe('input.name has 0 characters, at least 1 is required')
    expect(machine.checkQuery?.(packValue([1, 2, []]))).toBe('bank version 1 has no query with tag 2')
  })

  test('a command applies the same whether it was checked here or not', () => {
    const leader = bankWith()
    const follower = bankWith()
    const commands = [openCommand('ann', 5), openCommand('bob', 5), transferCommand('ann', 'bob', 3), transferCommand('bob', 'vault', 9)]
    for (const command of commands) expect(leader.machine.check?.(command)).toBeUndefined()
    const replies = commands.map((command) => leader.apply(Uint8Array.from(command)))
    expect(commands.map((command) => follower.apply(command))).toEqual(replies)
    expect(leader.state()).toBe(follower.state())
  })

  test('what is applied is what the entry holds, also when the bytes that were checked have been overwritten', () => {
    const leader = bankWith()
    const buffer = Buffer.from(openCommand('ann', 5))
    leader.machine.check?.(buffer)
    buffer.set(openCommand('bob', 6))
    leader.apply(buffer)
    expect([leader.query(balanceQuery('ann')), leader.query(balanceQuery('bob'))]).toEqual([
      [0, null, 1],
      [0, 6, 1],
    ])
  })

  test('commands that were checked and never applied do not disturb those that are', () => {
    const leader = bankWith()
    const follower = bankWith()
    for (let i = 0; i < 3_000; i++) {
      const command = openCommand(`a${i}`, i)
      leader.machine.check?.(command)
      if (i % 3 !== 0) continue
      expect(leader.apply(command)).toEqual(follower.apply(command))
    }
    expect(leader.state()).toBe(follower.state())
  })
})

describe('a handler is a transaction', () => {
  test('what it changed stays when it returns a result', () => {
    const bank = bankWith()
    expect(bank.apply(transferCommand('house', 'vault', 300))).toEqual([0, [0, 700], 1])
    expect(bank.query(balanceQuery('house'))).toEqual([0, 700, 1])
    expect(bank.query(balanceQuery('vault'))).toEqual([0, 800, 1])
  })

  test.each([
    ['a declared error late in the handler', transferCommand('vault', 'house', 501), [0, [2, 500], 1]],
    ['a declared error in the middle', transferCommand('vault', 'nobody', 1), [0, [1, 'nobody'], 1]],
  ])('%s leaves no trace', (_, command, reply) => {
    const bank = bankWith()
    const before = bank.state()
    expect(bank.apply(command)).toEqual(reply)
    expect(bank.state()).toBe(before)
    expect(bank.failures).toEqual([])
  })

  test('a reply that looks like a failure commits when the command declares no errors', () => {
    const bank = bankWith()
    bank.apply(transferCommand('house', 'vault', 1))
    const before = bank.state()
    expect(bank.apply(auditCommand)).toEqual([0, [false], 1])
    expect(bank.state()).not.toBe(before)
  })

  test('a declared error that this command does not list fails the handler', () => {
    // @ts-expect-error: no such error
    const bank = bankWith({ transfer: () => ({ ok: false, error: { code: 'Closed' } }) })
    expect(bank.apply(transferCommand('house', 'vault', 1))).toEqual([1])
    expect(bank.failures[0]?.message).toBe(
      'the handler of transfer returned what its schema does not allow: result.code is "Closed", one of "NoAccount", "Insufficient" is required',
    )
  })
})

describe('a handler that fails', () => {
  test('is rolled back, told to the node, and replicated as nothing but a failure', () => {
    const bank = bankWith({
      open(state) {
        state.accounts.delete('vault')
        state.transfers = 9
        throw new Error('out of ink')
      },
    })
    const before = bank.state()
    expect(bank.apply(openCommand('ann'))).toEqual([1])
    expect(bank.state()).toBe(before)
    expect(bank.failures).toEqual([{ command: 'open', message: 'out of ink', stack: expect.stringContaining('bind.test.ts') }])
  })

  test('leaves the same bytes on every replica, whatever it says', () => {
    const replicas = ['Cannot read properties of undefined', "Cannot read property 'x' of undefined"].map((message) =>
      bankWith({
        open() {
          throw new TypeError(message)
        },
      }),
    )
    const outcomes = replicas.map((bank) => ({ reply: bank.apply(openCommand('ann')), state: bank.state() }))
    expect(outcomes[0]).toEqual(outcomes[1])
  })

  test.each<[string, Partial<BankHandlers>, Uint8Array, string]>([
    [
      'stores what the schema does not allow',
      { open: (state) => state.accounts.set('ann', { balance: -5, seal: new Uint8Array(0) }) },
      openCommand('ann'),
      'state.accounts["ann"].balance is -5, at least 0 is required',
    ],
    [
      'stores under a key that the schema does not allow',
      { open: (state) => state.accounts.set('', { balance: 5, seal: new Uint8Array(0) }) },
      openCommand('ann'),
      'a key of state.accounts has 0 characters, at least 1 is required',
    ],
    [
      'assigns what the schema does not allow',
      {
        open(state) {
          state.transfers = Number.NaN
        },
      },
      openCommand('ann'),
      'state.transfers is NaN, an integer of at most 2^53-1 is required',
    ],
    [
      'assigns a field that the state has not',
      { open: (state) => void Object.assign(state, { transfer: 1 }) },
      openCommand('ann'),
      'Cannot add property transfer, object is not extensible',
    ],
    [
      'assigns a table',
      { open: (state) => void Object.assign(state, { accounts: new Map() }) },
      openCommand('ann'),
      'state.accounts is a table: change it with set and delete',
    ],
    [
      'returns nothing where something is declared',
      untyped({ audit: () => undefined }),
      auditCommand,
      'the handler of audit returned what its schema does not allow: result is missing',
    ],
    [
      'changes its input',
      { open: (_, input) => void Object.assign(input, { name: 'eve' }) },
      openCommand('ann'),
      "Cannot assign to read only property 'name' of object '#<Object>'",
    ],
    [
      'is async',
      untyped({ audit: async () => ({ ok: true }) }),
      auditCommand,
      'the handler of audit returned a promise: handlers are synchronous',
    ],
  ])('that %s is rolled back with a sentence', (_, handlers, command, message) => {
    const bank = bankWith(handlers)
    const before = bank.state()
    expect(bank.apply(command)).toEqual([1])
    expect(bank.failures[0]?.message).toBe(message)
    expect(bank.state()).toBe(before)
  })

  test.each([
    ['a string', () => 'no', 'threw string no'],
    ['nothing', () => undefined, 'threw undefined undefined'],
    ['an object without words', () => Object.create(null), 'threw object that has no words'],
  ])('may throw %s', (_, thrown, message) => {
    const bank = bankWith({
      open() {
        throw thrown()
      },
    })
    expect(bank.apply(openCommand('ann'))).toEqual([1])
    expect(bank.failures).toEqual([{ command: 'open', message, stack: undefined }])
  })

  test('and goes on in a promise cannot write any more, and ends nobody', async () => {
    let late: unknown
    const bank = bankWith({
      async open(state) {
        await undefined
        try {
          state.transfers = 5
        } catch (error) {
          late = error
        }
      },
    })
    const before = bank.state()
    expect(bank.apply(openCommand('ann'))).toEqual([1])
    await new Promise(setImmediate)
    expect(late).toEqual(new TypeError('state.transfers was called after its handler returned: handlers are synchronous'))
    expect(bank.state()).toBe(before)
  })
})

describe('what stops a replica instead of becoming an outcome', () => {
  const dive = (depth: number): number => dive(depth + 1) + 1

  test.each<[string, () => void]>([
    ['a stack overflow', () => void dive(0)],
    [
      'a stack overflow that the handler wrapped',
      () => {
        try {
          dive(0)
        } catch (cause) {
          throw new Error('too hard', { cause })
        }
      },
    ],
    [
      'memory that could not be had',
      () => {
        throw new RangeError('Array buffer allocation failed')
      },
    ],
  ])('%s', (_, open) => {
    const bank = bankWith({ open })
    expect(() => bank.apply(openCommand('ann'))).toThrow()
    expect(() => bank.query(balanceQuery('vault')), 'half-changed state is never served').toThrow(InvariantError)
    expect(() => bank.state()).toThrow(new InvariantError('a snapshot is taken within a transaction'))
  })

  test('but a RangeError of another kind is an outcome', () => {
    const bank = bankWith({ open: () => void (1).toFixed(101) })
    expect(bank.apply(openCommand('ann'))).toEqual([1])
  })

  test.each([
    ['a version', packValue([2, 1, ['ann', 0]]), 'the command has schema version 2, bank has version 1 here'],
    ['a tag', packValue([1, 99, ['ann', 0]]), 'bank version 1 has no command with tag 99'],
    ['a shape', packValue([1, 1, ['ann']]), 'value has 1 fields, 2 are required'],
  ])('an entry with %s it does not know', (_, command, message) => {
    const bank = bankWith()
    const before = bank.state()
    expect(() => bank.apply(command)).toThrow(message)
    expect(bank.state()).toBe(before)
  })

  test('bounds are not looked at when an entry is applied: a narrower schema reads an older log', () => {
    let seen: unknown
    const bank = bankWith({
      open(_, input) {
        seen = input
      },
    })
    expect(bank.apply(openCommand('a name of more than twenty characters', 2_000_000))).toEqual([0, null, 1])
    expect(seen).toEqual({ name: 'a name of more than twenty characters', balance: 2_000_000 })
  })
})

describe('queries', () => {
  test.each<[string, (state: Parameters<BankHandlers['open']>[0]) => void, string]>([
    ['set', (state) => state.accounts.set('eve', { balance: 1, seal: new Uint8Array(0) }), 'queries cannot write: state.accounts.set'],
    ['delete', (state) => void state.accounts.delete('vault'), 'queries cannot write: state.accounts.delete'],
    [
      'assign',
      (state) => {
        state.transfers = 1
      },
      'queries cannot write: state.transfers',
    ],
  ])('cannot %s', (_, write, message) => {
    const bank = bankWith({
      balance(state) {
        // A cast: the types of a query already refuse this.
        write(state as Parameters<BankHandlers['open']>[0])
        return 0
      },
    })
    const before = bank.state()
    expect(() => bank.query(balanceQuery('vault'))).toThrow(message)
    expect(bank.state()).toBe(before)
  })

  test('after one that threw the next command is applied as ever', () => {
    const bank = bankWith({
      balance() {
        throw new Error('no ink')
      },
    })
    expect(() => bank.query(balanceQuery('vault'))).toThrow('no ink')
    expect(bank.apply(openCommand('ann'))).toEqual([0, null, 1])
  })

  test('return what their schema allows, or fail', () => {
    const bank = bankWith({ balance: () => -1 })
    expect(() => bank.query(balanceQuery('vault'))).toThrow(
      'the handler of balance returned what its schema does not allow: result is -1, at least 0 is required',
    )
  })

  test('check the bounds of their input themselves', () => {
    expect(() => bankWith().query(balanceQuery(''))).toThrow('input.name has 0 characters, at least 1 is required')
  })

  test('that return a promise fail', () => {
    // @ts-expect-error: a promise
    const bank = bankWith({ balance: async () => 1 })
    expect(() => bank.query(balanceQuery('vault'))).toThrow('the handler of balance returned a promise: handlers are synchronous')
  })
})

test('a handler that overflows the stack stops its replica, and says which and where', () => {
  const deep = (): never => deep()
  const bank = bankWith({ audit: deep })
  expect(() => bank.apply(auditCommand)).toThrow(
    new RaftgenError('HANDLER_FATAL', 'the handler of audit at index 1 ran out of stack or memory: Maximum call stack size exceeded'),
  )
})
