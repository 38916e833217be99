// Whether the check has teeth: a sound history is let pass, and each way to spoil it is refused.
import { expect, test } from 'vitest'
import { type AppliedCommand, merged } from './check/applied.ts'
import { checkHistory } from './check/history-check.ts'
import type { Operation } from './history.ts'

const key = 'k0'
const appended = (count: number, ...last: number[]): object => ({ count, last })
const read = (list: object, register: number | null): object => ({ list, register })

/** Two sessions; the second append of the first one was never answered, and took effect. */
const sound: Readonly<Record<string, Operation>> = {
  first: {
    client: 1,
    session: 1,
    call: 1,
    op: 'append',
    input: { key, value: 11 },
    invoke: 0,
    return: 10,
    outcome: 'ok',
    output: appended(1, 11),
    index: 5,
  },
  second: {
    client: 2,
    session: 2,
    call: 1,
    op: 'append',
    input: { key, value: 21 },
    invoke: 20,
    return: 30,
    outcome: 'ok',
    output: appended(2, 11, 21),
    index: 7,
  },
  look: {
    client: 1,
    session: 1,
    call: 2,
    op: 'read',
    input: { key },
    consistency: 'linearizable',
    invoke: 40,
    return: 50,
    outcome: 'ok',
    output: read(appended(2, 11, 21), null),
    index: 7,
  },
  swap: {
    client: 2,
    session: 2,
    call: 2,
    op: 'cas',
    input: { key, expected: null, value: 22 },
    invoke: 60,
    return: 70,
    outcome: 'ok',
    output: { ok: true },
    index: 8,
  },
  lost: {
    client: 1,
    session: 1,
    call: 3,
    op: 'append',
    input: { key, value: 12 },
    invoke: 80,
    return: 90,
    outcome: 'unknown',
    code: 'OUTCOME_UNKNOWN',
  },
  refused: {
    client: 2,
    session: 2,
    call: 3,
    op: 'append',
    input: { key, value: 23 },
    invoke: 80,
    return: 85,
    outcome: 'notApplied',
    code: 'UNAVAILABLE',
  },
  mismatch: {
    client: 2,
    session: 2,
    call: 4,
    op: 'cas',
    input: { key, expected: 1, value: 24 },
    invoke: 90,
    return: 95,
    outcome: 'ok',
    output: { ok: false, error: { code: 'Mismatch', actual: 22 } },
    index: 12,
  },
  token: {
    client: 3,
    session: 3,
    call: 1,
    op: 'read',
    input: { key },
    consistency: 'atLeast',
    token: 8,
    invoke: 96,
    return: 97,
    outcome: 'ok',
    output: read(appended(2, 11, 21), 22),
    index: 9,
  },
  stale: {
    client: 3,
    session: 3,
    call: 2,
    op: 'read',
    input: { key },
    consistency: 'stale',
    invoke: 98,
    return: 99,
    outcome: 'ok',
    output: read(appended(1, 11), null),
    index: 5,
  },
  sum: {
    client: 3,
    session: 3,
    call: 3,
    op: 'sum',
    input: {},
    consistency: 'lease',
    invoke: 100,
    return: 110,
    outcome: 'ok',
    output: { appended: 3, registers: 22 },
    index: 12,
  },
}

const log: readonly AppliedCommand[] = [
  { index: 5, command: 'append', input: { key, value: 11 } },
  { index: 7, command: 'append', input: { key, value: 21 } },
  { index: 8, command: 'cas', input: { key, expected: null, value: 22 } },
  { index: 10, command: 'append', input: { key, value: 12 } },
  { index: 12, command: 'cas', input: { key, expected: 1, value: 24 } },
]

interface Spoilt {
  /** Operations in the place of those with the same name, or more of them. */
  readonly operations?: Readonly<Record<string, Partial<Operation>>>
  readonly log?: readonly AppliedCommand[]
  /** What another node has applied. */
  readonly other?: readonly AppliedCommand[]
}

async function rulesBroken({ operations = {}, log: own = log, other = [] }: Spoilt): Promise<readonly string[]> {
  const spoilt = Object.entries(sound).map(([name, operation]) => ({ ...operation, ...operations[name] }))
  const applied = merged(
    new Map([
      [1, own],
      [2, other],
    ]),
  )
  const { problems } = await checkHistory(spoilt, applied)
  return [...new Set(problems.map((problem) => problem.slice(0, problem.indexOf(': '))))]
}

