// A sample of the history, judged by search alone: whatever the indexes say, some order of the calls must give what the clients were told. Each key by itself,
// since what happens to one says nothing of another; the model is written anew, for the handlers may be what is wrong.
import { type Linearity, linearity, searchable, type SequentialModel, type TimedOperation } from 'raftgen/sim'
import { isCommand, type Operation } from '../history.ts'
import type { Findings } from './findings.ts'
import { sortedBy } from './sorted.ts'

interface Key {
  readonly count: number
  readonly last: readonly number[]
  readonly register: number | null
}
type Input = Pick<Operation, 'op' | 'input'>
const shownMax = 8

/** Outputs are compared as the JSON that they are kept as. */
const model: SequentialModel<Key, Input, string> = {
  initial: { count: 0, last: [], register: null },
  next: (key, { op, input: { value = 0, expected = null } }) => {
    const { count, last, register } = key
    if (op === 'append') {
      const list = { count: count + 1, last: [...last, value].slice(-shownMax) }
      return { state: { ...list, register }, output: JSON.stringify(list) }
    }
    if (op === 'cas') {
      const isExpected = register === expected
      const error = { ok: false, error: { code: 'Mismatch', actual: register } }
      return { state: isExpected ? { ...key, register: value } : key, output: JSON.stringify(isExpected ? { ok: true } : error) }
    }
    return { state: key, output: JSON.stringify({ list: { count, last }, register }) }
  },
  isSame: (one, other) => one === other,
  keyOf: ({ count, last, register }) => `${count} ${last.join()} ${register}`,
}

/** How many operations were searched through. */
export function search(operations: readonly Operation[], findings: Findings): number {
  const keys = new Map<string, Operation[]>()
  for (const operation of sortedBy(operations.filter(isSearched), ({ invoke }) => invoke)) {
    const { key = '' } = operation.input
    const ofKey = keys.get(key) ?? []
    keys.set(key, ofKey)
    ofKey.push(operation)
  }
  let searched = 0
  for (const [key, ofKey] of keys) {
    const sample = searchable(ofKey.map(timed))
    searched += sample.length
    const told = problem(linearity(sample, model), ofKey)
    if (told !== undefined) findings.add('some order of the calls gives what was told', `key ${key}: ${told}`)
  }
  return searched
}

function isSearched(operation: Operation): boolean {
  const { op, outcome, consistency = 'linearizable' } = operation
  if (op === 'sum' || outcome === 'notApplied' || outcome === 'none') return false
  return isCommand(operation) || (outcome === 'ok' && (consistency === 'linearizable' || consistency === 'lease'))
}

function timed(operation: Operation, id: number): TimedOperation<Input, string> {
  const { op, input, invoke, output } = operation
  const isKnown = operation.outcome === 'ok'
  const returned = isKnown ? operation.return : undefined
  return { id, invokedAt: invoke, returnedAt: returned, input: { op, input }, output: isKnown ? JSON.stringify(output) : undefined }
}

function problem(found: Linearity, operations: readonly Operation[]): string | undefined {
  if (found.kind === 'linearizable') return undefined
  if (found.kind === 'undecided') return `the search through its first operations did not end in ${found.steps} steps`
  return `none of these can be the next: ${found.stuck.map((id) => JSON.stringify(operations[id])).join(', ')}`
}
