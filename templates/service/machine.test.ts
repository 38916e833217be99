import { local } from 'raftgen/sim'
import { expect, test } from 'vitest'
import { StoreClient, store } from './generated/index.js'
import { handlers } from './handlers.js'

// One replica in this process: no ports, no files.
const connected = () => StoreClient.over(local(store(handlers)))

test('a value is there once it was put', async () => {
  const client = connected()
  const put = await client.put({ key: 'greeting', value: 'hello' })
  expect(put).toMatchObject({ ok: true, value: { value: 'hello' } })
  expect(await client.get({ key: 'greeting' })).toMatchObject({ value: 'hello' })
  expect(await client.get({ key: 'other' })).toBe(null)
})

test('who read an older version does not overwrite a newer one', async () => {
  const client = connected()
  const first = await client.put({ key: 'greeting', value: 'hello', expectedVersion: 0 })
  if (!first.ok) throw new Error('the key is new')
  const { version } = first.value
  const second = await client.put({ key: 'greeting', value: 'good day', expectedVersion: version })
  expect(second.ok).toBe(true)

  const late = await client.put({ key: 'greeting', value: 'hi', expectedVersion: version })
  expect(late).toMatchObject({ ok: false, error: { code: 'Conflict' } })
  expect(await client.get({ key: 'greeting' })).toMatchObject({ value: 'good day' })
})

test('a removed key is gone, and removing it again is fine', async () => {
  const client = connected()
  await client.put({ key: 'greeting', value: 'hello' })
  expect(await client.remove({ key: 'greeting' })).toMatchObject({ ok: true })
  expect(await client.remove({ key: 'greeting' })).toMatchObject({ ok: true })
  expect(await client.get({ key: 'greeting' })).toBe(null)
})
