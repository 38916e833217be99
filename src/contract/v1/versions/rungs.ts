// The versions of a ladder at work: what serves each, and calls and replies on their way from one to another.
import { RaftgenError } from '../../../errors.ts'
import type { Admission, Lowering } from '../../../machine/evolution.ts'
import { State } from '../../../machine/state.ts'
import { packValue, unpackValue } from '../../../wire/value.ts'
import { BoundMachine, NotRaised, type RawCall, readCall } from '../bound-machine.ts'
import type { MachineDescriptor, Wire } from '../descriptor.ts'
import { type Handler, pickHandlers, wordsOf } from '../handlers.ts'
import { type LongStep, longStep, project } from './projection.ts'
import { moveState } from './move-state.ts'
import { findOperation, type Operation, type OperationKey, operationStep, type VersionLadder, type VersionStep } from './step.ts'

export type Kind = 'command' | 'query'

/** One version, and what serves it. */
export interface Rung {
  /** As its bytes are. */
  readonly descriptor: MachineDescriptor
  /** As the handlers of its generation serve it. */
  readonly served: MachineDescriptor
  /** To the last version of its generation. */
  readonly toHost: LongStep
  readonly handlers: ReadonlyMap<string, Handler>
}

/** Handlers of generations that are over: `v1` for the one whose last version is 1. */
export type OlderHandlers = Readonly<Record<string, object>>

export class Rungs {
  readonly all: readonly Rung[]
  readonly steps: readonly VersionStep[]

  /** Throws HANDLER_MISSING. */
  constructor({ versions, steps }: VersionLadder, handlers: object, older: OlderHandlers) {
    this.steps = steps
    const all: Rung[] = []
    for (let from = 0; from < versions.length; ) {
      const next = steps.findIndex(({ migration }, i) => i >= from && migration !== undefined)
      const last = next === -1 ? versions.length - 1 : next
      const host = versions[last]
      if (host === undefined) break
      const its = last === versions.length - 1 ? handlers : olderHandlers(older, host)
      all.push(...generation(versions.slice(from, last + 1), host, { steps: steps.slice(from, last), handlers: its }))
      from = last + 1
    }
    this.all = all
  }

  get newest(): Rung {
    return this.at(this.all.length - 1)
  }

  at(position: number): Rung {
    const rung = this.all[position]
    if (rung === undefined) throw new RangeError(`there is no version at ${position}`)
    return rung
  }

  /** Throws VERSION_UNKNOWN. */
  positionOf(version: number): number {
    const position = this.all.findIndex(({ descriptor }) => descriptor.version === version)
    if (position !== -1) return position
    const known = this.all.map(({ descriptor }) => descriptor.version).join(', ')
    throw new RaftgenError(
      'VERSION_UNKNOWN',
      `this build of the machine ${this.newest.descriptor.name} knows version ${known} of its schema, not ${version}`,
    )
  }

