// Whether a history is linearizable, by search alone: Wing and Gong's, with Lowe's memory of what was seen. It knows calls, returns and a model, and
// nothing of indexes: what a certificate says could be a lie that fits. Exponential in the calls that overlap, so it is for samples.

/** One call. Times are of one clock that all share. */
export interface TimedOperation<Input, Output> {
  readonly id: number
  readonly invokedAt: number
  /** `undefined`: nobody knows what became of it; it took effect at any time after its call, or never. */
  readonly returnedAt: number | undefined
  readonly input: Input
  /** Where it returned. */
  readonly output: Output | undefined
}

/** What one copy of the state would do. */
export interface SequentialModel<State, Input, Output> {
  readonly initial: State
  /** Changes nothing of `state`. */
  next(state: State, input: Input): { readonly state: State; readonly output: Output }
  isSame(one: Output, other: Output): boolean
  /** Equal for equal states, and for no others. */
  keyOf(state: State): string
}

export type Linearity =
  | { readonly kind: 'linearizable' }
  /** Whatever the order: `stuck` are the calls at which the longest that was found ended. */
  | { readonly kind: 'not linearizable'; readonly stuck: readonly number[] }
  /** After so many steps. */
  | { readonly kind: 'undecided'; readonly steps: number }

/** Where the list begins. */
interface Head<Input, Output> {
  next: Event<Input, Output> | undefined
}

interface Event<Input, Output> extends Head<Input, Output> {
  readonly operation: TimedOperation<Input, Output>
  readonly number: number
  readonly isCall: boolean
  /** Of a call: its return, where there is one. */
  match: Event<Input, Output> | undefined
  previous: Head<Input, Output> | undefined
}

export interface SearchOptions {
  /** Default 1,000,000. */
  readonly stepsMax?: number
}

export function linearity<State, Input, Output>(
  operations: readonly TimedOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  { stepsMax = 1_000_000 }: SearchOptions = {},
): Linearity {
  const head = listOf(operations)
  let returnsLeft = operations.filter(({ returnedAt }) => returnedAt !== undefined).length
  const done = new Bits(operations.length)
  const seen = new Set<string>()
  const taken: { readonly event: Event<Input, Output>; readonly before: State }[] = []
  let state = model.initial
  let event = head.next
  let deepest = -1
  let stuck: readonly number[] = []
  for (let steps = 0; returnsLeft > 0; steps++) {
    if (steps >= stepsMax) return { kind: 'undecided', steps }
    if (event?.isCall === true) {
      const { operation, number } = event
      const { state: after, output } = model.next(state, operation.input)
      const fits = operation.output === undefined || model.isSame(output, operation.output)
      if (fits && isNew(seen, done, number, model.keyOf(after))) {
        taken.push({ event, before: state })
        state = after
        done.set(number)
        if (event.match !== undefined) returnsLeft -= 1
        lift(event)
        event = head.next
      } else event = event.next
      continue
    }
    // A return, or the end: what returned here has to come before, and cannot.
    if (taken.length > deepest) {
      deepest = taken.length
      stuck = open(head, event)
    }
    const last = taken.pop()
    if (last === undefined) return { kind: 'not linearizable', stuck }
    unlift(last.event)
    if (last.event.match !== undefined) returnsLeft += 1
    done.clear(last.event.number)
    state = last.before
    event = last.event.next
  }
  return { kind: 'linearizable' }
}

/** Calls that are open at a time, those that nobody knows the end of included: with more a search may not end. */
const openMax = 10

/**
 * What was called first, up to the moment at which too many are open. What returned after it might as well not have: then less is demanded of it, so a
 * history that is linearizable has such a beginning. `operations` in the order of their calls.
 */
export function searchable<Input, Output>(
  operations: readonly TimedOperation<Input, Output>[],
  latest = Number.POSITIVE_INFINITY,
): readonly TimedOperation<Input, Output>[] {
  const open: TimedOperation<Input, Output>[] = []
  let end = latest
  for (const operation of operations) {
    const left = open.splice(0).filter(({ returnedAt = Number.POSITIVE_INFINITY }) => returnedAt >= operation.invokedAt)
    open.push(...left, operation)
    if (open.length <= openMax) continue
    end = Math.min(end, operation.invokedAt)
    break
  }
  return operations
    .filter(({ invokedAt }) => invokedAt < end)
    .map((operation) => ((operation.returnedAt ?? end) < end ? operation : { ...operation, returnedAt: undefined, output: undefined }))
}

/** Calls and returns in the order of time; of those at one time, calls first: then they overlap. */
function listOf<Input, Output>(operations: readonly TimedOperation<Input, Output>[]): Head<Input, Output> {
  const events = operations.flatMap((operation, number) => {
    const call: Event<Input, Output> = { operation, number, isCall: true, match: undefined, previous: undefined, next: undefined }
    if (operation.returnedAt === undefined) return [{ at: operation.invokedAt, event: call }]
    const back: Event<Input, Output> = { operation, number, isCall: false, match: undefined, previous: undefined, next: undefined }
    call.match = back
    return [
      { at: operation.invokedAt, event: call },
      { at: operation.returnedAt, event: back },
    ]
  })
  events.sort((a, b) => a.at - b.at || Number(b.event.isCall) - Number(a.event.isCall))
  const head: Head<Input, Output> = { next: undefined }
  let last = head
  for (const { event } of events) {
    last.next = event
    event.previous = last
    last = event
  }
  return head
}

/** Takes a call, and its return, out of the list. They remember where they stood. */
function lift<Input, Output>(event: Event<Input, Output>): void {
  unlink(event)
  if (event.match !== undefined) unlink(event.match)
}

function unlift<Input, Output>(event: Event<Input, Output>): void {
  if (event.match !== undefined) relink(event.match)
  relink(event)
}

function unlink<Input, Output>({ previous, next }: Event<Input, Output>): void {
  if (previous !== undefined) previous.next = next
  if (next !== undefined) next.previous = previous
}

function relink<Input, Output>(event: Event<Input, Output>): void {
  if (event.previous !== undefined) event.previous.next = event
  if (event.next !== undefined) event.next.previous = event
}

/** Whose calls are before `until`, and have not been placed. */
function open<Input, Output>(head: Head<Input, Output>, until: Event<Input, Output> | undefined): readonly number[] {
  const ids: number[] = []
  for (let event = head.next; event !== undefined && event !== until; event = event.next) if (event.isCall) ids.push(event.operation.id)
  return ids
}

function isNew(seen: Set<string>, done: Bits, number: number, stateKey: string): boolean {
  const key = `${done.keyWith(number)} ${stateKey}`
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

/** Which of the operations are placed. */
class Bits {
  readonly #words: Uint32Array

  constructor(count: number) {
    this.#words = new Uint32Array(Math.ceil(count / 32))
  }

  set(number: number): void {
    this.#words[number >> 5] = (this.#words[number >> 5] ?? 0) | (1 << (number & 31))
  }

  clear(number: number): void {
    this.#words[number >> 5] = (this.#words[number >> 5] ?? 0) & ~(1 << (number & 31))
  }

  keyWith(number: number): string {
    this.set(number)
    const key = this.#words.join()
    this.clear(number)
    return key
  }
}
