import { type BankHandlers, type BankState, Exists, Known, NoAccount, ok, TooLittle, type Transfer } from './generated/index.js'

export const handlers: BankHandlers = {
  open(state, { name, owner }) {
    if (state.accounts.has(name)) return Exists()
    state.accounts.set(name, { owner, balance: 0 })
    return ok()
  },

  // Each is carried out as it is read: when one cannot be, those before it are undone with the whole command.
  settle(state, { transfers }) {
    for (const transfer of transfers) {
      const refused = carryOut(state, transfer)
      if (refused !== undefined) return refused
    }
    return ok(state.count)
  },

  accounts: (state, { owner }) => [...state.accounts.by.owner.entries(owner)].map(([name, { balance }]) => ({ name, balance })),

  sum(state) {
    let sum = 0
    for (const { balance } of state.accounts.values()) sum += balance
    return sum
  },

  journal: (state, { after }) =>
    [...state.transfers.range({ gt: after, limit: 1_000 })].map(([number, transfer]) => ({ number, transfer })),
}

function carryOut(state: BankState, transfer: Transfer) {
  const { order, from, to, amount } = transfer
  if (state.transfers.by.order.has(order)) return Known({ order })
  const source = state.accounts.get(from)
  if (source === undefined) return NoAccount({ name: from })
  if (source.balance < amount) return TooLittle({ name: from, balance: source.balance })
  state.accounts.set(from, { ...source, balance: source.balance - amount })
  // Read only now: it may be the same account.
  const target = state.accounts.get(to)
  if (target === undefined) return NoAccount({ name: to })
  state.accounts.set(to, { ...target, balance: target.balance + amount })
  state.count += 1
  state.transfers.set(state.count, transfer)
  return undefined
}
