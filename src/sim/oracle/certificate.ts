// The certificate of linearizability. Every answer names the index at which it took effect: so there is one order to check, and no search.
// The machine itself is the model: it applies what took effect, in the order of the log, and has to give what the clients were told.
// Indexes are unique and real-time order holds: that was checked when the answers arrived.
import { createContext } from '../../machine/context.ts'
import type { Entry, Index } from '../../core/types.ts'
import type { StateMachine } from '../../machine/state-machine.ts'
import { decodeEnvelope, envelopeKind } from '../../wire/envelope-codec.ts'
import { digestOf } from '../digest.ts'
import type { History, SimCall } from '../history.ts'
import type { Words } from '../options.ts'
import type { Verdict } from '../violation.ts'
import type { Applied, Execution, QueryExecution } from './applied.ts'

export interface Evidence {
  readonly verdict: Verdict
  readonly history: History
  readonly applied: Applied
  /** The committed entry at `index`. */
  committed(index: Index): Entry | undefined
  /** What must be so of the model after every command; a sentence where it is not. */
  broken(model: StateMachine): string | undefined
  readonly words: Words | undefined
}

/** Where each command took effect. */
type Effects = ReadonlyMap<SimCall, Execution>

/** Checks the whole run. Gives the digest of the state that the model ends with. */
export function checkCertificate(evidence: Evidence, model: StateMachine): string {
  const effects = checkExactlyOnce(evidence, model)
  for (const call of evidence.history.calls) if (call.kind === 'command') checkOutcome(evidence.verdict, call, effects.get(call))
  return replay(evidence, model)
}

/** Each command that took effect was called, took effect once, after everything its client had called before. */
function checkExactlyOnce({ verdict, history, applied, committed }: Evidence, { evolution }: StateMachine): Effects {
  // A leader may put what is called into another version of the schema.
  const isAsCalled = evolution === undefined || evolution.known.length === 1
  const effects = new Map<SimCall, Execution>()
  const last = new Map<number, SimCall>()
  let now = 0
  for (const execution of applied.executions) {
    if (execution === undefined) continue
    const { index } = execution
    const call = calledAs(committed(index), execution, { history, isAsCalled })
    if (call === undefined) {
      verdict.violate('only what was called takes effect', `entry ${index} took effect, and no client sent it`)
      continue
    }
    const before = effects.get(call)
    verdict.check(before === undefined, 'exactly once', () => `call ${call.id} took effect at ${before?.index} and at ${index}`)
    effects.set(call, execution)
    const previous = last.get(call.client)
    verdict.check(
      previous === undefined || previous.id < call.id,
      'commands of a client take effect in the order of the calls',
      () => `client ${call.client} called ${call.id} before ${previous?.id}, which took effect before it`,
    )
    last.set(call.client, call)
    verdict.check(execution.now >= now, 'log time never falls', () => `entry ${index} is stamped ${execution.now}, after ${now}`)
    now = execution.now
    verdict.check(
      now >= call.floorNow,
      'no query is shown a later time than a command called after it',
      () => `entry ${index} is stamped ${now}, before it was called a query had been shown ${call.floorNow}`,
    )
  }
  return effects
}

function calledAs(
  entry: Entry | undefined,
  execution: Execution,
  { history, isAsCalled }: { readonly history: History; readonly isAsCalled: boolean },
): SimCall | undefined {
  if (entry === undefined || entry.kind !== 'command') return undefined
  const envelope = decodeEnvelope(entry.data)
  if (envelope.kind !== 'command' || Buffer.compare(envelope.command, execution.command) !== 0) return undefined
  const call = history.attempted(envelope.session, envelope.seq)
  return call !== undefined && (!isAsCalled || Buffer.compare(call.payload, execution.command) === 0) ? call : undefined
}

/** What the client was told of its command is so. */
function checkOutcome(verdict: Verdict, call: SimCall, effect: Execution | undefined): void {
  const { outcome } = call
  switch (outcome.kind) {
    case 'pending':
      return
    case 'answered': {
      verdict.check(
        effect !== undefined,
        'nothing acknowledged is lost',
        () => `call ${call.id} was answered at ${outcome.index} and never took effect`,
      )
      if (effect === undefined) return
      const isSame = effect.index === outcome.index && Buffer.compare(effect.reply, outcome.reply) === 0
      verdict.check(
        isSame,
        'linearizability: answers',
        () => `call ${call.id} was answered at ${outcome.index}, it took effect at ${effect.index} or otherwise`,
      )
      return
    }
    case 'failed':
      verdict.check(
        outcome.effect !== 'notApplied' || effect === undefined,
        'what is said to have had no effect has none',
        () => `call ${call.id} failed with ${outcome.code}, and took effect at ${effect?.index}`,
      )
      verdict.check(
        outcome.effect !== 'applied' || effect !== undefined,
        'what is said to have taken effect has done so',
        () => `call ${call.id} failed with ${outcome.code}, and never took effect`,
      )
      return
    default:
  }
}

