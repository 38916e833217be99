// The certificate of linearizability, of a history and of what the nodes have applied. Every answer names the index at which it took effect: so there is one
// order to check, and no search. Operations whose outcome nobody told stand where they were applied, or took no effect at all.
import { isCommand, type Operation } from '../history.ts'
import type { Applied } from './applied.ts'
import { Findings } from './findings.ts'
import { replay } from './replay.ts'
import { search } from './search.ts'
import { sortedBy } from './sorted.ts'

export interface CheckedHistory {
  /** In sentences; of each kind the first ones. None: the history is linearizable, and each command took effect once at most. */
  readonly problems: readonly string[]
  /** Answers that were compared, and commands without one that had taken effect or had not. */
  readonly checked: number
  /** Of these, how many were searched through as well, without a look at indexes. */
  readonly searched: number
}

export async function checkHistory(operations: readonly Operation[], applied: Applied): Promise<CheckedHistory> {
  const findings = new Findings()
  for (const problem of applied.problems) findings.add('all nodes apply the same', problem)
  checkClients(operations, findings)
  const effects = effectsOf(operations, applied, findings)
  for (const operation of operations) if (isCommand(operation)) checkOutcome(operation, effects.get(operation), findings)
  checkSessions(operations, effects, findings)
  checkOrder(operations, effects, findings)
  await replay(operations, applied, findings)
  const searched = search(operations, findings)
  return { problems: findings.sentences, checked: operations.length, searched }
}

/** A history that is none shows nothing: clients that do two things at a time, or go on after one whose outcome is unknown. */
function checkClients(operations: readonly Operation[], findings: Findings): void {
  const last = new Map<number, Operation>()
  for (const operation of sortedBy(operations, ({ invoke }) => invoke)) {
    const before = last.get(operation.client)
    last.set(operation.client, operation)
    if (operation.invoke > operation.return) findings.add('an operation ends after it began', tell(operation))
    if (before === undefined) continue
    if (before.return > operation.invoke) findings.add('a client does one thing at a time', `${tell(before)}, and ${tell(operation)}`)
    if (before.outcome === 'unknown')
      findings.add('an unknown outcome is the last of its client', `${tell(before)}, and then ${tell(operation)}`)
  }
}

/** Where each command took effect: once at most, and nothing that nobody called. */
function effectsOf(operations: readonly Operation[], { commands }: Applied, findings: Findings): ReadonlyMap<Operation, number> {
  const called = new Map<number, Operation>()
  for (const operation of operations) {
    const { value } = operation.input
    if (!isCommand(operation) || value === undefined) continue
    if (called.has(value)) findings.add('a value names one command', tell(operation))
    called.set(value, operation)
  }
  const effects = new Map<Operation, number>()
  for (const { index, command, input } of sortedBy([...commands.values()], (one) => one.index)) {
    const operation = called.get(input.value)
    const isCalled = operation?.op === command && operation.input.key === input.key && operation.input.expected === input.expected
    if (operation === undefined || !isCalled) {
      findings.add('only what was called takes effect', `${command} ${JSON.stringify(input)} took effect at ${index}`)
      continue
    }
    const before = effects.get(operation)
    if (before !== undefined) findings.add('exactly once', `${tell(operation)} took effect at ${before} and at ${index}`)
    effects.set(operation, index)
  }
  return effects
}

/** What the client was told is so. */
function checkOutcome(operation: Operation, effect: number | undefined, findings: Findings): void {
  const { outcome, index } = operation
  if (outcome === 'ok' && effect === undefined) findings.add('nothing acknowledged is lost', `${tell(operation)} never took effect`)
  if (outcome === 'ok' && effect !== undefined && effect !== index)
    findings.add('an answer names the index of its command', `${tell(operation)} took effect at ${effect}`)
  if (outcome === 'notApplied' && effect !== undefined)
    findings.add('what is said to have had no effect has none', `${tell(operation)} took effect at ${effect}`)
  if (outcome === 'applied' && effect === undefined)
    findings.add('what is said to have taken effect has done so', `${tell(operation)} never took effect`)
}

/** Commands of a session take effect in the order of its calls. */
function checkSessions(operations: readonly Operation[], effects: ReadonlyMap<Operation, number>, findings: Findings): void {
  const last = new Map<number, Operation>()
  for (const operation of sortedBy(operations, ({ call }) => call)) {
    const effect = effects.get(operation)
    if (effect === undefined) continue
    const before = last.get(operation.session)
    last.set(operation.session, operation)
    if (before !== undefined && (effects.get(before) ?? 0) >= effect)
      findings.add('commands of a session take effect in the order of the calls', `${tell(before)} came after ${tell(operation)}`)
  }
}

/** What was answered before a call was made comes before it; and no two commands stand in one place. */
function checkOrder(operations: readonly Operation[], effects: ReadonlyMap<Operation, number>, findings: Findings): void {
  const ended = sortedBy(
    operations.filter(({ outcome }) => outcome === 'ok'),
    (one) => one.return,
  )
  const places = new Map<number, Operation>()
  let at = 0
  let floor: Operation | undefined
  for (const operation of sortedBy(operations, ({ invoke }) => invoke)) {
    for (let next = ended[at]; next !== undefined && next.return < operation.invoke; next = ended[++at])
      if ((next.index ?? 0) > (floor?.index ?? 0)) floor = next
    const index = operation.outcome === 'ok' ? operation.index : effects.get(operation)
    if (index === undefined) {
      if (operation.outcome === 'ok') findings.add('an answer names its index', tell(operation))
      continue
    }
    if (!isCommand(operation)) {
      checkRead(operation, { index, floor }, findings)
      continue
    }
    const other = places.get(index)
    if (other !== undefined) findings.add('an index is of one command', `${tell(other)} and ${tell(operation)}`)
    places.set(index, operation)
    if (floor !== undefined && index <= (floor.index ?? 0))
      findings.add('real-time order', `${tell(operation)} took effect at ${index}; before it was called there was ${tell(floor)}`)
  }
}

function checkRead(
  operation: Operation,
  { index, floor }: { readonly index: number; readonly floor: Operation | undefined },
  findings: Findings,
): void {
  const { consistency = 'linearizable', token = 0 } = operation
  if (consistency === 'atLeast' && index < token) findings.add('an answer reflects its token', tell(operation))
  if (consistency === 'atLeast' || consistency === 'stale' || floor === undefined) return
  if (index < (floor.index ?? 0)) findings.add('real-time order', `${tell(operation)}; before it was called there was ${tell(floor)}`)
}

export const tell = (operation: Operation): string => JSON.stringify(operation)
