// An older version as the handlers of a newer one serve it: their values, its bytes and bounds.
import { RaftgenError } from '../../../errors.ts'
import type { CommandOperation, FieldDescriptor, MachineDescriptor, QueryOperation, ValueCodec, Wire } from '../descriptor.ts'
import { wordsOf } from '../handlers.ts'
import type { FieldStep, Operation, OperationStep, ValueStep, VersionStep } from './step.ts'

type Projected = ValueCodec<unknown>

/** Of the state: values of `newer`, without what `older` has no place for. That is how they are read again, by whatever build. */
const projectedValue = (older: Projected, newer: Projected, step: ValueStep | undefined): Projected =>
  step === undefined
    ? older
    : {
        check: (value, at) => step.up(older.check(step.down(newer.check(value, at)), at)),
        toWire: (value) => older.toWire(step.down(value)),
        fromWire: (wire) => step.up(older.fromWire(wire)),
      }

/** Of an input. It goes up only: what it came from was checked when it was let in, and a way that the user wrote need not lead back. */
function projectedInput({ name, input }: Pick<Operation, 'name' | 'input'>, step: ValueStep | undefined, version: number): Projected {
  if (step === undefined) return input
  return {
    check: (value) => value,
    toWire: (value) => input.toWire(step.down(value)),
    fromWire: (wire) => {
      const older = input.fromWire(wire)
      try {
        return step.up(older)
      } catch (error) {
        // Replicas of an older build apply the call: this one cannot go on.
        const why = `the input of ${name} has no form in a version after ${version}: ${wordsOf(error).message}`
        throw new RaftgenError('MIGRATION_FAILED', why, { cause: error })
      }
    },
  }
}

/** Of what a handler returns: it goes down only, and has to fit both. */
const projectedReply = (older: Projected, newer: Projected | undefined, step: ValueStep | undefined): Projected =>
  newer === undefined || step === undefined
    ? older
    : {
        check: (value, at) => {
          const checked = newer.check(value, at)
          older.check(step.down(checked), at)
          return checked
        },
        toWire: (value) => older.toWire(step.down(value)),
        fromWire: (wire) => step.up(older.fromWire(wire)),
      }

/** Of two steps one. */
function joined(first: ValueStep | undefined, second: ValueStep | undefined): ValueStep | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return { up: (older) => second.up(first.up(older)), down: (newer) => first.down(second.down(newer)) }
}

/** All steps of a generation from one version to its last. */
export interface LongStep {
  operation(kind: 'command' | 'query', tag: number): OperationStep
  /** By the name in the last version: where that field was in the first, or nothing where it is new. */
  field(name: string): FieldStep | undefined
}

export function longStep(steps: readonly VersionStep[]): LongStep {
  return {
    operation: (kind, tag) => {
      let input: ValueStep | undefined
      let reply: ValueStep | undefined
      for (const step of steps) {
        const one = (kind === 'command' ? step.commands : step.queries)[tag]
        input = joined(input, one?.input)
        reply = joined(reply, one?.reply)
      }
      return { ...(input === undefined ? {} : { input }), ...(reply === undefined ? {} : { reply }) }
    },
    field: (name) => {
      let from = name
      let value: ValueStep | undefined
      for (const step of steps.toReversed()) {
        const one = Object.hasOwn(step.state, from) ? step.state[from] : undefined
        if (one === undefined) return undefined
        from = one.from
        value = joined(one.value, value)
      }
      return { from, ...(value === undefined ? {} : { value }) }
    },
  }
}

/** A version, and all steps from it to the last of its generation. */
export interface Later {
  readonly descriptor: MachineDescriptor
  readonly toHost: LongStep
}

/**
 * `older` in the values of `host`, whose handlers serve it. Fields of the state that it does not have are `absent`. `later`: the versions after it, ascending: each
 * field begins as the first that has it says, as it does for handlers of a build that knows no version after that.
 */
