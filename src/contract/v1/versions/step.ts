// How one version of a schema becomes the next: functions that raftgen emits, and where it cannot, the user's.
import type { CommandOperation, MachineDescriptor, QueryOperation } from '../descriptor.ts'

export type Operation = CommandOperation<unknown, unknown> | QueryOperation<unknown, unknown>

/** A value has no form in the older version. Thrown by `ValueStep.down`. */
export class Inexpressible extends Error {
  override readonly name = 'Inexpressible'
}

/** Between a value of one version and of the next. Methods: the functions that are emitted take the types of their versions. Both are canonical: as `check` or `fromWire` of their codecs return them. */
export interface ValueStep {
  up(older: unknown): unknown
  /** Throws `Inexpressible`. */
  down(newer: unknown): unknown
}

/** Left out: the type is the same in both, its bounds included. */
export interface OperationStep {
  /** `down` loses nothing: what the older version has no place for, and is not at its default, is `Inexpressible`. A caller is to know what is done. */
  readonly input?: ValueStep
  /** `down` leaves out what the older version has no place for. */
  readonly reply?: ValueStep
}

/** Where a field of the newer state comes from. */
export interface FieldStep {
  /** Its name in the older version. */
  readonly from: string
  /** Of a cell its value, of a table each value. `down` leaves out what the older version has no place for. Left out: the type is the same in both, its bounds included. */
  readonly value?: ValueStep
}

/** From one version to the next. */
export interface VersionStep {
  /** By tag: of those that both versions have. */
  readonly commands: Readonly<Record<number, OperationStep>>
  readonly queries: Readonly<Record<number, OperationStep>>
  /** By the name in the newer version. A field that is not here is new: it begins as the newer version says. */
  readonly state: Readonly<Record<string, FieldStep>>
  /**
   * Set where the state changes in a way that cannot be undone value by value. Then handlers of the newer version serve nothing older, and what
   * `FieldStep.value` says of `down` is not asked.
   */
  readonly migration?: Migration
}

/** The user's: a method, since it takes the type of its version. */
interface UserMigration {
  value(older: unknown, key: string | number): unknown
}

export interface Migration {
  /**
   * Of a table or cell of the newer state, by name, where a function of the user makes the values; a key of `''` stands for a cell. The
   * place of `FieldStep.value`.
   */
  readonly values: Readonly<Record<string, UserMigration['value']>>
  /**
   * Last, once every field has what it has: looks at the state as it was and changes the new one, as a handler does. Where it is a generator, other work
   * is done between its steps.
   */
  finish?(older: object, newer: object): void | Iterable<void>
}

/** Which operation of which kind: with its tag, which is for good. */
export interface OperationKey {
  readonly kind: 'command' | 'query'
  readonly tag: number
}

/** The operation in some version; `undefined` where that has none. */
export function findOperation(descriptor: MachineDescriptor | undefined, { kind, tag }: OperationKey): Operation | undefined {
  return kind === 'command' ? descriptor?.commands.find((one) => one.tag === tag) : descriptor?.queries.find((one) => one.tag === tag)
}

/** What a step says of it. */
export const operationStep = (step: VersionStep | undefined, { kind, tag }: OperationKey): OperationStep | undefined =>
  (kind === 'command' ? step?.commands : step?.queries)?.[tag]

/** Versions of a machine that a build knows, ascending, and how each becomes the next. */
export interface VersionLadder {
  readonly versions: readonly MachineDescriptor[]
  /** One less: `steps[i]` leads from `versions[i]` to `versions[i + 1]`. */
  readonly steps: readonly VersionStep[]
}
