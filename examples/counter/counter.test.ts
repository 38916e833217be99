import { local } from 'raftgen/sim'
import { expect, test } from 'vitest'
import { CounterClient, counter } from './generated/index.js'
import { handlers } from './handlers.js'

test('the counter adds up, and refuses what its schema does not allow', async () => {
  const client = CounterClient.over(local(counter(handlers)))
  expect(await client.add()).toBe(1)
  expect(await client.add({ amount: 2 })).toBe(3)
  await expect(client.add({ amount: 0 })).rejects.toThrow('input.amount is 0, at least 1 is required')
  expect(await client.value()).toBe(3)
})
