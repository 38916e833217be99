import { local } from 'raftgen/sim'
import { beforeEach, describe, expect, test } from 'vitest'
import { type EnqueueInput, type Grant, QueueClient, queue, type Result } from './generated/index.js'
import { handlers } from './handlers.js'

const lost = { ok: false, error: { code: 'Lost' } }
let replica = local(queue(handlers))
let client = QueueClient.over(replica)
beforeEach(() => {
  replica = local(queue(handlers))
  client = QueueClient.over(replica)
})

const valueOf = <T>(reply: Result<T, { readonly code: string }>): T => {
  if (!reply.ok) throw new Error(JSON.stringify(reply.error))
  return reply.value
}
/** Gives its id. */
const mail = async (body: string, with_: Partial<EnqueueInput> = {}): Promise<string> =>
  valueOf(await client.enqueue({ queue: 'mail', body, ...with_ }))
const grant = async (forMs = 1_000): Promise<Grant> => {
  const found = await client.take({ queue: 'mail', forMs })
  if (found === null) throw new Error('nothing is due')
  return found
}
/** What a worker keeps of a job. */
const take = async (forMs?: number): Promise<{ readonly id: string; readonly receipt: number }> => {
  const { id, job } = await grant(forMs)
  return { id, receipt: job.receipt }
}
const takeBody = async (): Promise<string> => (await grant()).job.body
const counts = () => client.counts({ queue: 'mail' })

describe('jobs are taken', () => {
  test('by priority, then by age, each of its own queue', async () => {
    for (const [body, priority] of [
      ['late', 5],
      ['first', 1],
      ['later', 5],
    ] as const) {
      await mail(body, { priority })
      replica.advance(1)
    }
    await client.enqueue({ queue: 'fax', body: 'other', priority: 0 })

    expect((await client.peek({ queue: 'mail' })).map(({ id }) => id)).toHaveLength(3)
    expect([await takeBody(), await takeBody(), await takeBody()]).toEqual(['first', 'late', 'later'])
    expect(await client.take({ queue: 'mail' })).toBeNull()
  })

  test('when they are due: one that is not keeps none of a lower priority back', async () => {
    await mail('later', { priority: 0, delayMs: 500 })
    await mail('at', { priority: 1, runAt: replica.now + 200 })
    await mail('now', { priority: 9 })

    expect(await takeBody()).toBe('now')
    expect(await client.take({ queue: 'mail' })).toBeNull()
    replica.advance(200)
    expect(await takeBody()).toBe('at')
    replica.advance(299)
    expect(await client.take({ queue: 'mail' })).toBeNull()
    replica.advance(1)
    expect(await takeBody()).toBe('later')
  })

  test('for some time: then by the next one, in their old place', async () => {
    const id = await mail('first')
    replica.advance(1)
    await mail('second')
    const first = await take(1_000)
    replica.advance(999)
    expect(await takeBody()).toBe('second')
    replica.advance(1)
    const again = await take()

    expect(again.id).toBe(id)
    expect(again.receipt).toBeGreaterThan(first.receipt)
  })

  test('no longer than it takes to return a hundred that were lost', async () => {
    for (let i = 0; i < 102; i++) await mail('job')
    for (let i = 0; i < 102; i++) await take(1)
    replica.advance(1)

    await take()
    expect(await counts()).toMatchObject({ ready: 99, taken: 3 })
    await take()
    expect(await counts()).toMatchObject({ ready: 100, taken: 2 })
  })
})

describe('whoever has lost a job to another', () => {
  test('can neither finish nor extend it nor give it back', async () => {
    await mail('a')
    const { id, receipt } = await take(1_000)
    replica.advance(1_000)
    const next = await take(1_000)

    expect(await client.finish({ id, receipt })).toEqual(lost)
    expect(await client.extend({ id, receipt, forMs: 9_000 })).toEqual(lost)
    expect(await client.giveBack({ id, receipt })).toEqual(lost)
    expect(await client.finish({ id, receipt: next.receipt })).toEqual({ ok: true, value: undefined })
  })

  test('cannot finish it again either, when that one has finished it', async () => {
    await mail('a')
    const { id, receipt } = await take(1)
    replica.advance(1)
    await client.finish(await take())
    expect(await client.finish({ id, receipt })).toEqual(lost)
  })

  test('has lost it also while it is only waiting to be taken', async () => {
    await mail('a', { priority: 9 })
    const { id, receipt } = await take(1)
    await mail('more urgent', { priority: 0 })
    replica.advance(1)
    expect(await takeBody()).toBe('more urgent')
    expect(await client.finish({ id, receipt })).toEqual(lost)
  })
})

