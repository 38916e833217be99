// A sample of a run on the machine of lists, judged by search alone: each list by itself, since what happens to one says nothing of another.
import type { Ms } from '../../core/types.ts'
import type { SimCall } from '../history.ts'
import { decodeListAnswer, decodeListCommand, type ListAnswer, type ListCommand, nextList } from '../list-machine.ts'
import type { Verdict } from '../violation.ts'
import { linearity, type SequentialModel, type TimedOperation } from './wing-gong-lowe.ts'

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

/** Calls of one list that are open at a time, those that nobody knows the end of included: with more a search may not end. */
const openMax = 10

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
  for (const [key, operations] of lists) searched += check(key, searchable(operations), verdict)
  return searched
}

/** Up to the moment at which too many are open. What returned after it might as well not have: then less is demanded of it. */
function searchable(operations: readonly TimedOperation<ListInput, ListOutput>[]): readonly TimedOperation<ListInput, ListOutput>[] {
  const until = operations.findIndex(({ invokedAt }, i) => {
    const before = operations.slice(0, i + 1)
    return before.filter(({ returnedAt = Number.POSITIVE_INFINITY }) => returnedAt >= invokedAt).length > openMax
  })
  return until === -1 ? before(operations, Number.POSITIVE_INFINITY) : before(operations, operations[until]?.invokedAt ?? 0)
}

function before(operations: readonly TimedOperation<ListInput, ListOutput>[], end: Ms): readonly TimedOperation<ListInput, ListOutput>[] {
  return (
    operations
      .filter(({ invokedAt }) => invokedAt < end)
      .map((operation) => ((operation.returnedAt ?? end) < end ? operation : { ...operation, returnedAt: undefined, output: undefined }))
      // A read that nobody was told the answer of says nothing.
      .filter(({ input, output }) => input.kind !== 'read' || output !== undefined)
  )
}

function check(key: number, operations: readonly TimedOperation<ListInput, ListOutput>[], verdict: Verdict): number {
  const found = linearity(operations, model)
  // Commands whose end nobody knows go anywhere: of fewer calls it can be told.
  const half = operations[operations.length >> 1]
  if (found.kind === 'undecided' && half !== undefined) return check(key, before(operations, half.invokedAt), verdict)
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
