// A sample of a run on the machine of lists, judged by search alone: each list by itself, since what happens to one says nothing of another.
import type { Ms } from '../../core/types.ts'
import type { SimCall } from '../history.ts'
import { decodeListAnswer, decodeListCommand, type ListAnswer, type ListCommand, nextList } from '../list-machine.ts'
import type { Verdict } from '../violation.ts'
import { linearity, searchable, type SequentialModel, type TimedOperation } from './wing-gong-lowe.ts'

/** What is done to one list. */
type ListInput = Pick<ListCommand, 'kind' | 'value'> | { readonly kind: 'read' }
type ListOutput = ListAnswer | 'failed'

const model: SequentialModel<ListAnswer, ListInput, ListOutput> = {
  initial: { length: 0, hash: 0, last: 0 },
  next: (list, input) => {
    if (input.kind === 'read') return { state: list, output: list }
    if (input.kind === 'spoil') return { state: list, output: 'failed' }
    const state = nextList(list, input)
    return { state, output: state }
  },
  isSame: (one, other) =>
    one === 'failed' || other === 'failed'
      ? one === other
      : one.length === other.length && one.hash === other.hash && one.last === other.last,
  keyOf: ({ length, hash, last }) => `${length} ${hash} ${last}`,
}

/** What was called first of each list, as far as it can be searched. Reads that ask for less than the newest are not among it. */
export function checkListSamples(calls: readonly SimCall[], verdict: Verdict): number {
  const lists = new Map<number, TimedOperation<ListInput, ListOutput>[]>()
  for (const call of calls) {
    const { key, input } = inputOf(call) ?? {}
    if (key === undefined || input === undefined) continue
    const operations = lists.get(key) ?? []
    lists.set(key, operations)
    const { id, outcome, calledAt, settledAt } = call
    if (outcome.kind === 'failed' && (outcome.effect === 'notApplied' || input.kind === 'read')) continue
    const isKnown = outcome.kind === 'answered'
    const output = isKnown ? outputOf(outcome.reply) : undefined
    operations.push({ id, invokedAt: calledAt, returnedAt: isKnown ? settledAt : undefined, input, output })
  }
  let searched = 0
  for (const [key, operations] of lists) searched += check(key, operations, verdict)
  return searched
}

function check(key: number, called: readonly TimedOperation<ListInput, ListOutput>[], verdict: Verdict, end?: Ms): number {
  // A read that nobody was told the answer of says nothing.
  const operations = searchable(called, end).filter(({ input, output }) => input.kind !== 'read' || output !== undefined)
  const found = linearity(operations, model)
  // Commands whose end nobody knows may stand anywhere, and there are too many ways to place them: of the first half of the calls it can be told.
  const half = operations[operations.length >> 1]
  if (found.kind === 'undecided' && half !== undefined) return check(key, called, verdict, half.invokedAt)
  verdict.check(
    found.kind !== 'not linearizable',
    'linearizability: by search',
    () =>
      `no order of the calls of list ${key} gives what they were told; none of ${found.kind === 'not linearizable' ? found.stuck.join(', ') : ''} can be the next`,
  )
  return operations.length
}

function inputOf({ kind, payload }: SimCall): { readonly key: number; readonly input: ListInput } | undefined {
  if (kind === 'command') {
    const { key, ...input } = decodeListCommand(payload)
    return { key, input }
  }
  const [key] = payload
  return key === undefined || kind === 'stale' || kind === 'atLeast' ? undefined : { key, input: { kind: 'read' } }
}

const outputOf = (reply: Uint8Array): ListOutput => (reply.every((byte) => byte === 0xff) ? 'failed' : decodeListAnswer(reply))
