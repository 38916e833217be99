// What generated code hands to the runtime: straight-line codecs, and how they make up one machine.
import type { IndexValue } from '../../machine/index-key.ts'
import type { VersionSchema } from '../../machine/state-machine.ts'
import type { Wire } from '../../wire/value.ts'

export type { VersionSchema, Wire }

/** Everything the runtime must do with values of one type. Emitted ahead of time; needs no `eval`. */
export interface ValueCodec<T> {
  /**
   * Validates `value` against its schema and returns a canonical, deeply frozen copy of it: defaults filled in, -0 made 0, bytes
   * copied, own properties only, unknown ones refused. Throws `InvalidValue`, whose path starts with `at`. Idempotent.
   */
  check(value: unknown, at: string): T
  /** Of a value that `check` returned. */
  toWire(value: T): Wire
  /**
   * The inverse. Strict about shape (arity, types, integers), blind to bounds, so that a narrower schema reads an older log. Deeply
   * frozen; bytes in it are those of `wire`, which is given up to it. Throws `InvalidValue`.
   */
  fromWire(wire: Wire): T
}

/** A command: `Input` is what the log holds, `Reply` what the caller gets. The tag is for good. */
export interface CommandOperation<Input, Reply> {
  readonly kind: 'command'
  readonly tag: number
  readonly name: string
  readonly input: ValueCodec<Input>
  /**
   * Codes of the errors it declares. With one or more the handler returns a `Result`, and a failure rolls its changes back; with none
   * what it returns is its bare output, whatever that looks like.
   */
  readonly errors: readonly string[]
  /** Of what the handler returns: a `Result`, a bare output, or `undefined`. */
  readonly reply: ValueCodec<Reply>
}
export interface QueryOperation<Input, Reply> {
  readonly kind: 'query'
  readonly tag: number
  readonly name: string
  readonly input: ValueCodec<Input>
  readonly reply: ValueCodec<Reply>
}

/** An order of the entries of a table, kept up to date with it. */
export interface IndexDescriptor {
  readonly name: string
  /** Whether no two entries may have the same values. */
  readonly unique: boolean
  /** What it is ordered by, the most significant first, and what that is at run time. At least one. */
  readonly fields: readonly { readonly name: string; readonly type: 'string' | 'number' | 'bigint' | 'boolean' }[]
  /** The values of the fields, then the key. With one that is absent or null the entry is not in the index. A method: its parameters are narrower in emitted code. */
  entry(key: string | number, value: unknown): readonly (IndexValue | null | undefined)[]
}

/** A `Type.Record` directly in the state. */
export interface TableDescriptor {
  readonly kind: 'table'
  readonly key: 'string' | 'integer'
  /** Checks the bounds of a key. */
  readonly keys: ValueCodec<string> | ValueCodec<number>
  // biome-ignore lint/suspicious/noExplicitAny: codecs of different types stand in one list; `any` makes them assignable both ways
  readonly values: ValueCodec<any>
  /** Default: none. They are no part of the wire, nor of snapshots. */
  readonly indexes?: readonly IndexDescriptor[]
  /** Entries at the start of the world, as wire values. Usually empty. */
  readonly initial: readonly (readonly [key: string | number, value: Wire])[]
  /** Not in this version of the state: see `CellDescriptor.absent`. */
  readonly absent?: boolean
}
/** Any other property of the state: replaced by assignment. */
export interface CellDescriptor {
  readonly kind: 'cell'
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly value: ValueCodec<any>
  readonly initial: Wire
  /** Not in this version of the state, which the handlers of a newer one serve. Never emitted. Default false. */
  readonly absent?: boolean
}

export type FieldDescriptor = TableDescriptor | CellDescriptor

/** One machine: emitted as `locksDescriptor`. */
export interface MachineDescriptor {
  readonly name: string
  readonly version: number
  /** First 16 hex digits of the hash of the wire lock's content. */
  readonly wire: string
  /** Whether the version may still change its wire format: it is not frozen yet. */
  readonly open: boolean
  /** In the lock's order. */
  readonly state: Readonly<Record<string, FieldDescriptor>>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly commands: readonly CommandOperation<any, any>[]
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly queries: readonly QueryOperation<any, any>[]
  /** Of the newest version only: all of the wire lock. Left out by releases before. */
  readonly schema?: readonly VersionSchema[]
}