describe('a worker', () => {
  test('that is late finishes what nobody else has taken', async () => {
    await mail('a')
    const { id, receipt } = await take(1_000)
    replica.advance(5_000)
    expect((await client.finish({ id, receipt })).ok).toBe(true)
    expect(await client.take({ queue: 'mail' })).toBeNull()
  })

  test('holds a job for as long as it extends it', async () => {
    await mail('a')
    const { id, receipt } = await take(1_000)
    replica.advance(900)
    expect(valueOf(await client.extend({ id, receipt, forMs: 1_000 }))).toBe(replica.now + 1_000)
    replica.advance(999)
    expect(await client.take({ queue: 'mail' })).toBeNull()
    replica.advance(1)
    expect((await take()).id).toBe(id)
  })

  test('that gives a job back lets another have it after a while', async () => {
    await mail('a')
    const { id, receipt } = await take()
    expect(valueOf(await client.giveBack({ id, receipt, delayMs: 50 }))).toBe('ready')

    expect(await client.take({ queue: 'mail' })).toBeNull()
    expect(await client.giveBack({ id, receipt })).toEqual(lost)
    replica.advance(50)
    expect((await take()).id).toBe(id)
  })

  test('may repeat that it has finished', async () => {
    await mail('a')
    const { id, receipt } = await take()
    await client.finish({ id, receipt })
    expect((await client.finish({ id, receipt })).ok).toBe(true)
  })
})

describe('a job that was taken as often as it may be, and not finished,', () => {
  test('is dead once its time is over', async () => {
    const id = await mail('a', { maxAttempts: 2 })
    await take(1)
    replica.advance(1)
    await take(1)
    replica.advance(1)

    expect(await client.take({ queue: 'mail' })).toBeNull()
    expect(await client.get({ id })).toMatchObject({ job: { status: 'dead', attempts: 2, body: 'a' } })
  })

  test('is dead once it is given back, and says so', async () => {
    await mail('a', { maxAttempts: 1 })
    const { id, receipt } = await take()
    expect(valueOf(await client.giveBack({ id, receipt }))).toBe('dead')
    expect(await counts()).toEqual({ ready: 0, taken: 0, dead: 1, finished: 0 })
  })

  test('can be revived, with all its attempts, or discarded: no other can', async () => {
    const id = await mail('a', { maxAttempts: 1 })
    expect(await client.discard({ id })).toEqual({ ok: false, error: { code: 'NotDead' } })
    expect(await client.revive({ id })).toEqual({ ok: false, error: { code: 'NotDead' } })
    const { receipt } = await take()
    await client.giveBack({ id, receipt })

    await client.revive({ id })
    expect(await client.finish({ id, receipt })).toEqual(lost)
    const again = await take()
    expect(again.receipt).toBeGreaterThan(receipt)
    await client.giveBack(again)
    expect((await client.discard({ id })).ok).toBe(true)
    expect(await client.get({ id })).toBeNull()
  })
})

describe('a ticket', () => {
  test('stands for one job, of whatever queue', async () => {
    const id = await mail('a', { ticket: 't' })
    expect(await client.enqueue({ queue: 'fax', body: 'b', ticket: 't' })).toEqual({ ok: false, error: { code: 'Known', id } })
  })

  test('stands for it for an hour after it was finished', async () => {
    const id = await mail('a', { ticket: 't' })
    await client.finish(await take())
    replica.advance(3_599_999)
    await mail('b')
    await client.finish(await take())
    expect(await client.enqueue({ queue: 'mail', body: 'a', ticket: 't' })).toEqual({ ok: false, error: { code: 'Known', id } })

    replica.advance(1)
    await mail('c')
    await client.finish(await take())
    expect((await client.enqueue({ queue: 'mail', body: 'a', ticket: 't' })).ok).toBe(true)
  })
})

test('pages follow each other without a gap, also between jobs that are alike, and when the last one has been taken meanwhile', async () => {
  for (const body of ['a', 'b', 'c', 'd', 'e']) await mail(body)
  const page = async (after?: { readonly priority: number; readonly runAt: number; readonly id: string }) => {
    const found = await client.page({ queue: 'mail', status: 'ready', limit: 2, ...(after === undefined ? {} : { after }) })
    return { bodies: found.map(({ job }) => ('body' in job ? job.body : '')), places: found.map(({ id, job }) => ({ ...job, id })) }
  }
  const placeOf = ({ places }: Awaited<ReturnType<typeof page>>) => {
    const last = places.at(-1)
    return last && { priority: last.priority, runAt: last.runAt, id: last.id }
  }

  const first = await page()
  for (let i = 0; i < 2; i++) await client.finish(await take())
  const second = await page(placeOf(first))
  const third = await page(placeOf(second))
  expect([first, second, third].map(({ bodies }) => bodies.join(''))).toEqual(['ab', 'cd', 'e'])
})
