import { local } from 'raftgen/sim'
import { beforeEach, describe, expect, test } from 'vitest'
import { BankClient, type BankHandlers, bank } from './generated/index.js'
import { handlers } from './handlers.js'

const everything = 1_000_000
const connect = (with_: Partial<BankHandlers> = {}): BankClient => BankClient.over(local(bank({ ...handlers, ...with_ })))
let client = connect()
beforeEach(async () => {
  client = connect()
  await client.open({ name: 'a', owner: 'alice' })
  await client.open({ name: 'b', owner: 'bob' })
  await client.settle({ transfers: [{ order: 'pay', from: 'vault', to: 'a', amount: 100 }] })
})
const balances = async (): Promise<readonly number[]> => {
  const found = [
    await client.accounts({ owner: 'alice' }),
    await client.accounts({ owner: 'bob' }),
    await client.accounts({ owner: 'bank' }),
  ]
  return found.flat().map(({ balance }) => balance)
}

describe('a transfer', () => {
  test('takes from one account what it gives to another', async () => {
    expect(await client.settle({ transfers: [{ order: '1', from: 'a', to: 'b', amount: 30 }] })).toEqual({ ok: true, value: 2 })
    expect(await balances()).toEqual([70, 30, everything - 100])
    expect((await client.journal({ after: 1 })).map(({ transfer }) => transfer.order)).toEqual(['1'])
  })

  test('to the same account changes nothing', async () => {
    await client.settle({ transfers: [{ order: '1', from: 'a', to: 'a', amount: 30 }] })
    expect(await balances()).toEqual([100, 0, everything - 100])
  })

  test('is carried out once for one order', async () => {
    const again = await client.settle({ transfers: [{ order: 'pay', from: 'vault', to: 'a', amount: 100 }] })
    expect(again).toEqual({ ok: false, error: { code: 'Known', order: 'pay' } })
    expect(await balances()).toEqual([100, 0, everything - 100])
  })
})

describe('several transfers are carried out together or not at all', () => {
  const first = { order: '1', from: 'a', to: 'b', amount: 60 }

  test.each([
    [
      { order: '2', from: 'a', to: 'b', amount: 41 },
      { code: 'TooLittle', name: 'a', balance: 40 },
    ],
    [
      { order: '2', from: 'a', to: 'nobody', amount: 1 },
      { code: 'NoAccount', name: 'nobody' },
    ],
    [
      { order: '1', from: 'a', to: 'b', amount: 1 },
      { code: 'Known', order: '1' },
    ],
  ])('%j', async (second, error) => {
    expect(await client.settle({ transfers: [first, second] })).toEqual({ ok: false, error })
    expect(await balances()).toEqual([100, 0, everything - 100])
    expect(await client.journal()).toHaveLength(1)
    expect((await client.settle({ transfers: [first] })).ok).toBe(true)
  })
})

test('a handler that throws half-way leaves no trace: not in a table, an index, or a cell', async () => {
  client = connect({
    settle(state, input, ctx) {
      const settled = handlers.settle(state, input, ctx)
      if (state.count === 2) throw new Error('in the middle')
      return settled
    },
  })
  await client.open({ name: 'a', owner: 'alice' })
  await client.settle({ transfers: [{ order: '1', from: 'vault', to: 'a', amount: 5 }] })
  const second = { transfers: [{ order: '2', from: 'vault', to: 'a', amount: 7 }] }

  await expect(client.settle(second)).rejects.toMatchObject({ code: 'HANDLER_FAILED' })
  expect(await client.sum()).toBe(everything)
  expect(await client.accounts({ owner: 'alice' })).toEqual([{ name: 'a', balance: 5 }])
  expect(await client.journal()).toHaveLength(1)
  // Neither has the order been used, nor the number.
  await expect(client.settle(second)).rejects.toMatchObject({ code: 'HANDLER_FAILED' })
})
