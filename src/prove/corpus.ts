// Bytes as a version of a machine has written them, kept for good: what every later build must read. Drawn once, from the schema of that version.
import fc from 'fast-check'
import { readCall } from '../contract/v1/bound-machine.ts'
import type { CommandOperation, MachineDescriptor, Wire } from '../contract/v1/descriptor.ts'
import { wordsOf } from '../contract/v1/handlers.ts'
import type { VersionLadder } from '../contract/v1/versions/step.ts'
import type { Digest } from '../machine/field-digest.ts'
import { Replica } from '../machine/replica.ts'
import type { OperationResult, StateMachine } from '../machine/state-machine.ts'
import { packValue, unpackValue } from '../wire/value.ts'
import { Arbitraries } from './arbitraries.ts'
import type { ResolvedSubject, SubjectOperation } from './subject.ts'

/** Of one version. Bytes are in hexadecimal. */
export interface CorpusVersion {
  readonly wire: string
  /** Calls of each command. */
  readonly calls: Readonly<Record<string, readonly string[]>>
  readonly replies: Readonly<Record<string, readonly string[]>>
  /** Of the state that the calls lead to, and what that adds up to. */
  readonly snapshot: { readonly bytes: string; readonly digest: string }
}

/** Of each command so many calls and replies at most: those that show something new. */
const keptMax = 24
/** From so many. */
const drawing = { numRuns: 400, seed: 1 } as const

/** Of the newest version that the subject knows. The same whenever it is drawn, as long as nothing in it changes. */
export function drawCorpus(subject: ResolvedSubject): CorpusVersion {
  const commands = subject.operations.filter(({ typed }) => typed.kind === 'command')
  const calls = commands.map((command) => [command.typed.name, drawnCalls(subject, command)] as const)
  const replies = commands.map((command) => [command.typed.name, drawnReplies(subject, command)] as const)
  const machine = subject.machine()
  applyAll(
    machine,
    calls.flatMap(([, list]) => list),
  )
  return {
    wire: machine.wire,
    calls: hexOf(calls),
    replies: hexOf(replies),
    snapshot: { bytes: hex(machine.snapshot()), digest: digestText(machine.digest) },
  }
}

function drawnCalls({ draft }: ResolvedSubject, { typed, draft: { input } }: SubjectOperation): readonly Uint8Array[] {
  const inputs = new Arbitraries(draft.types).of({ kind: 'named', name: input })
  return telling(fc.sample(inputs, drawing).map((value) => typed.encode(value)))
}

function drawnReplies({ draft }: ResolvedSubject, { typed, draft: { output, errors } }: SubjectOperation): readonly Uint8Array[] {
  const arbitraries = new Arbitraries(draft.types)
  const value = output === undefined ? fc.constant(undefined) : arbitraries.of(output)
  const failures = draft.errors
    .filter(({ name }) => errors.includes(name))
    .map(({ name, fields }) => arbitraries.fields(fields).map((given) => ({ ok: false, error: { ...Object(given), code: name } })))
  const success = output === undefined ? fc.constant({ ok: true }) : value.map((given) => ({ ok: true, value: given }))
  const all = errors.length === 0 ? value : fc.oneof(success, ...failures)
  const result = (given: unknown): OperationResult => ({ kind: 'returned', value: given })
  return telling(fc.sample(all, drawing).map((given) => typed.encodeResult(result(given))))
}

/** The first that has what none before it had: a variant, an absent field, an empty list, an end of a range. */
function telling(all: readonly Uint8Array[]): readonly Uint8Array[] {
  const seen = new Set<string>()
  const kept: Uint8Array[] = []
  for (const bytes of all) {
    const before = seen.size
    for (const trait of traitsOf(unpackValue(bytes), '')) seen.add(trait)
    if (seen.size > before && kept.length < keptMax) kept.push(bytes)
  }
  return kept
}

/** Numbers beyond are told apart by their size alone: the smaller ones may be tags. */
const tagMax = 32

function* traitsOf(wire: Wire, path: string): Generator<string> {
  if (typeof wire === 'number') {
    yield `${path}=${Number.isInteger(wire) && Math.abs(wire) <= tagMax ? wire : `${wire < 0}${Math.trunc(Math.log2(Math.abs(wire)) / 8)}${Number.isInteger(wire)}`}`
  } else if (typeof wire === 'string' || wire instanceof Uint8Array) yield `${path}${typeof wire}${Math.min(wire.length, 2)}`
  else if (Array.isArray(wire)) {
    yield `${path}[${Math.min(wire.length, 2)}`
    for (const [i, item] of wire.entries()) yield* traitsOf(item, `${path}/${i}`)
  } else yield `${path}${String(wire)}`
}