const without = (index: number): readonly AppliedCommand[] => log.filter((one) => one.index !== index)
const at = (index: number, target: number): readonly AppliedCommand[] =>
  log.map((one) => (one.index === index ? { ...one, index: target } : one))

test('a sound history is let pass, with all of its operations', async () => {
  expect(await checkHistory(Object.values(sound), merged(new Map([[1, log]])))).toEqual({ problems: [], checked: 10, searched: 6 })
})

test('a command whose outcome nobody told may have had no effect', async () => {
  expect(await rulesBroken({ log: without(10), operations: { sum: { output: { appended: 2, registers: 22 } } } })).toEqual([])
})

test.each<[string, Spoilt, string]>([
  ['an acknowledged write that is lost', { log: without(7) }, 'nothing acknowledged is lost'],
  ['a write that is doubled', { log: [...log, { index: 13, command: 'append', input: { key, value: 21 } }] }, 'exactly once'],
  ['a read of the past', { operations: { look: { index: 5, output: read(appended(1, 11), null) } } }, 'real-time order'],
  ['a lease read of the past', { operations: { sum: { index: 8, output: { appended: 2, registers: 22 } } } }, 'real-time order'],
  ['a write that comes before one that had been answered', { operations: { second: { index: 4 } }, log: at(7, 4) }, 'real-time order'],
  ['two commands at one index', { operations: { swap: { index: 7 } } }, 'an index is of one command'],
  ['an answer that names another index', { operations: { swap: { index: 9 } } }, 'an answer names the index of its command'],
  [
    'an answer to a write that the machine does not give',
    { operations: { second: { output: appended(1, 21) } } },
    'an answer is what the machine gives at its index',
  ],
  [
    'an answer to a read that the machine does not give',
    { operations: { stale: { output: read(appended(1, 12), null) } } },
    'an answer is what the machine gives at its index',
  ],
  [
    'a declared error that the machine does not give',
    { operations: { mismatch: { output: { ok: true } } } },
    'an answer is what the machine gives at its index',
  ],
  [
    'an answer that fits no order of the calls',
    { operations: { look: { output: read(appended(1, 11), null) } } },
    'some order of the calls gives what was told',
  ],
  [
    'an answer that does not reflect its token',
    { operations: { token: { index: 7, output: read(appended(2, 11, 21), null) } } },
    'an answer reflects its token',
  ],
  [
    'a command that had no effect, and has one',
    { log: [...log, { index: 13, command: 'append', input: { key, value: 23 } }] },
    'what is said to have had no effect has none',
  ],
  [
    'a command that is said to have taken effect, and has not',
    { operations: { refused: { outcome: 'applied' } } },
    'what is said to have taken effect has done so',
  ],
  ['an effect before the call', { log: at(10, 6), operations: { lost: {} } }, 'real-time order'],
  [
    'an effect that nobody called for',
    { log: [...log, { index: 13, command: 'append', input: { key, value: 99 } }] },
    'only what was called takes effect',
  ],
  [
    'an effect on another key',
    { log: log.map((one) => (one.index === 10 ? { ...one, input: { key: 'k1', value: 12 } } : one)) },
    'only what was called takes effect',
  ],
  [
    'commands of a session out of order',
    { operations: { mismatch: { call: 1 }, swap: { call: 4 }, second: { call: 5 } } },
    'commands of a session take effect in the order of the calls',
  ],
  [
    'nodes that apply different commands',
    { other: [{ index: 7, command: 'append', input: { key, value: 12 } }] },
    'all nodes apply the same',
  ],
  ['a client that does two things at a time', { operations: { look: { invoke: 5 } } }, 'a client does one thing at a time'],
  [
    'a client that goes on after an unknown outcome',
    { operations: { look: { invoke: 92, return: 93 } } },
    'an unknown outcome is the last of its client',
  ],
])('%s is refused', async (_, spoilt, rule) => {
  expect(await rulesBroken(spoilt)).toContain(rule)
})

test('of each rule five breaches are told, and the others counted', async () => {
  const many = Array.from({ length: 8 }, (_, i) => ({ index: 20 + i, command: 'append', input: { key, value: 900 + i } }))
  const { problems } = await checkHistory(Object.values(sound), merged(new Map([[1, [...log, ...many]]])))
  expect(problems.slice(4)).toEqual([
    'only what was called takes effect: append {"key":"k0","value":904} took effect at 24',
    'only what was called takes effect: and 3 more',
  ])
})
