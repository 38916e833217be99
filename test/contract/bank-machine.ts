// A small bank, written as the generator would write it: what `bind` and `callCommand` are tested on.
import {
  absent,
  array,
  bytes,
  codec,
  integer,
  literal,
  nullable,
  object,
  readAbsent,
  readArray,
  readBytes,
  readFields,
  readInteger,
  readLiteral,
  readNullable,
  readString,
  string,
  within,
} from '../../src/contract/v1.ts'
import type {
  CommandOperation,
  Context,
  MachineDescriptor,
  QueryContext,
  QueryOperation,
  ReadonlyTable,
  Result,
  Table,
  Wire,
} from '../../src/contract/v1.ts'

export interface Account {
  readonly balance: number
  readonly seal: Uint8Array
}
export interface Transfer {
  readonly from: string
  readonly to: string
  readonly amount: number
}
export interface Open {
  readonly name: string
  readonly balance: number
}
export type TransferError =
  | { readonly code: 'NoAccount'; readonly name: string }
  | { readonly code: 'Insufficient'; readonly balance: number }
export interface State {
  readonly accounts: Table<string, Account>
  readonly journal: Table<number, Transfer>
  transfers: number
  last: Transfer | null
  marks: readonly number[]
}
export interface ReadonlyState {
  readonly accounts: ReadonlyTable<string, Account>
  readonly journal: ReadonlyTable<number, Transfer>
  readonly transfers: number
  readonly last: Transfer | null
  readonly marks: readonly number[]
}
export interface BankHandlers {
  open(state: State, input: Open, ctx: Context): void
  transfer(state: State, input: Transfer, ctx: Context): Result<number, TransferError>
  audit(state: State, input: Record<never, never>, ctx: Context): { readonly ok: boolean }
  balance(state: ReadonlyState, input: { readonly name: string }, ctx: QueryContext): number | null
}

const fieldsOf =
  (...names: readonly string[]) =>
  (key: string): key is string =>
    names.includes(key)
const name = (value: unknown): string => string(value, 'name', 1, 20)
const money = (value: unknown, key: string): number => integer(value, key, 0, 1_000_000)

const accountFields = fieldsOf('balance', 'seal')
const account = codec<Account>(
  (value) => {
    const fields = object(value, accountFields, 2)
    return Object.freeze({ balance: money(fields['balance'], 'balance'), seal: bytes(fields['seal'], 'seal', 0, 400_000) })
  },
  (value) => [value.balance, value.seal],
  (wire) => {
    const fields = readFields(wire, 2)
    return Object.freeze({ balance: readInteger(fields[0], 'balance'), seal: readBytes(fields[1], 'seal') })
  },
)
const transferFields = fieldsOf('from', 'to', 'amount')
const transferOf = codec<Transfer>(
  (value) => {
    const fields = object(value, transferFields, 3)
    return Object.freeze({
      from: string(fields['from'], 'from', 1, 20),
      to: string(fields['to'], 'to', 1, 20),
      amount: integer(fields['amount'], 'amount', 1, 1_000_000),
    })
  },
  (value) => [value.from, value.to, value.amount],
  (wire) => {
    const fields = readFields(wire, 3)
    return Object.freeze({ from: readString(fields[0], 'from'), to: readString(fields[1], 'to'), amount: readInteger(fields[2], 'amount') })
  },
)
const openFields = fieldsOf('name', 'balance')
const openOf = codec<Open>(
  (value) => {
    const fields = object(value, openFields, 2)
    return Object.freeze({ name: name(fields['name']), balance: fields['balance'] === undefined ? 0 : money(fields['balance'], 'balance') })
  },
  (value) => [value.name, value.balance],
  (wire) => {
    const fields = readFields(wire, 2)
    return Object.freeze({ name: readString(fields[0], 'name'), balance: readInteger(fields[1], 'balance') })
  },
)
const noFields = fieldsOf()
const nothingOf = codec<Record<never, never>>(
  (value) => {
    object(value, noFields, 0)
    return Object.freeze({})
  },
  () => [],
  (wire) => {
    readFields(wire, 0)
    return Object.freeze({})
  },
)
const nothing = codec<undefined>(absent, () => null, readAbsent)

const resultFields = fieldsOf('ok', 'value', 'error')
const errorFields = fieldsOf('code', 'name', 'balance')
const transferReply = codec<Result<number, TransferError>>(
  (value) => {
    const fields = object(value, resultFields, 3)
    if (fields['ok'] === true) return Object.freeze({ ok: true, value: money(fields['value'], 'value') })
    literal(fields['ok'], 'ok', [true, false])
    const error = object(fields['error'], errorFields, 3)
    if (literal(error['code'], 'code', ['NoAccount', 'Insufficient']) === 'NoAccount') {
      return Object.freeze({ ok: false, error: Object.freeze({ code: 'NoAccount', name: name(error['name']) }) })
    }
    return Object.freeze({ ok: false, error: Object.freeze({ code: 'Insufficient', balance: money(error['balance'], 'balance') }) })
  },
  (reply): Wire => {
    if (reply.ok) return [0, reply.value]
    return reply.error.code === 'NoAccount' ? [1, reply.error.name] : [2, reply.error.balance]
  },
  (wire) => {
    const [tag, field] = readFields(wire, 2)
    if (readLiteral(tag, 'tag', [0, 1, 2]) === 0) return Object.freeze({ ok: true, value: readInteger(field, 'value') })
    if (tag === 1) return Object.freeze({ ok: false, error: Object.freeze({ code: 'NoAccount', name: readString(field, 'name') }) })
    return Object.freeze({ ok: false, error: Object.freeze({ code: 'Insufficient', balance: readInteger(field, 'balance') }) })
  },
)
const auditFields = fieldsOf('ok')
const auditReply = codec<{ readonly ok: boolean }>(
  (value) => Object.freeze({ ok: literal(object(value, auditFields, 1)['ok'], 'ok', [true, false]) }),
  (reply) => [reply.ok],
  (wire) => Object.freeze({ ok: readLiteral(readFields(wire, 1)[0], 'ok', [true, false]) }),
)
const nameFields = fieldsOf('name')