/** As commands of one session, one after the other. Those that a handler fails at leave nothing. */
function applyAll(machine: StateMachine, calls: readonly Uint8Array[]): void {
  const replica = new Replica(machine)
  const entry = (index: number) => ({ term: 1, index, kind: 'command', data: new Uint8Array(0), conf: undefined }) as const
  replica.apply(entry(1), { kind: 'openSession', now: 0, ttlMs: 60_000 })
  calls.forEach((command, i) => {
    const { version } = machine
    replica.apply(entry(i + 2), { kind: 'command', now: i, session: 1, seq: i + 1, ackedBelow: i + 1, version, command })
  })
}

/** What today's build does not read as it was written: sentences without their full stops. */
export function corpusProblems(
  corpus: CorpusVersion,
  version: number,
  { ladder, machine }: { readonly ladder: VersionLadder; readonly machine: () => StateMachine },
): readonly string[] {
  const descriptor = ladder.versions.find((one) => one.version === version)
  if (descriptor === undefined) return [`this build does not know version ${version}`]
  if (descriptor.wire !== corpus.wire) return [`version ${version} has the wire format ${descriptor.wire}, and had ${corpus.wire}`]
  return [
    ...Object.entries(corpus.calls).flatMap(([name, calls]) =>
      problemsIn(calls, `a call of ${name}`, (bytes) => callProblem(bytes, commandOf(descriptor, name), { version, machine: machine() })),
    ),
    ...Object.entries(corpus.replies).flatMap(([name, replies]) =>
      problemsIn(replies, `a reply of ${name}`, (bytes) => replyProblem(bytes, commandOf(descriptor, name), version)),
    ),
    ...problemsIn([corpus.snapshot.bytes], 'the snapshot', (bytes) => snapshotProblem(bytes, corpus.snapshot.digest, machine())),
  ]
}

function commandOf({ commands }: MachineDescriptor, name: string): CommandOperation<unknown, unknown> {
  const command = commands.find((one) => one.name === name)
  if (command === undefined) throw new Error(`there is no command ${name}`)
  return command
}

/** The first problem is told, and how many there are. */
function problemsIn(all: readonly string[], what: string, problemOf: (bytes: Uint8Array) => string | undefined): readonly string[] {
  const found = all.flatMap((text) => {
    const problem = problemIn(() => problemOf(Uint8Array.from(Buffer.from(text, 'hex'))))
    return problem === undefined ? [] : [`${what} (${text.length > 64 ? `${text.slice(0, 64)}...` : text}) ${problem}`]
  })
  const [first] = found
  if (first === undefined) return []
  return [found.length === 1 ? first : `${first}; so it is with ${found.length} of ${all.length}`]
}

function problemIn(work: () => string | undefined): string | undefined {
  try {
    return work()
  } catch (error) {
    return `cannot be read: ${wordsOf(error).message}`
  }
}

interface Raising {
  readonly version: number
  /** Of the newest version. */
  readonly machine: StateMachine
}

function callProblem(
  bytes: Uint8Array,
  { tag, input }: CommandOperation<unknown, unknown>,
  { version, machine }: Raising,
): string | undefined {
  const call = readCall('command', bytes)
  const again = packValue([version, tag, input.toWire(input.fromWire(call.input))])
  if (!Buffer.from(again).equals(bytes)) return `is encoded otherwise today: ${hex(again)}`
  const admission = machine.evolution?.admit('command', bytes)
  if (admission?.kind !== 'refused' || admission.code === 'OPERATION_RETIRED') return undefined
  return `does not become one of version ${machine.version}: ${admission.message}`
}

function replyProblem(bytes: Uint8Array, { reply }: CommandOperation<unknown, unknown>, version: number): string | undefined {
  const wire = unpackValue(bytes)
  const [, value = null]: readonly Wire[] = Array.isArray(wire) ? wire : []
  const again = packValue([0, reply.toWire(reply.fromWire(value)), version])
  return Buffer.from(again).equals(bytes) ? undefined : `is encoded otherwise today: ${hex(again)}`
}

function snapshotProblem(bytes: Uint8Array, digest: string, machine: StateMachine): string | undefined {
  machine.restoreSnapshot(bytes)
  if (!Buffer.from(machine.snapshot()).equals(bytes)) return 'is written otherwise today'
  const today = digestText(machine.digest)
  if (today !== digest) return `adds up to ${today}, and did to ${digest}`
  const raising = machine.evolution?.raise(machine.version)
  while (raising !== undefined && raising.next().done !== true);
  return undefined
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const hexOf = (lists: readonly (readonly [string, readonly Uint8Array[]])[]): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(lists.map(([name, list]) => [name, list.map(hex)]))
const word = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')
const digestText = (digest: Digest | undefined): string => (digest === undefined ? '' : `${word(digest.high)}${word(digest.low)}`)
