import { defineMachine, Record } from 'raftgen'
import Type from 'typebox'

const Name = Type.String({ minLength: 1, maxLength: 32, description: 'Of an account, e.g. "alice/savings".' })
const Owner = Type.String({ minLength: 1, maxLength: 32 })
const Amount = Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'In the smallest coin there is.' })
const Order = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Of the caller, for each transfer another: it is carried out once, whoever asks again.',
})

const Account = Type.Object({ owner: Owner, balance: Type.Integer({ minimum: 0 }) })
const Transfer = Type.Object({ order: Order, from: Name, to: Name, amount: Amount })
const NamedAccount = Type.Object({ name: Name, balance: Type.Integer() })
const Entry = Type.Object({ number: Type.Integer(), transfer: Transfer })

export default defineMachine({
  name: 'bank',
  version: 1,

  state: Type.Object({
    accounts: Record(Name, Account),
    /** All that were carried out, numbered by the log. */
    transfers: Record(Type.Integer({ minimum: 1 }), Transfer),
    /** How many there are. */
    count: Type.Integer({ minimum: 0, default: 0 }),
  }),
  indexes: {
    accounts: { owner: 'owner' },
    transfers: { order: { on: 'order', unique: true } },
  },
  // All the money there ever is: commands move it.
  initial: { accounts: { vault: { owner: 'bank', balance: 1_000_000 } } },

  invariants: {
    sumIsConstant: (state) => {
      let sum = 0
      for (const { balance } of state.accounts.values()) sum += balance
      return sum === 1_000_000 || `the sum is ${sum}`
    },
    transfersAreCounted: (state) => state.count === state.transfers.size,
  },

  errors: {
    Exists: Type.Object({}),
    NoAccount: Type.Object({ name: Name }),
    TooLittle: Type.Object({ name: Name, balance: Type.Integer() }),
    Known: Type.Object({ order: Order }),
  },

  commands: {
    open: { input: Type.Object({ name: Name, owner: Owner }), errors: ['Exists'] },
    /** Carries out all of the transfers, in their order, or none. Gives the number of the last. */
    settle: {
      input: Type.Object({ transfers: Type.Array(Transfer, { minItems: 1, maxItems: 100 }) }),
      output: Type.Integer(),
      errors: ['NoAccount', 'TooLittle', 'Known'],
    },
  },

  queries: {
    /** Accounts of one owner, by name. */
    accounts: { input: Type.Object({ owner: Owner }), output: Type.Array(NamedAccount) },
    /** The sum over all accounts. */
    sum: { input: Type.Object({}), output: Type.Integer() },
    /** Up to a thousand transfers behind one, by number. */
    journal: { input: Type.Object({ after: Type.Integer({ default: 0 }) }), output: Type.Array(Entry) },
  },
})
