// What a handler must not depend on is found the first time that it does, in any test that uses `local`.
import { describe, expect, test } from 'vitest'
import { bind, callCommand } from '../../src/contract/v1.ts'
import { type LocalOptions, local } from '../../src/sim/index.ts'
import { type BankHandlers, bankDescriptor, bankHandlers, open } from '../contract/bank-machine.ts'

type Open = BankHandlers['open']
const noSeal = new Uint8Array(0)
const said = (what: string): string =>
  `the handler of open is not deterministic. Applied once more to an equal state, under another clock, in another time zone and with another luck: ${what}. ` +
  '`raftgen check` may tell why'

async function opened(handler: Open, options?: LocalOptions): Promise<unknown> {
  const bank = local(bind(bankDescriptor, { ...bankHandlers, open: handler }), options)
  return await callCommand(bank, open, 1, { name: 'ann', balance: 5 }).then(
    () => 'fine',
    (error: unknown) => error,
  )
}
const put = (balanceOf: (ctx: Parameters<Open>[2]) => number): Open => {
  return (state, { name }, ctx) => state.accounts.set(name, { balance: balanceOf(ctx), seal: noSeal })
}

describe('a handler that is not deterministic', () => {
  let calls = 0
  const balance = /^state\.accounts\["ann"\]\.balance is \d+ here and \d+ there$/
  const once = /^state\.accounts\["ann"\] is (here and not there|there and not here)$/
  const midnight = 1_767_225_600_000
  test.each<[string, Open, RegExp]>([
    ['clock', put(() => Date.now() % 1_000_000), balance],
    ['date', put(() => new Date().getUTCHours() * 60 + new Date().getUTCMinutes()), balance],
    ['stopwatch', put(() => Math.floor(performance.now()) % 1_000_000), balance],
    ['time zone', put(() => new Date(midnight).getHours() * 60 + new Date(midnight).getMinutes()), balance],
    ['luck', (state, input, ctx) => (Math.random() < 0.5 ? put(() => 1)(state, input, ctx) : undefined), once],
    ['memory of its module', put(() => calls++), balance],
  ])('%s', async (_, handler, what) => {
    const error = await opened(handler)
    expect(error).toMatchObject({ code: 'STATE_DIVERGED' })
    const message = error instanceof Error ? error.message : ''
    const found = message.slice(said('').indexOf(': .') + 2, message.lastIndexOf('. `raftgen check`'))
    expect(said(found)).toBe(message)
    expect(found).toMatch(what)
  })

  test('is let be where a test says so', async () => {
    expect(
      await opened(
        put(() => Date.now() % 1_000),
        { twice: false },
      ),
    ).toBe('fine')
  })
})

test('what the context gives, and dates of a value, are the same wherever a handler runs', async () => {
  const handler = put((ctx) => Math.floor(ctx.random() * 1_000) + (new Date(ctx.now).getTime() % 1_000) + ctx.id().length)
  expect(await opened(handler)).toBe('fine')
})

test('everything is as it was after each command', async () => {
  const before = [globalThis.Date, Math.random, performance.now, process.env['TZ']]
  await opened(
    put(() => {
      throw new Error('half-way')
    }),
  )
  expect([globalThis.Date, Math.random, performance.now, process.env['TZ']]).toEqual(before)
})

test('a machine that was used before is compared from where it is', async () => {
  const machine = bind(bankDescriptor, bankHandlers)
  await callCommand(local(machine), open, 1, { name: 'ann', balance: 5 })
  await expect(callCommand(local(machine), open, 1, { name: 'bob', balance: 5 })).resolves.toBeUndefined()
})