export function project(older: MachineDescriptor, host: MachineDescriptor, step: LongStep, later: readonly Later[]): MachineDescriptor {
  const state: Record<string, FieldDescriptor> = {}
  const fresh: Record<string, FieldDescriptor> = {}
  const kept = new Map<string, readonly [name: string, field: FieldDescriptor]>()
  for (const [name, field] of Object.entries(host.state)) {
    const one = step.field(name)
    const before = one === undefined ? undefined : older.state[one.from]
    if (one === undefined || before === undefined) fresh[name] = { ...begunBy(later, name, field), absent: true }
    else kept.set(one.from, [name, projectedField(before, field, one.value)])
  }
  // In the order of the older version: what is added up and written goes by it.
  for (const from of Object.keys(older.state)) {
    const [name, field] = kept.get(from) ?? []
    if (name !== undefined && field !== undefined) Object.defineProperty(state, name, { value: field, enumerable: true })
  }
  for (const [name, field] of Object.entries(fresh)) Object.defineProperty(state, name, { value: field, enumerable: true })
  const { name, version, wire, open } = older
  return {
    ...{ name, version, wire, open, state },
    commands: older.commands.map((one) => projectedCommand(one, host, { ...step.operation('command', one.tag), version })),
    queries: older.queries.map((one) => projectedQuery(one, host, { ...step.operation('query', one.tag), version })),
  }
}

function begunBy(later: readonly Later[], name: string, field: FieldDescriptor): FieldDescriptor {
  for (const { descriptor, toHost } of later) {
    const { from, value } = toHost.field(name) ?? {}
    const first = from === undefined ? undefined : descriptor.state[from]
    if (first === undefined) continue
    const raised = (wire: Wire, older: Projected, newer: Projected): Wire =>
      value === undefined ? wire : newer.toWire(value.up(older.fromWire(wire)))
    if (first.kind === 'cell' && field.kind === 'cell') return { ...field, initial: raised(first.initial, first.value, field.value) }
    if (first.kind === 'table' && field.kind === 'table') {
      return { ...field, initial: first.initial.map(([key, wire]) => [key, raised(wire, first.values, field.values)] as const) }
    }
  }
  return field
}

function projectedField(older: FieldDescriptor, newer: FieldDescriptor, step: ValueStep | undefined): FieldDescriptor {
  if (older.kind === 'table' && newer.kind === 'table') {
    // Indexes are no part of the wire: those of today are kept up, for the handlers of today.
    const { indexes } = newer
    return { ...older, values: projectedValue(older.values, newer.values, step), ...(indexes === undefined ? {} : { indexes }) }
  }
  if (older.kind === 'cell' && newer.kind === 'cell') return { ...older, value: projectedValue(older.value, newer.value, step) }
  return older
}

interface StepFrom extends OperationStep {
  /** That it leads from. */
  readonly version: number
}

/** What is retired has no counterpart: its handler is given the values of the older version. */
function projectedCommand(
  older: CommandOperation<unknown, unknown>,
  host: MachineDescriptor,
  { version, ...step }: StepFrom,
): CommandOperation<unknown, unknown> {
  const newer = host.commands.find(({ tag }) => tag === older.tag)
  return {
    ...older,
    name: newer?.name ?? older.name,
    errors: newer?.errors ?? older.errors,
    input: projectedInput(older, step.input, version),
    reply: projectedReply(older.reply, newer?.reply, step.reply),
  }
}

function projectedQuery(
  older: QueryOperation<unknown, unknown>,
  host: MachineDescriptor,
  { version, ...step }: StepFrom,
): QueryOperation<unknown, unknown> {
  const newer = host.queries.find(({ tag }) => tag === older.tag)
  return {
    ...older,
    name: newer?.name ?? older.name,
    input: projectedInput(older, step.input, version),
    reply: projectedReply(older.reply, newer?.reply, step.reply),
  }
}
