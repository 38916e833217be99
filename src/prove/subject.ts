// What is to be proved something of: a machine, and the schema that it was generated from.
import type { Draft, DraftOperation } from '../../codegen/draft.ts'
import { draftOf } from '../../codegen/draft-of.ts'
import { RaftgenError } from '../errors.ts'
import type { StateMachine, TypedMachine, TypedOperation } from '../machine/state-machine.ts'
import type { MachineDefinition } from '../schema/define-machine.ts'

export interface Subject {
  /** The default export of the schema file: what inputs are drawn from, and the invariants. */
  readonly schema: MachineDefinition
  /** Makes a machine with a state of its own: `() => bank(handlers)`. */
  readonly machine: () => StateMachine
}

/** A machine that says in words what it does; everything here is about generated machines. */
export type GeneratedMachine = StateMachine & { readonly typed: TypedMachine; readonly twin: NonNullable<StateMachine['twin']> }

export interface SubjectOperation {
  readonly typed: TypedOperation
  readonly draft: DraftOperation
}

/** What a state must always be; gives a sentence where it is not. */
export interface NamedInvariant {
  readonly name: string
  readonly broken: (machine: GeneratedMachine) => string | undefined
}

export interface ResolvedSubject {
  readonly draft: Draft
  readonly machine: () => GeneratedMachine
  readonly operations: readonly SubjectOperation[]
  readonly invariants: readonly NamedInvariant[]
}

/** Throws BAD_OPTIONS where the two do not belong together. */
export function resolveSubject({ schema, machine }: Subject): ResolvedSubject {
  const draft = draftOf(schema.definition)
  const make = (): GeneratedMachine => generated(machine())
  const { name, version, typed } = make()
  if (name !== draft.name || version !== draft.version) {
    throw badOptions(`the machine is ${name} version ${version}, the schema declares ${draft.name} version ${draft.version}`)
  }
  return { draft, machine: make, operations: operationsOf(draft, typed), invariants: invariantsOf(schema.definition) }
}

function generated(machine: StateMachine): GeneratedMachine {
  if (isGenerated(machine)) return machine
  throw badOptions('the machine was not generated: only a schema says what a machine may be asked')
}

export const isGenerated = (machine: StateMachine): machine is GeneratedMachine => machine.typed !== undefined && machine.twin !== undefined

function operationsOf({ commands, queries }: Draft, { operations }: TypedMachine): readonly SubjectOperation[] {
  return [...commands, ...queries].map((draft) => {
    const typed = operations.find(({ kind, name }) => kind === draft.kind && name === draft.name)
    if (typed === undefined) throw badOptions(`the machine has no ${draft.kind} ${draft.name}: run \`raftgen <schema.ts>\``)
    return { typed, draft }
  })
}

function invariantsOf(definition: unknown): readonly NamedInvariant[] {
  const declared: unknown = typeof definition === 'object' && definition !== null ? Reflect.get(definition, 'invariants') : undefined
  return Object.entries(declared ?? {}).map(([name, holds]) => ({ name, broken: (machine) => brokenBy(machine, holds) }))
}

function brokenBy(machine: GeneratedMachine, holds: unknown): string | undefined {
  if (typeof holds !== 'function') return 'it is no function'
  try {
    const said: unknown = machine.typed.read((state) => Reflect.apply(holds, undefined, [state]))
    if (said === true) return undefined
    return typeof said === 'string' ? said : said === false ? '' : `it answers ${String(said)}: true, false or a sentence is expected`
  } catch (error) {
    return `it throws ${String(error)}`
  }
}

const badOptions = (message: string): RaftgenError => new RaftgenError('BAD_OPTIONS', message)
