import { describe, expect, test } from 'vitest'
import {
  asIs,
  bind,
  bytes,
  type Caller,
  callCommand,
  callQuery,
  codec,
  type QueryOperation,
  RaftgenError,
  readBytes,
} from '../../src/contract/v1.ts'
import type { Answer, Settle } from '../../src/session/caller.ts'
import { local } from '../../src/sim/local.ts'
import { packValue } from '../../src/wire/value.ts'
import { balance, bankDescriptor, bankHandlers, open, transfer } from './bank-machine.ts'

/** A cluster that answers everything with the same, and remembers what it was asked. */
function answering(error: RaftgenError | undefined, answer: Answer | undefined) {
  const asked: { readonly kind: string; readonly bytes: Uint8Array; readonly options: unknown }[] = []
  const record = (kind: string) => (bytes: Uint8Array, options: unknown, settle: Settle) => {
    asked.push({ kind, bytes, options })
    settle(error, answer)
  }
  const caller: Caller = {
    command: record('command'),
    query: record('query'),
    close: async () => {},
    token: { clusterId: 'blue', index: 0 },
  }
  return { caller, asked }
}
const replying = (reply: Uint8Array) => answering(undefined, { index: 17, reply })

const photo: QueryOperation<{ readonly name: string }, Uint8Array> = {
  ...balance,
  reply: codec((value) => bytes(value, '', 0, 4_096), asIs, readBytes),
}
const move = { from: 'house', to: 'vault', amount: 5 }

describe('a command', () => {
  test('travels as version, tag and input, with its options beside it', async () => {
    const { caller, asked } = replying(packValue([0, [0, 995], 1]))
    const options = { timeoutMs: 50 }
    expect(await callCommand(caller, transfer, 1, move, options)).toEqual({ ok: true, value: 995 })
    expect(asked).toEqual([{ kind: 'command', bytes: packValue([1, 2, ['house', 'vault', 5]]), options }])
  })

  test('has its defaults filled in before it travels', async () => {
    const { caller, asked } = replying(packValue([0, null, 1]))
    expect(await callCommand(caller, open, 1, { name: 'ann' })).toBeUndefined()
    expect(asked[0]?.bytes).toEqual(packValue([1, 1, ['ann', 0]]))
  })

  test('answers a declared error as a value', async () => {
    const { caller } = replying(packValue([0, [2, 3], 1]))
    expect(await callCommand(caller, transfer, 1, move)).toEqual({ ok: false, error: { code: 'Insufficient', balance: 3 } })
  })

  test('with an input that does not fit is rejected and never sent', async () => {
    const { caller, asked } = replying(packValue([0, null, 1]))
    await expect(callCommand(caller, open, 1, { name: '' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      outcome: 'notApplied',
      message: 'input.name has 0 characters, at least 1 is required',
    })
    await expect(callCommand(caller, open, 1, undefined)).rejects.toThrow('input is missing')
    expect(asked).toEqual([])
  })

  test('whose handler failed says where', async () => {
    const { caller } = replying(packValue([1]))
    await expect(callCommand(caller, transfer, 1, move)).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      outcome: 'applied',
      message: 'the handler of transfer failed at index 17; its changes were rolled back',
    })
  })

  test('whose handler failed just now says why', async () => {
    const { caller } = answering(undefined, { index: 17, reply: packValue([1]), failure: 'out of ink (at /srv/handlers.ts:3:9)' })
    await expect(callCommand(caller, transfer, 1, move)).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      message: 'the handler of transfer failed at index 17; its changes were rolled back: out of ink (at /srv/handlers.ts:3:9)',
    })
  })

  test('passes on what went wrong on the way', async () => {
    const problem = new RaftgenError('OUTCOME_UNKNOWN', 'no answer within 50 ms')
    await expect(callCommand(answering(problem, undefined).caller, transfer, 1, move)).rejects.toBe(problem)
  })

  test.each([
    ['bytes', Uint8Array.of(0xc1), /^the reply to transfer cannot be read: a value begins with byte 0xc1/],
    ['a value of another kind', packValue(5), 'the reply to transfer is neither a result nor a failure'],
    ['a status of another kind', packValue([2, 5]), 'the reply to transfer is neither a result nor a failure'],
    [
      'another reply',
      packValue([0, 'x', 1]),
      'the reply to transfer does not fit its schema: value is "x", an array of fields is required',
    ],
  ])('took effect, though %s came back that it cannot read', async (_, reply, message) => {
    const call = callCommand(replying(reply).caller, transfer, 1, move)
    await expect(call).rejects.toMatchObject({ code: 'MACHINE_MISMATCH', outcome: 'applied' })
    await expect(call).rejects.toThrow(message)
  })
})

describe('a query', () => {
  test('travels as version, tag and input, with its options beside it', async () => {
    const { caller, asked } = replying(packValue([0, 7, 1]))
    expect(await callQuery(caller, balance, 1, { name: 'ann' }, { consistency: 'stale' })).toBe(7)
    expect(asked).toEqual([{ kind: 'query', bytes: packValue([1, 1, ['ann']]), options: { consistency: 'stale' } }])
  })

  test('with an input that does not fit is rejected and never sent', async () => {
    const { caller, asked } = replying(packValue([0, 7, 1]))
    await expect(callQuery(caller, balance, 1, { name: 5 })).rejects.toThrow('input.name is 5, a string is required')
    expect(asked).toEqual([])
  })

  test('that is answered with bytes gives them to its caller alone: small ones share memory with others, and no byte of it', async () => {
    const { caller } = replying(packValue([0, Uint8Array.of(1, 2, 3), 1]))
    const [first, second] = [await callQuery(caller, photo, 1, { name: 'ann' }), await callQuery(caller, photo, 1, { name: 'ann' })]
    first.fill(9)
    expect([second, Buffer.isBuffer(second), second.buffer.byteLength]).toEqual([Uint8Array.of(1, 2, 3), false, 8_192])
    const large = new Uint8Array(2_000).fill(5)
    const alone = await callQuery(replying(packValue([0, large, 1])).caller, photo, 1, { name: 'ann' })
    expect([alone, alone.buffer.byteLength]).toEqual([large, 2_000])
  })

  test('that cannot be read has no outcome', async () => {
    const { caller } = replying(packValue([0, 'x', 1]))
    await expect(callQuery(caller, balance, 1, { name: 'ann' })).rejects.toMatchObject({ code: 'MACHINE_MISMATCH', outcome: 'none' })
  })
})

test('calls in one turn answer in their order, each once', async () => {
  const bank = local(bind(bankDescriptor, bankHandlers))
  const order: number[] = []
  const calls = Array.from({ length: 200 }, (_, i) =>
    callCommand(bank, transfer, 1, { ...move, amount: 1 }).then((reply) => {
      order.push(i)
      return reply
    }),
  )
  const replies = await Promise.all(calls)
  expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i))
  expect(replies.at(-1)).toEqual({ ok: true, value: 800 })
  expect(await callQuery(bank, balance, 1, { name: 'vault' })).toBe(700)
})
