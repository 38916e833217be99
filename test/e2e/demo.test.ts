import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the demo loses nothing, applies nothing twice, and says so', async () => {
  const main = new URL('../../dist/examples/locks/demo/main.js', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [main], { timeout: 30_000 })
  expect(stdout).toMatch(/^commands acknowledged +4000$/m)
  expect(stdout).toMatch(/^outcome unknown +0$/m)
  expect(stdout).toMatch(/^lost +0$/m)
  expect(stdout).toMatch(/^applied twice +0$/m)
  expect(stdout).toMatch(/^time without a leader +\d+\.\d\d s$/m)
  expect(stdout).toMatch(/^replicas identical +yes/m)
}, 40_000)

test('its account would notice what is lost or applied twice', async () => {
  const { Ledger, parseCommands } = await import('../../examples/locks/demo/ledger.ts')
  const told = { owner: 'alice', token: 5, expiresAt: 1 }
  const [a, b, c] = parseCommands('acquire a alice 1\nacquire b alice 1\nrelease c alice')
  const ledger = new Ledger()
  if (a) ledger.acknowledge(a, told, false)
  if (b) ledger.acknowledge(b, { ...told, token: 6 }, false)
  if (c) ledger.acknowledge(c, undefined, true)
  const state = { a: null, b: { ...told, token: 9 } }
  const client = { holder: async ({ name }: { name: string }) => (name === 'a' || name === 'b' ? state[name] : null) }
  const verdict = await ledger.compare(client)
  expect(verdict.lost).toEqual(['c: alice could not release what it had been granted', 'a: token 5 of alice is gone'])
  expect(verdict.appliedTwice).toEqual(['b: told token 6, holds 9'])
})
