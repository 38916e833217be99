// States of a size that counts, and those of real servers while they run.
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type LocksHandlers, locks, locksDescriptor } from '../../examples/locks/generated/index.ts'
import { handlers } from '../../examples/locks/handlers.ts'
import { eventually, Servers } from '../server/servers.ts'
import { built } from './built.ts'
import { command } from './in-process.ts'
import { locksSchema } from './log-data.ts'
import { raftgen } from './raftgen.ts'
import { acquireBy, callOf, locksNode, type Node, stored } from './state-data.ts'
import { temporaryFolder } from './temporary-folder.ts'

beforeAll(built, 180_000)

const entries = 100_000
/** The heap of who compares. The entries of one of the states would not fit. */
const heapMiB = 24
const longOwner = 'o'.repeat(64)
const nameOf = (i: number): string => `orders/${`${i}`.padStart(6, '0')}/${'x'.repeat(100)}`

/** Without the entry that is called `skipped`, and with `extra` in its place. */
function large({ skipped, extra }: { readonly skipped?: number; readonly extra?: string }): Node {
  const node = locksNode()
  for (let i = 0; i < entries; i++) {
    acquireBy(node, i === skipped ? (extra ?? '') : nameOf(i), longOwner)
    // Its client has the replies: only the state is to be large.
    if (i % 1_000 === 999) node.apply({ kind: 'keepAlive', now: node.replica.now, sessions: [{ session: 2, ackedBelow: i + 2 }] })
  }
  return node
}

test('a hundred thousand entries are compared in a heap that could not hold them, and in seconds', async () => {
  const folder = temporaryFolder()
  await stored(large({}), join(folder, '1'))
  // An entry at the front is gone: from there on no block of the one is a block of the other.
  await stored(large({ skipped: 7, extra: 'zzz' }), join(folder, '2'))
  const began = performance.now()
  const said = await raftgen(folder, ['state', 'diff', '1', '2', '--schema', locksSchema], {
    NODE_OPTIONS: `--max-old-space-size=${heapMiB}`,
  })
  expect(said.code).toBe(1)
  expect(said.out).toContain('\nstate.leases  100000 entries: 1 only in 1, 1 only in 2\n')
  expect(said.out).toContain(`\nstate.leases["${nameOf(7)}"] is only in 1: { owner: "${longOwner}", token: 10, `)
  expect(performance.now() - began).toBeLessThan(30_000)
}, 120_000)

test('two servers of one cluster that differ are told apart while they run', async () => {
  const servers = await Servers.bootstrap(2)
  onTestFinished(() => servers.dispose())
  const wrong: LocksHandlers = {
    ...handlers,
    acquire: (state, { name, owner, ttlMs }, ctx) =>
      handlers.acquire(state, { name, owner: name === 'b' ? 'somebody else' : owner, ttlMs }, ctx),
  }
  const limits = { snapshotEntries: 1 }
  await Promise.all([
    servers.run(1, { machine: locks(handlers), development: true, limits }),
    servers.run(2, { machine: locks(wrong), development: true, limits }),
  ])
  const { name, version, wire } = locksDescriptor
  const client = await servers.connect({ machine: { name, version, wire } })
  for (const lock of ['a', 'b', 'c']) await client.propose(callOf(locksDescriptor, 'acquire', { name: lock, owner: 'ann' }))
  const dirs = [servers.dir(1), servers.dir(2)]
  const { out } = await eventually('snapshots of one entry behind the last command', async () => {
    const said = await command(['state', 'diff', ...dirs, '--schema', locksSchema, '--json'])
    return said.code === 1 && said.out.includes('"path":"state.leases","kind":"entries","a":3,"b":3') ? said : undefined
  })
  const found: { readonly differences: readonly unknown[] } = JSON.parse(out)
  expect(found.differences[0]).toEqual({ path: 'state.leases["b"].owner', a: 'ann', b: 'somebody else' })
})

test.each(['state', 'state diff'])('raftgen %s --help has examples and exit codes', async (words) => {
  const { code, out } = await command([...words.split(' '), '--help'])
  expect(code).toBe(0)
  expect(out).toMatch(/\nExamples?:\n {2}raftgen state diff /)
  expect(out).toContain('\nExit codes:\n  0  the states are the same\n  1  they differ\n  2  wrong use')
})
