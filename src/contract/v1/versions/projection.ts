// An older version as the handlers of a newer one serve it: their values, its bytes and bounds.
import type {
  CellDescriptor,
  CommandOperation,
  MachineDescriptor,
  QueryOperation,
  TableDescriptor,
  ValueCodec,
  Wire,
} from '../descriptor.ts'
import type { FieldStep, OperationStep, ValueStep, VersionStep } from './step.ts'

/** Values of `newer`, which are what `older` has a place for. */
class ProjectedCodec implements ValueCodec<unknown> {
  readonly #older: ValueCodec<unknown>
  readonly #newer: ValueCodec<unknown>
  readonly #step: ValueStep

  constructor(older: ValueCodec<unknown>, newer: ValueCodec<unknown>, step: ValueStep) {
    this.#older = older
    this.#newer = newer
    this.#step = step
  }

  /** What the older version has no place for is not in what is returned. */
  check(value: unknown, at: string): unknown {
    return this.#step.up(this.#older.check(this.#step.down(this.#newer.check(value, at)), at))
  }

  toWire(value: unknown): Wire {
    return this.#older.toWire(this.#step.down(value))
  }

  fromWire(wire: Wire): unknown {
    return this.#step.up(this.#older.fromWire(wire))
  }
}

const projected = (older: ValueCodec<unknown>, newer: ValueCodec<unknown> | undefined, step: ValueStep | undefined): ValueCodec<unknown> =>
  newer === undefined || step === undefined ? older : new ProjectedCodec(older, newer, step)

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

/** `older` in the values of `host`, whose handlers serve it. Fields of the state that it does not have are `absent`. */
export function project(older: MachineDescriptor, host: MachineDescriptor, step: LongStep): MachineDescriptor {
  const state: Record<string, TableDescriptor | CellDescriptor> = {}
  const fresh: Record<string, TableDescriptor | CellDescriptor> = {}
  const kept = new Map<string, readonly [name: string, field: TableDescriptor | CellDescriptor]>()
  for (const [name, field] of Object.entries(host.state)) {
    const one = step.field(name)
    const before = one === undefined ? undefined : older.state[one.from]
    if (one === undefined || before === undefined) fresh[name] = { ...field, absent: true }
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
    commands: older.commands.map((one) => projectedCommand(one, host, step.operation('command', one.tag))),
    queries: older.queries.map((one) => projectedQuery(one, host, step.operation('query', one.tag))),
  }
}

function projectedField(
  older: TableDescriptor | CellDescriptor,
  newer: TableDescriptor | CellDescriptor,
  step: ValueStep | undefined,
): TableDescriptor | CellDescriptor {
  if (older.kind === 'table' && newer.kind === 'table') {
    // Indexes are no part of the wire: those of today are kept up, for the handlers of today.
    const { indexes } = newer
    return { ...older, values: projected(older.values, newer.values, step), ...(indexes === undefined ? {} : { indexes }) }
  }
  if (older.kind === 'cell' && newer.kind === 'cell') return { ...older, value: projected(older.value, newer.value, step) }
  return older
}

/** What is retired has no counterpart: its handler is given the values of the older version. */
function projectedCommand(
  older: CommandOperation<unknown, unknown>,
  host: MachineDescriptor,
  step: OperationStep,
): CommandOperation<unknown, unknown> {
  const newer = host.commands.find(({ tag }) => tag === older.tag)
  return {
    ...older,
    name: newer?.name ?? older.name,
    errors: newer?.errors ?? older.errors,
    input: projected(older.input, newer?.input, step.input),
    reply: projected(older.reply, newer?.reply, step.reply),
  }
}

function projectedQuery(
  older: QueryOperation<unknown, unknown>,
  host: MachineDescriptor,
  step: OperationStep,
): QueryOperation<unknown, unknown> {
  const newer = host.queries.find(({ tag }) => tag === older.tag)
  return {
    ...older,
    name: newer?.name ?? older.name,
    input: projected(older.input, newer?.input, step.input),
    reply: projected(older.reply, newer?.reply, step.reply),
  }
}
