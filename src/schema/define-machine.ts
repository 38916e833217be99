import type { Static, TObject, TRecord } from 'typebox'
import type { ReadonlyTable } from '../machine/table.ts'
import type { Stored } from './stored.ts'

/** Anything TypeBox builds, or `bytes`. TypeBox's own `TSchema` admits every value, a misspelt one too. */
export type OperationSchema = { readonly '~kind': string } | { readonly '~unsafe': unknown }
export type ObjectSchema = TObject

/** What changes the state, replicated and applied exactly once per session. */
export interface CommandDefinition<ErrorName extends string> {
  /** What the caller gives: an object, so that fields can be added later. */
  readonly input: ObjectSchema
  /** What the caller gets. Left out: nothing. */
  readonly output?: OperationSchema
  /** Names of the declared errors it may answer with. None: it returns its bare output. */
  readonly errors?: readonly ErrorName[]
  /** Its name in the version before, where that is another one: it is the same command still. */
  readonly was?: string
}

/** What reads the state and changes nothing. It declares no errors: an answer that may be missing is part of its output. */
export interface QueryDefinition {
  readonly input: ObjectSchema
  readonly output: OperationSchema
  /** Its name in the version before, where that is another one: it is the same query still. */
  readonly was?: string
}

/** What earlier versions had and is gone on purpose: `raftgen` refuses to lose it otherwise. */
export interface RetiredInput {
  /** Versions that no log, no snapshot and no client has any more: from the first on, without a gap. */
  readonly versions?: readonly number[]
  /**
   * Versions that no client has any more, from the first on, without a gap; logs and snapshots may have them. What only newer clients can read may then be
   * answered: a new variant, literal or error. A client of such a version that calls all the same gets RESULT_TOO_NEW in its place.
   */
  readonly clients?: readonly number[]
  /** Commands that nobody is to call any more. Entries of them are replayed as long as a version that had them is not retired. */
  readonly commands?: readonly string[]
  readonly queries?: readonly string[]
  /** Errors that no command answers with any more. */
  readonly errors?: readonly string[]
}

/**
 * What the state holds before the first command. A table is given as a plain object; what is left out is empty, absent, or the
 * default of its schema.
 */
export type InitialState<State extends ObjectSchema> = Partial<Static<State>>

/** What an index is ordered by: one of `Field`, or several, the most significant first; `unique` where no two entries may have the same. */
export type IndexInput<Field extends string> =
  | Field
  | readonly Field[]
  | {
      readonly on: Field | readonly Field[]
      /** Default false. Entries in which one of the fields is absent or null do not count. */
      readonly unique?: boolean
    }

/** Fields that have an order: of objects, and of unions of objects. */
type OrderedField<Value> = Value extends object
  ? { [Field in keyof Value & string]: Value[Field] extends OrderedValue ? Field : never }[keyof Value & string]
  : never
type OrderedValue = string | number | bigint | boolean | null | undefined

/** Of each table, by name: `{ leases: { owner: 'owner' } }` is `state.leases.by.owner`. */
export type IndexesInput<State extends ObjectSchema> = {
  readonly [Table in keyof TablesOf<State>]?: { readonly [name: string]: IndexInput<OrderedField<TablesOf<State>[Table]>> }
}
/** The values of each Record directly in the state. */
type TablesOf<State extends ObjectSchema> =
  State extends TObject<infer Properties>
    ? {
        [Name in keyof Properties as Properties[Name] extends TRecord ? Name : never]: Properties[Name] extends TRecord<string, infer Value>
          ? Static<Value>
          : never
      }
    : never

/** The state as an invariant sees it, between two commands: as a query handler does, without indexes. */
export type InvariantState<State extends ObjectSchema> =
  State extends TObject<infer Properties>
    ? {
        readonly [Name in keyof Properties]: Properties[Name] extends TRecord<infer Key, infer Value>
          ? ReadonlyTable<KeyOf<Key>, Stored<Static<Value>>>
          : Stored<Static<State>[Name & keyof Static<State>]>
      }
    : never
type KeyOf<Pattern extends string> = Pattern extends '^.*$' ? string : number

/** `true` where it holds; `false`, or a sentence that says why it does not. Changes nothing, and depends on nothing but the state. */
export type Invariant<State extends ObjectSchema> = (state: InvariantState<State>) => boolean | string

export interface MachineInput<State extends ObjectSchema, Errors extends { readonly [name: string]: ObjectSchema }> {
  /** Lower-case letters, digits and dashes, beginning with a letter. Names the generated code, the wire lock, and who may join. */
  readonly name: string
  /** Of the schema: 1, 2, 3, ... It grows when the wire format of a frozen version would change. */
  readonly version: number
  /** A `Record` directly in it becomes an ordered table; any other property is a cell, replaced by assignment. */
  readonly state: State
  /**
   * Orders of the entries of tables besides that of their keys, kept up to date with them: `{ jobs: { next: ['queue', 'runAt'] } }`. Handlers read
   * them as `state.jobs.by.next`. No part of the wire format: they may come and go.
   */
  readonly indexes?: IndexesInput<NoInfer<State>>
  readonly initial?: InitialState<NoInfer<State>>
  /**
   * What is true of the state at the start and after every command, by name. `raftgen check` and `raftgen sim` look at them; servers do not, and
   * they are no part of the wire format.
   */
  readonly invariants?: { readonly [name: string]: Invariant<NoInfer<State>> }
  /** What commands may answer instead of their output: values, with a `code` that is their name here. */
  readonly errors?: Errors
  readonly commands?: { readonly [name: string]: CommandDefinition<NoInfer<keyof Errors & string>> }
  readonly queries?: { readonly [name: string]: QueryDefinition }
  readonly retired?: RetiredInput
}

/** The default export of a schema file. Recognised by its brand, so a second copy of this package does no harm. */
export interface MachineDefinition {
  readonly '~raftgen': 'machine'
  /** As it was given. `raftgen <schema.ts>` checks it: there every mistake gets its line. */
  readonly definition: unknown
}

/**
 * Declares a replicated machine; export it as the default of the schema file and run `raftgen <schema.ts>`. Checks nothing by itself: the
 * generator reports all mistakes at once, each with its place.
 */
export function defineMachine<
  State extends ObjectSchema,
  Errors extends { readonly [name: string]: ObjectSchema } = Record<never, ObjectSchema>,
>(definition: MachineInput<State, Errors>): MachineDefinition {
  return Object.freeze({ '~raftgen': 'machine', definition: Object.freeze({ ...definition }) })
}

/** Whether `value` came from `defineMachine`, of this copy of the package or another. */
export const isMachineDefinition = (value: unknown): value is MachineDefinition =>
  typeof value === 'object' && value !== null && Reflect.get(value, '~raftgen') === 'machine' && Reflect.has(value, 'definition')