export const open: CommandOperation<Open, undefined> = { kind: 'command', tag: 1, name: 'open', input: openOf, errors: [], reply: nothing }
export const transfer: CommandOperation<Transfer, Result<number, TransferError>> = {
  kind: 'command',
  tag: 2,
  name: 'transfer',
  input: transferOf,
  errors: ['NoAccount', 'Insufficient'],
  reply: transferReply,
}
/** Declares no errors; what it returns only looks like a failure. */
export const audit: CommandOperation<Record<never, never>, { readonly ok: boolean }> = {
  kind: 'command',
  tag: 3,
  name: 'audit',
  input: nothingOf,
  errors: [],
  reply: auditReply,
}
export const balance: QueryOperation<{ readonly name: string }, number | null> = {
  kind: 'query',
  tag: 1,
  name: 'balance',
  input: codec(
    (value) => Object.freeze({ name: name(object(value, nameFields, 1)['name']) }),
    (value) => [value.name],
    (wire) => Object.freeze({ name: readString(readFields(wire, 1)[0], 'name') }),
  ),
  reply: codec<number | null>(
    (value) => nullable(value, '', (found) => money(found, '')),
    (value) => value,
    (wire) => readNullable(wire, '', (found) => readInteger(found, '')),
  ),
}

export const bankDescriptor: MachineDescriptor = {
  name: 'bank',
  version: 1,
  wire: '0123456789abcdef',
  open: true,
  state: {
    accounts: {
      kind: 'table',
      key: 'string',
      keys: codec<string>(
        (key) => string(key, '', 1, 20),
        (key) => key,
        (wire) => readString(wire, ''),
      ),
      values: account,
      initial: [
        ['vault', [500, new Uint8Array([7])]],
        ['house', [1_000, new Uint8Array(0)]],
      ],
    },
    journal: {
      kind: 'table',
      key: 'integer',
      keys: codec<number>(
        (key) => integer(key, '', 1),
        (key) => key,
        (wire) => readInteger(wire, ''),
      ),
      values: transferOf,
      initial: [],
    },
    transfers: {
      kind: 'cell',
      value: codec<number>(
        (value) => integer(value, '', 0),
        (value) => value,
        (wire) => readInteger(wire, ''),
      ),
      initial: 0,
    },
    last: {
      kind: 'cell',
      value: codec<Transfer | null>(
        (value) => nullable(value, '', (found) => transferOf.check(found, '')),
        (value) => (value === null ? null : transferOf.toWire(value)),
        (wire) => readNullable(wire, '', (found) => transferOf.fromWire(found ?? null)),
      ),
      initial: null,
    },
    marks: {
      kind: 'cell',
      value: codec<readonly number[]>(
        (value) => array(value, '', (item) => within(item, '', (it) => integer(it, ''))),
        (value) => value,
        (wire) => readArray(wire, '', (item) => readInteger(item, '')),
      ),
      initial: [],
    },
  },
  commands: [open, transfer, audit],
  queries: [balance],
}

const noSeal = new Uint8Array(0)

export const bankHandlers: BankHandlers = {
  open(state, input) {
    if (state.accounts.has(input.name)) throw new Error(`the account ${input.name} exists`)
    state.accounts.set(input.name, { balance: input.balance, seal: noSeal })
  },

  // Changes first, checks last: whatever it returns, nobody must see half of it.
  transfer(state, { from, to, amount }, ctx) {
    const source = state.accounts.get(from)
    if (source === undefined) return { ok: false, error: { code: 'NoAccount', name: from } }
    state.accounts.set(from, { ...source, balance: Math.max(0, source.balance - amount) })
    state.transfers++
    const target = state.accounts.get(to)
    if (target === undefined) return { ok: false, error: { code: 'NoAccount', name: to } }
    state.accounts.set(to, { ...target, balance: target.balance + amount })
    state.journal.set(ctx.index, { from, to, amount })
    state.last = { from, to, amount }
    if (source.balance < amount) return { ok: false, error: { code: 'Insufficient', balance: source.balance } }
    return { ok: true, value: source.balance - amount }
  },

  audit(state) {
    state.transfers = 0
    return { ok: false }
  },

  balance: (state, { name: account }) => state.accounts.get(account)?.balance ?? null,
}
