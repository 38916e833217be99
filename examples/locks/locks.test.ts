import { local } from 'raftgen/sim'
import { beforeEach, describe, expect, test } from 'vitest'
import { LocksClient, locks } from './generated/index.js'
import { handlers } from './handlers.js'

let replica = local(locks(handlers))
let client = LocksClient.over(replica)
beforeEach(() => {
  replica = local(locks(handlers))
  client = LocksClient.over(replica)
})

describe('a lock', () => {
  test('has one holder, and tells others who and until when', async () => {
    const granted = await client.acquire({ name: 'a', owner: 'alice', ttlMs: 1_000 })
    expect(granted).toMatchObject({ ok: true, value: { owner: 'alice' } })
    const refused = await client.acquire({ name: 'a', owner: 'bob' })
    expect(refused).toEqual({ ok: false, error: { code: 'Held', owner: 'alice', expiresAt: granted.ok ? granted.value.expiresAt : 0 } })
  })

  test('is given with a token that grows with every grant', async () => {
    const first = await client.acquire({ name: 'a', owner: 'alice' })
    await client.release({ name: 'a', owner: 'alice' })
    const second = await client.acquire({ name: 'a', owner: 'bob' })
    expect(first.ok && second.ok && second.value.token > first.value.token).toBe(true)
  })

  test('is free again once its lease has expired by log time', async () => {
    await client.acquire({ name: 'a', owner: 'alice', ttlMs: 1_000 })
    replica.advance(1_000)
    expect(await client.holder({ name: 'a' })).toBeNull()
    expect(await client.acquire({ name: 'a', owner: 'bob' })).toMatchObject({ ok: true })
  })

  test('is released by its holder only', async () => {
    await client.acquire({ name: 'a', owner: 'alice' })
    expect(await client.release({ name: 'a', owner: 'bob' })).toEqual({ ok: false, error: { code: 'NotHeld' } })
    expect(await client.release({ name: 'a', owner: 'alice' })).toEqual({ ok: true, value: undefined })
    expect(await client.holder({ name: 'a' })).toBeNull()
  })
})