  /** With the state that its version begins with. */
  create(position: number): BoundMachine {
    const { served, handlers } = this.at(position)
    return new BoundMachine(served, handlers, (kind, call) => this.#raised(kind, call, position))
  }

  /** Of the version before `position` and of that at it, as they are served: `newer` gets all that becomes of `older`. Throws what `moveState` throws. */
  *raise(position: number, older: State<Wire>, newer: State<Wire>): Generator<void, void> {
    const { descriptor, served, toHost } = this.at(position)
    const { state: fields, migration } = this.steps[position - 1] ?? {}
    const descriptors = descriptor.state
    if (migration === undefined) return yield* moveState(older, newer, { fields: undefined, migration, descriptors })
    if (descriptor === served) return yield* moveState(older, newer, { fields, migration, descriptors })
    // The functions of the user know the version that they lead to, not the one whose handlers serve it.
    const own = new State(descriptors)
    yield* moveState(older, own, { fields, migration, descriptors })
    yield* moveState(own, newer, { fields: fieldsOf(served, toHost), migration: undefined, descriptors: served.state })
  }

  admit(kind: Kind, call: Uint8Array, position: number, machine: BoundMachine): Admission {
    const active = this.at(position).descriptor.version
    try {
      const raw = readCall(kind, call)
      if (raw.version > active) {
        const message = `the ${kind} is of version ${raw.version} of the schema, the cluster uses version ${active}`
        return { kind: 'refused', code: 'NOT_YET_ACTIVE', message, isKnown: raw.version <= this.newest.descriptor.version }
      }
      // Of what the handlers of a later version serve: in the words of this one.
      if (raw.version === active) this.#checkOwn(kind, raw, position)
      const own = raw.version === active ? raw : { version: active, tag: raw.tag, input: this.#raised(kind, raw, position) }
      const bytes = own === raw ? call : packValue([active, own.tag, own.input])
      const problem = kind === 'command' ? machine.check(bytes, own) : machine.checkQuery(bytes, own)
      return problem === undefined ? { kind: 'admitted', call: bytes } : { kind: 'refused', code: 'INVALID_INPUT', message: problem }
    } catch (error) {
      const code = error instanceof NotRaised && error.cause instanceof Retired ? 'OPERATION_RETIRED' : 'INVALID_INPUT'
      return { kind: 'refused', code, message: wordsOf(error).message }
    }
  }

  lower(kind: Kind, call: Uint8Array, reply: Uint8Array, version: number): Lowering {
    try {
      const wire = unpackValue(reply)
      const [status, value = null, its]: readonly Wire[] = Array.isArray(wire) ? wire : []
      if (status !== 0 || typeof its !== 'number' || version >= its) return { kind: 'lowered', reply }
      const { tag } = readCall(kind, call)
      const [from, to] = [this.positionOf(its), this.positionOf(version)]
      let lowered = operationOf(this.at(from).descriptor, { kind, tag }).reply.fromWire(value)
      for (let i = from - 1; i >= to; i--) {
        const step = operationStep(this.steps[i], { kind, tag })?.reply
        if (step !== undefined) lowered = step.down(lowered)
      }
      const { reply: codec } = operationOf(this.at(to).descriptor, { kind, tag })
      return { kind: 'lowered', reply: packValue([0, codec.toWire(lowered), version]) }
    } catch (error) {
      return { kind: 'inexpressible', message: wordsOf(error).message }
    }
  }

  /** Throws where the input does not fit the version at `position`; of one whose own handlers serve it, the machine finds that. */
  #checkOwn(kind: Kind, { tag, input }: RawCall, position: number): void {
    const { descriptor, served } = this.at(position)
    if (descriptor === served) return
    const { input: codec } = operationOf(descriptor, { kind, tag })
    codec.check(codec.fromWire(input), 'input')
  }

  /** The input of a call of an older version, in the version at `to`. Throws `NotRaised`, or TypeError for a version that is not older. */
  #raised(kind: Kind, { version, tag, input }: RawCall, to: number): Wire {
    const from = this.all.findIndex(({ descriptor }) => descriptor.version === version)
    const { name, version: own } = this.at(to).descriptor
    if (from === -1 || from > to) throw new TypeError(`the ${kind} has schema version ${version}, ${name} has version ${own} here`)
    const older = operationOf(this.at(from).descriptor, { kind, tag })
    try {
      let value = older.input.fromWire(input)
      for (let i = from; i < to; i++) {
        operationOf(this.at(i + 1).descriptor, { kind, tag }, older.name)
        const step = operationStep(this.steps[i], { kind, tag })?.input
        if (step !== undefined) value = step.up(value)
      }
      const { input: codec } = operationOf(this.at(to).descriptor, { kind, tag })
      return codec.toWire(codec.check(value, 'input'))
    } catch (error) {
      throw new NotRaised(older.name, error)
    }
  }
}

function fieldsOf(host: MachineDescriptor, toHost: LongStep): VersionStep['state'] {
  return Object.fromEntries(
    Object.keys(host.state).flatMap((name) => {
      const step = toHost.field(name)
      return step === undefined ? [] : [[name, step]]
    }),
  )
}

/** An operation that a later version does not have. */
class Retired extends Error {
  override readonly name = 'Retired'
}

function operationOf(descriptor: MachineDescriptor, key: OperationKey, was?: string): Operation {
  const operation = findOperation(descriptor, key)
  if (operation !== undefined) return operation
  const { name, version } = descriptor
  if (was !== undefined) throw new Retired(`${was} is retired: version ${version} of ${name} has no such ${key.kind}`)
  throw new TypeError(`${name} version ${version} has no ${key.kind} with tag ${key.tag}`)
}

function olderHandlers(older: OlderHandlers, { name, version }: MachineDescriptor): object {
  const its = older[`v${version}`]
  if (its !== undefined) return its
  const what = `the machine ${name} has no handlers of version ${version}: the state has another shape since`
  throw new RaftgenError('HANDLER_MISSING', `${what}, and entries of that time are applied by them`)
}

interface Serving {
  readonly steps: readonly VersionStep[]
  readonly handlers: object
}

/** Versions that one shape of the state serves, the last of which is `host`. */
function generation(versions: readonly MachineDescriptor[], host: MachineDescriptor, { steps, handlers }: Serving): readonly Rung[] {
  const picked = pickHandlers(host, handlers, new Set(versions.flatMap((one) => retiredOperations(one, host))))
  const all = versions.map((descriptor, i) => ({ descriptor, toHost: longStep(steps.slice(i)) }))
  return all.map(({ descriptor, toHost }, i) => {
    const served = descriptor === host ? host : project(descriptor, host, toHost, all.slice(i + 1))
    return { descriptor, served, toHost, handlers: picked }
  })
}

function retiredOperations({ commands, queries }: MachineDescriptor, host: MachineDescriptor): readonly string[] {
  const gone = (operations: readonly Operation[], today: readonly Operation[]): readonly string[] =>
    operations.filter(({ tag }) => !today.some((one) => one.tag === tag)).map(({ name }) => name)
  return [...gone(commands, host.commands), ...gone(queries, host.queries)]
}
