import { describe, expect, test } from 'vitest'
import { bind, callCommand, callQuery } from '../../src/contract/v1.ts'
import type { StateMachine } from '../../src/machine/state-machine.ts'
import { type LocalOptions, local } from '../../src/sim/index.ts'
import { packValue } from '../../src/wire/value.ts'
import { type BankHandlers, balance, bankDescriptor, bankHandlers, open, transfer } from '../contract/bank-machine.ts'

const bankWith = (handlers: Partial<BankHandlers> = {}, options?: LocalOptions) =>
  local(bind(bankDescriptor, { ...bankHandlers, ...handlers }), options)

/** A register of one byte. `forgets`: what its snapshot leaves out. */
function register(forgets: boolean): StateMachine {
  let value = 0
  let writes = 0
  return {
    name: 'register',
    version: 1,
    wire: 'none',
    apply(command) {
      if (command[0] === 255) throw new Error('the register is worn out')
      value = command[0] ?? 0
      writes++
      return Uint8Array.of(writes)
    },
    query: () => Uint8Array.of(value),
    snapshot: () => Uint8Array.of(value, writes),
    restoreSnapshot(snapshot) {
      value = snapshot[0] ?? 0
      writes = forgets ? 0 : (snapshot[1] ?? 0)
    },
  }
}

describe('a local replica', () => {
  test('applies commands one after the other, in log time that moves only when told', async () => {
    const seen: unknown[] = []
    const once = { twice: false }
    const bank = bankWith(
      { open: (_, { name }, { index, now, term, version }) => void seen.push({ name, index, now, term, version }) },
      once,
    )
    await callCommand(bank, open, 1, { name: 'ann' })
    bank.advance(5)
    await callCommand(bank, open, 1, { name: 'bob' })
    const start = Date.UTC(2026, 0, 1)
    expect(seen).toEqual([
      { name: 'ann', index: 1, now: start, term: 1, version: 1 },
      { name: 'bob', index: 2, now: start + 5, term: 1, version: 1 },
    ])
    expect([bank.index, bank.now]).toEqual([2, start + 5])
  })

  test('starts when it is told to', () => {
    expect(bankWith({}, { now: 77 }).now).toBe(77)
  })

  test.each([-1, 0.5, Number.NaN])('does not let %d ms pass', (ms) => {
    expect(() => bankWith().advance(ms)).toThrow(`advance is ${ms}, whole milliseconds of at least 0 are required`)
    expect(() => bankWith({}, { now: ms })).toThrow(`now is ${ms}, whole milliseconds of at least 0 are required`)
  })

  test('answers queries from the state as it is', async () => {
    const bank = bankWith()
    await callCommand(bank, transfer, 1, { from: 'house', to: 'vault', amount: 1_000 })
    expect(await callQuery(bank, balance, 1, { name: 'house' })).toBe(0)
  })

  test('shows why a handler failed', async () => {
    const bank = bankWith()
    await expect(callCommand(bank, open, 1, { name: 'vault' })).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      message: expect.stringMatching(/^the handler of open failed at index \d+; its changes were rolled back: .* \(at .*\.ts:\d+:\d+\)$/),
    })
    expect(bank.failures).toEqual([
      {
        index: 1,
        command: 'open',
        message: 'the account vault exists',
        stack: expect.stringContaining('bank-machine.ts'),
      },
    ])
  })

  test('checks what a client did not, as a leader does', async () => {
    const bank = bankWith()
    const settled: unknown[] = []
    bank.command(packValue([1, 1, ['', 0]]), undefined, (error, answer) => settled.push(error?.code, error?.message, answer))
    bank.query(packValue([1, 1, ['']]), undefined, (error, answer) => settled.push(error?.code, error?.message, answer))
    const sentence = 'input.name has 0 characters, at least 1 is required'
    expect(settled).toEqual(['INVALID_INPUT', sentence, undefined, 'INVALID_INPUT', sentence, undefined])
    expect(bank.index).toBe(0)
  })

  test('tells a query that failed with its message', async () => {
    const bank = bankWith({
      balance() {
        throw new Error('no ink')
      },
    })
    await expect(callQuery(bank, balance, 1, { name: 'ann' })).rejects.toMatchObject({ code: 'QUERY_FAILED', message: 'no ink' })
  })

  test('obeys a signal that has fired, and does nothing once closed', async () => {
    const bank = bankWith()
    const signal = AbortSignal.abort()
    await expect(callCommand(bank, open, 1, { name: 'ann' }, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    await bank.close()
    await expect(callCommand(bank, open, 1, { name: 'ann' })).rejects.toMatchObject({ code: 'CLOSED' })
    expect(bank.index).toBe(0)
  })
})

describe('a machine written by hand', () => {
  const write = (replica: ReturnType<typeof local>, value: number): unknown => {
    let outcome: unknown
    replica.command(Uint8Array.of(value), undefined, (error, answer) => {
      outcome = error ?? answer
    })
    return outcome
  }

  test('runs, without checks of its own', () => {
    const replica = local(register(false))
    expect(write(replica, 5)).toEqual({ index: 1, reply: Uint8Array.of(1) })
    expect(write(replica, 6)).toEqual({ index: 2, reply: Uint8Array.of(2) })
  })

  test('that forgets something in its snapshot is found out with the first command', () => {
    const replica = local(register(true))
    expect(write(replica, 5)).toMatchObject({
      code: 'INTERNAL',
      message:
        'the replica stopped at index 1: the state does not survive a restart: its snapshot, restored, differs from itself at byte 1',
    })
    expect(write(replica, 5)).toMatchObject({ code: 'INTERNAL' })
    expect(write(local(register(true), { paranoid: false }), 5)).toEqual({ index: 1, reply: Uint8Array.of(1) })
  })

  test('that throws stops the replica for good', () => {
    const replica = local(register(false))
    const stopped = { code: 'INTERNAL', message: 'the replica stopped at index 1: the register is worn out' }
    expect(write(replica, 255)).toMatchObject(stopped)
    expect(write(replica, 5)).toMatchObject(stopped)
  })
})
