import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Account } from '../../examples/bank/demo/account.ts'
import { type BankHandlers, BankClient, bank, type Transfer } from '../../examples/bank/generated/index.ts'
import { handlers } from '../../examples/bank/handlers.ts'
import { local } from '../../src/sim/local.ts'

test('the bank of the demo has its books right after its leader was killed, and says so', async () => {
  const main = new URL('../../dist/examples/bank/demo/main.js', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [main, '600'], { timeout: 40_000 })
  expect(stdout).toMatch(/^killing replica \d, the leader/m)
  expect(stdout).toMatch(/^transfers carried out +[1-9]\d+$/m)
  expect(stdout).toMatch(/^ {2}refused +[1-9]\d*$/m)
  expect(stdout).toMatch(/^wrong in the books +0$/m)
  expect(stdout).toMatch(/^replicas identical +yes/m)
}, 50_000)

test('its account would notice a transfer that is lost, one that was refused and carried out, half a command, and money that is gone', async () => {
  const transfer = (order: string, amount = 1): Transfer => ({ order, from: 'vault', to: 'a', amount })
  /** Keeps what is refused, and loses a coin. */
  const settle: BankHandlers['settle'] = (state, { transfers }, ctx) => {
    const [first] = transfers
    if (first !== undefined) handlers.settle(state, { transfers: [first] }, ctx)
    state.accounts.set('a', { owner: 'customer', balance: 0 })
    return { ok: true, value: state.count }
  }
  const client = BankClient.over(local(bank({ ...handlers, settle })))
  await client.open({ name: 'a', owner: 'customer' })
  const groups = [[transfer('1')], [transfer('2'), transfer('3')], [transfer('4')]]
  for (const transfers of groups.slice(0, 2)) await client.settle({ transfers })
  const account = new Account()
  account.note('refused', [transfer('1')])
  account.note('carriedOut', [transfer('4')])

  const { wrong } = await account.compare(client, 1_000_000, groups)
  expect(wrong).toEqual([
    '4 was carried out, and is not in the journal',
    '1 was refused, and is in the journal',
    '1 of 2 transfers from 2 on were carried out',
    'the accounts hold 999998, and not 1000000',
    'a holds 0, its transfers make 2',
  ])
})
