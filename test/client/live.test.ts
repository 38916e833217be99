// Against servers that run, in this process: what an operator and a reader near a follower get.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChangeRefused, Client, ClusterAdmin, type ClusterView } from '../../src/client/index.ts'
import { bytes, eventually, Servers, string } from '../server/servers.ts'

let servers: Servers
let admin: ClusterAdmin
let client: Client
beforeAll(async () => {
  servers = await Servers.start(3)
  admin = await ClusterAdmin.connect({ servers: servers.addresses })
  client = await Client.connect({ servers: servers.addresses })
  await client.propose(bytes('first'))
}, 20_000)
afterAll(async () => {
  await admin.close()
  await client.close()
  await servers.dispose()
})

const rolesOf = ({ members }: ClusterView): readonly string[] => members.map(({ id, role }) => `${id} ${role}`)
const clientOf = (id: number): string => servers.addresses[id - 1] ?? ''
const followerOf = async (): Promise<number> => (await admin.members()).members.find(({ isLeader }) => !isLeader)?.id ?? 0

test('the members are told with how far each has got', async () => {
  const view = await admin.members()
  expect(rolesOf(view)).toEqual(['1 voter', '2 voter', '3 voter'])
  expect(view.members.filter(({ isLeader }) => isLeader).map(({ id }) => id)).toEqual([view.leader])
  expect(view.members.every(({ progress }) => progress?.isActive)).toBe(true)
})

test('leadership goes where it is sent, and writes go on', async () => {
  const to = await followerOf()
  const [view] = await Promise.all([admin.transferLeadership({ to }), client.propose(bytes('meanwhile'))])
  expect(view.leader).toBe(to)
})

test('a voter becomes a learner and a voter again', async () => {
  const id = await followerOf()
  expect(rolesOf(await admin.demote(id))).toContain(`${id} learner`)
  expect(rolesOf(await admin.promote(id))).toEqual(['1 voter', '2 voter', '3 voter'])
})

test('what the cluster refuses comes with its reason', async () => {
  const refused: ChangeRefused = await admin.remove(77).then(
    () => expect.fail('it was not refused'),
    (error: ChangeRefused) => error,
  )
  expect({ code: refused.code, reason: refused.reason }).toEqual({ code: 'CHANGE_REFUSED', reason: 'unknownId' })
})

test('lease reads are switched on and off, and a lease query is answered either way', async () => {
  expect((await admin.setLeaseReads({ durationMs: 400 })).leaseReads).toEqual({ durationMs: 400 })
  expect(string((await client.query(bytes(''), { consistency: 'lease' })).reply)).toContain('first')
  expect((await admin.setLeaseReads('off')).leaseReads).toBeUndefined()
  expect(string((await client.query(bytes(''), { consistency: 'lease' })).reply)).toContain('first')
})

test('a follower answers what was just written: with a token, and without one', async () => {
  const near = await Client.connect({ servers: [clientOf(await followerOf())] })
  await client.propose(bytes('tokened'))
  const atLeast = client.token
  expect(string((await near.query(bytes(''), { atLeast, from: 'nearest' })).reply)).toContain('tokened')
  await client.propose(bytes('agreed'))
  expect(string((await near.query(bytes(''), { from: 'nearest' })).reply)).toContain('agreed')
  expect(near.token.index).toBeGreaterThanOrEqual(client.token.index)
  await near.close()
})

test('queries near a server that stops go on at another', async () => {
  const id = await followerOf()
  const near = await Client.connect({ servers: [clientOf(id), ...servers.addresses] })
  await near.query(bytes(''), { from: 'nearest' })
  await servers.stop(id)
  expect(string((await near.query(bytes(''), { from: 'nearest' })).reply)).toContain('first')
  await near.close()
  await servers.run(id)
  await eventually('node that is back', async () => ((await admin.members()).members[id - 1]?.progress?.isActive ? true : undefined))
})
