// A replica whose handlers do something else than those of the others, on real servers: it is found, named, and takes nobody with it.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { bind, type StateMachine } from '../../src/contract/v1.ts'
import type { Server } from '../../src/server/index.ts'
import { packValue } from '../../src/wire/value.ts'
import { bankDescriptor, bankHandlers } from '../contract/bank-machine.ts'
import { eventually, Servers } from './servers.ts'

let servers: Servers
afterEach(async () => await servers.dispose())

/** A bank that gives one coin more to the account `lucky`, where it is not the same on every node. */
const bank = (extra: number): StateMachine =>
  bind(bankDescriptor, {
    ...bankHandlers,
    open: (state, { name, balance }) => {
      state.accounts.set(name, { balance: name === 'lucky' ? balance + extra : balance, seal: new Uint8Array(0) })
    },
  } satisfies typeof bankHandlers)
const open = (name: string) => packValue([1, 1, [name, 5]])

async function start(extras: readonly number[]): Promise<readonly Server[]> {
  servers = await Servers.bootstrap(extras.length)
  const limits = { digestEntries: 50 }
  return await Promise.all(extras.map((extra, i) => servers.run(i + 1, { machine: bank(extra), limits, development: true })))
}

test('is fenced wherever it is, with the command that it differs since, and the others go on', async () => {
  const all = await start([0, 1, 0])
  const client = await servers.connect()
  await client.propose(open('ann'))
  const { index } = await client.propose(open('lucky'))
  for (let i = 0; i < 60; i++) await client.propose(open(`a${i}`))

  const [one, victim, three] = all
  await eventually('the victim to be fenced', () => (victim?.status().divergence?.index === undefined ? undefined : true))
  expect(victim?.status().divergence).toMatchObject({ standing: 'fenced', others: [1, 3], index, isFirst: true, command: 'open' })
  await eventually('the others to know', () =>
    [one, three].every((server) => server?.status().divergence?.index === index) ? true : undefined,
  )
  expect(one?.status().divergence).toMatchObject({ standing: 'sound', others: [2], isFirst: true, command: 'open' })

  const leader = await eventually('a leader', () => [one, three].find((server) => server?.status().role === 'leader'))
  expect(leader.status().divergence?.standing).toBe('sound')
  await client.propose(open('bob'))
  expect(victim?.status().role).toBe('follower')

  await eventually('evidence', () => {
    const [at = 0, other] = [one, three].map((server) => server?.status().snapshotIndex)
    return at > 0 && at === other ? true : undefined
  })
  // That of the victim is set aside: no later life begins with it.
  await eventually('evidence of the victim', async () =>
    (await readdir(join(servers.dir(2), 'snapshots'))).some((name) => name.endsWith('.damaged')) ? true : undefined,
  )
  const told = servers.warnings.filter((warning) => warning.includes('differ') || warning.includes('is not that of'))
  expect(
    told.some((line) => line.startsWith('the state of node 2 after entry') && line.includes('not that of a majority, nodes 1, 3')),
  ).toBe(true)
  expect(told.some((line) => line.includes(`differ since entry ${index}, a command open`))).toBe(true)
}, 30_000)

test('without a majority that agrees nobody answers', async () => {
  await start([0, 1, 2])
  const client = await servers.connect({ timeoutMs: 3_000 })
  await client.propose(open('lucky'))
  const failed = await eventually('a refusal', async () => {
    try {
      await client.propose(open('ann'))
      return undefined
    } catch (error) {
      return error
    }
  })
  // Some were on their way when it was found.
  expect(['STATE_DIVERGED', 'OUTCOME_UNKNOWN']).toContain(Reflect.get(failed as object, 'code'))
  await expect(client.propose(open('ann'))).rejects.toMatchObject({ code: 'STATE_DIVERGED' })
  await expect(client.query(packValue([1, 1, ['ann']]))).rejects.toMatchObject({ code: 'STATE_DIVERGED' })
  expect(servers.running.map((server) => server.status().divergence?.standing)).toEqual(['doubtful', 'doubtful', 'doubtful'])
}, 30_000)
