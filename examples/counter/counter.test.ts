import { local } from 'raftgen/sim'
import { expect, test } from 'vitest'
import { CounterClient, counter } from './generated/index.js'
import { handlers } from './handlers.js'

test('every addition counts', async () => {
  const client = CounterClient.over(local(counter(handlers)))

  await client.add({ amount: 5 })
  await client.add()

  expect(await client.value()).toBe(6)
})
