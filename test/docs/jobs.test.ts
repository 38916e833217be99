import { expect, test } from 'vitest'
import { local } from '../../src/sim/local.ts'
import { JobsClient, jobs } from './jobs/generated/index.ts'
import { handlers } from './jobs/handlers.ts'

const open = () => {
  const replica = local(jobs(handlers))
  return { replica, client: JobsClient.over(replica) }
}
const valueOf = <T>(reply: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }): T => {
  if (!reply.ok) throw new Error(JSON.stringify(reply.error))
  return reply.value
}

test('jobs are taken by priority, then by age, each of its own queue', async () => {
  const { replica, client } = open()
  const add = async (body: string, queue: string, priority: number): Promise<void> => {
    await client.add({ queue, body, priority })
    replica.advance(1)
  }
  await add('late', 'mail', 5)
  await add('first', 'mail', 1)
  await add('later', 'mail', 5)
  await add('other', 'fax', 0)

  expect(await client.waiting({ queue: 'mail' })).toBe(3)
  const bodies = [await client.take({ queue: 'mail' }), await client.take({ queue: 'mail' }), await client.take({ queue: 'mail' })]
  expect(bodies.map((found) => found?.job.body)).toEqual(['first', 'late', 'later'])
  expect(await client.take({ queue: 'mail' })).toBeNull()
})

test('a job that is not finished in time is taken again, one that is finished is gone', async () => {
  const { replica, client } = open()
  await client.add({ queue: 'mail', body: 'a' })
  await client.add({ queue: 'mail', body: 'b' })
  const first = await client.take({ queue: 'mail', forMs: 1_000 })
  const second = await client.take({ queue: 'mail', forMs: 1_000 })
  await client.finish({ id: second?.id ?? '' })
  replica.advance(1_000)

  expect((await client.take({ queue: 'mail' }))?.id).toBe(first?.id)
  expect(await client.finish({ id: second?.id ?? '' })).toEqual({ ok: false, error: { code: 'Gone' } })
})

test('a ticket stands for one job', async () => {
  const { client } = open()
  const id = valueOf(await client.add({ queue: 'mail', body: 'a', ticket: 't' }))

  expect(await client.add({ queue: 'fax', body: 'b', ticket: 't' })).toEqual({ ok: false, error: { code: 'Known', id } })
  await client.finish({ id })
  expect((await client.add({ queue: 'fax', body: 'b', ticket: 't' })).ok).toBe(true)
})

test('pages follow each other without a gap, also between jobs that are alike', async () => {
  const { client } = open()
  for (const body of ['a', 'b', 'c', 'd', 'e']) await client.add({ queue: 'mail', body })

  const first = await client.page({ queue: 'mail' })
  const second = await client.page({ queue: 'mail', after: first[1]?.id ?? '' })
  const third = await client.page({ queue: 'mail', after: second[1]?.id ?? '' })
  expect([first, second, third].map((page) => page.map(({ job }) => job.body).join(''))).toEqual(['ab', 'cd', 'e'])
})