/** The model goes through the log; queries are put to it where they were answered, states are compared where they were seen. */
function replay(evidence: Evidence, model: StateMachine): string {
  const { verdict, history, applied, broken, words } = evidence
  const activateThrough = activating(evidence, model)
  const queries = [...applied.queries].sort((a, b) => a.index - b.index)
  const states = [...applied.states].sort(([a], [b]) => a - b)
  const reads = readsByIndex(history)
  const context = createContext(() => {})
  const called = ({ command }: Execution): string => (words === undefined ? '' : `, ${words.call('command', command)}`)
  let asked = 0
  let compared = 0
  const compareThrough = (index: Index): void => {
    for (let state = states[compared]; state !== undefined && state[0] <= index; state = states[++compared]) {
      activateThrough(state[0])
      checkState(verdict, model, state)
    }
  }
  const askThrough = (index: Index): void => {
    for (let query = queries[asked]; query !== undefined && query.index <= index; query = queries[++asked]) {
      ask(verdict, model, query)
      forget(reads, query)
    }
  }
  for (const execution of applied.executions) {
    if (execution === undefined) continue
    askThrough(execution.index - 1)
    compareThrough(execution.index - 1)
    activateThrough(execution.index)
    context.enter(execution)
    const reply = model.apply(execution.command, context)
    context.leave()
    verdict.check(
      Buffer.compare(reply, execution.reply) === 0,
      'linearizability: the model',
      () => `the replicas answered entry ${execution.index}${called(execution)} otherwise than the machine does when it applies the log`,
    )
    const why = broken(model)
    verdict.check(why === undefined, 'invariants of the machine', () => `after entry ${execution.index}${called(execution)}: ${why}`)
  }
  askThrough(Number.POSITIVE_INFINITY)
  compareThrough(Number.POSITIVE_INFINITY)
  activateThrough(Number.POSITIVE_INFINITY)
  for (const [key, calls] of reads)
    verdict.violate('linearizability: answers', `call ${calls[0]?.id} was told what no node answered (${key})`)
  return digestOf([model.snapshot()])
}

/** Puts in force in the model what the log puts in force up to an index. Indexes ascend. */
function activating({ committed }: Evidence, { evolution }: StateMachine): (index: Index) => void {
  let next = 1
  let hasBegun = false
  const activate = (version: number): void => {
    if (evolution === undefined) return
    if (!hasBegun) evolution.begin(version)
    else if (version > evolution.active) for (const work = evolution.raise(version); work.next().done !== true; );
    hasBegun = true
  }
  return (index) => {
    for (let entry = committed(next); entry !== undefined && next <= index; entry = committed(++next)) {
      if (entry.kind !== 'command' || envelopeKind(entry.data) !== 'activate') continue
      const envelope = decodeEnvelope(entry.data)
      if (envelope.kind === 'activate') activate(envelope.version)
    }
  }
}

function checkState(verdict: Verdict, model: StateMachine, [index, state]: readonly [Index, string]): void {
  const expected = digestOf([model.snapshot()])
  verdict.check(
    expected === state,
    'equal states at an equal index',
    () => `a replica had digest ${state} at ${index}, the machine has ${expected} there`,
  )
}

function ask(verdict: Verdict, model: StateMachine, { node, index, now, query, reply }: QueryExecution): void {
  const expected = model.query(query, { index, now, version: model.version })
  verdict.check(
    Buffer.compare(expected, reply) === 0,
    'linearizability: the model',
    () => `node ${node} answered a query at ${index} otherwise than the machine does at that place of the log`,
  )
}

/** What clients were told by queries: index, question and answer. */
function readsByIndex(history: History): Map<string, SimCall[]> {
  const reads = new Map<string, SimCall[]>()
  for (const call of history.calls) {
    if (call.kind === 'command' || call.outcome.kind !== 'answered') continue
    const key = readKey(call.outcome.index, call.payload, call.outcome.reply)
    const known = reads.get(key)
    if (known === undefined) reads.set(key, [call])
    else known.push(call)
  }
  return reads
}

function forget(reads: Map<string, SimCall[]>, { index, query, reply }: QueryExecution): void {
  reads.delete(readKey(index, query, reply))
}

const readKey = (index: Index, query: Uint8Array, reply: Uint8Array): string => `${index} ${hex(query)} ${hex(reply)}`
const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
