// What the callers were told, kept outside of the bank, and the bank's own books: they must agree.
import type { BankClient, Transfer } from '../generated/index.js'

export interface Verdict {
  readonly carriedOut: number
  readonly refused: number
  readonly unknown: number
  /** Each a sentence. */
  readonly wrong: readonly string[]
}

export class Account {
  readonly #told = { carriedOut: new Set<string>(), refused: new Set<string>(), unknown: new Set<string>() }

  get answered(): number {
    return this.#told.carriedOut.size + this.#told.refused.size + this.#told.unknown.size
  }

  /** Of all transfers of one command. */
  note(outcome: 'carriedOut' | 'refused' | 'unknown', transfers: readonly Transfer[]): void {
    for (const { order } of transfers) this.#told[outcome].add(order)
  }

  /** `sum`: of all money. `groups`: what was to be carried out together. */
  async compare(client: BankClient, sum: number, groups: readonly (readonly Transfer[])[]): Promise<Verdict> {
    const { carriedOut, refused, unknown } = this.#told
    const journal = await readJournal(client)
    const booked = new Set(journal.map(({ order }) => order))
    const wrong: string[] = []
    if (booked.size !== journal.length) wrong.push(`${journal.length - booked.size} transfers are in the journal twice`)
    for (const order of carriedOut) if (!booked.has(order)) wrong.push(`${order} was carried out, and is not in the journal`)
    for (const order of refused) if (booked.has(order)) wrong.push(`${order} was refused, and is in the journal`)
    for (const group of groups) {
      const count = group.filter(({ order }) => booked.has(order)).length
      if (count !== 0 && count !== group.length)
        wrong.push(`${count} of ${group.length} transfers from ${group[0]?.order} on were carried out`)
    }
    const found = await client.sum()
    if (found !== sum) wrong.push(`the accounts hold ${found}, and not ${sum}`)
    wrong.push(...(await differences(client, sum, journal)))
    return { carriedOut: carriedOut.size, refused: refused.size, unknown: unknown.size, wrong }
  }
}

async function readJournal(client: BankClient): Promise<readonly Transfer[]> {
  const transfers: Transfer[] = []
  let after = 0
  for (;;) {
    const page = await client.journal({ after })
    const last = page.at(-1)
    if (last === undefined) return transfers
    transfers.push(...page.map(({ transfer }) => transfer))
    after = last.number
  }
}

/** Of the balances that the journal makes, and those of the accounts. */
async function differences(client: BankClient, sum: number, journal: readonly Transfer[]): Promise<readonly string[]> {
  const balances = new Map([['vault', sum]])
  for (const { from, to, amount } of journal) {
    balances.set(from, (balances.get(from) ?? 0) - amount)
    balances.set(to, (balances.get(to) ?? 0) + amount)
  }
  const accounts = [...(await client.accounts({ owner: 'bank' })), ...(await client.accounts({ owner: 'customer' }))]
  const held = accounts.map(({ name, balance }) => ({ name, balance, expected: balances.get(name) ?? 0 }))
  return held
    .filter(({ balance, expected }) => balance !== expected)
    .map(({ name, balance, expected }) => `${name} holds ${balance}, its transfers make ${expected}`)
}
