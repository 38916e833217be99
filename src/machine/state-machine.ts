import type { Index, Term } from '../core/types.ts'
import type { Evolution } from './evolution.ts'
import type { Digest } from './field-digest.ts'

/** What an apply handler may know. The same on every replica for the same entry, whatever the machine and whenever it is applied. */
export interface Context {
  /** Index of the entry: grows with every command, so it serves as a version or a fencing token. */
  readonly index: Index
  readonly term: Term
  /** Log time, milliseconds since 1970: stamped by the leader, never falls, not moved by jumps of a clock. */
  readonly now: number
  /** Schema version that is in force at this entry: a handler may change what it does only from a version on, so that older entries replay as they were. */
  readonly version: number
  /** In [0, 1), seeded from the entry: the same sequence on every replica. Not for secrets. */
  random(): number
  /** A new unique identifier (26 characters, sorted by index), the same on every replica. */
  id(): string
}

/** What a query handler may know. `now` never exceeds what a command called later will see. */
export interface QueryContext {
  /** Index of the last entry that the state reflects. */
  readonly index: Index
  readonly now: number
  readonly version: number
}

/** Why a handler failed, for the log of the node and the first reply only: replicas on other Node versions word it otherwise. */
export interface HandlerFailure {
  readonly command: string
  readonly message: string
  readonly stack: string | undefined
}

export interface ApplyContext extends Context {
  report(failure: HandlerFailure): void
}

/**
 * A replicated state machine: bytes in, bytes out. Generated machines implement it; write one by hand to use the runtime without the
 * generator. Everything is synchronous and depends on nothing but the arguments and earlier calls.
 */
export interface StateMachine {
  /** Nodes and clients of another name are refused. */
  readonly name: string
  /** The newest version that it knows. */
  readonly version: number
  /** Hash of the wire format, or any constant for a machine without a schema. Nodes of another one are refused. */
  readonly wire: string
  /** Set while the wire format may still change: `Server.run` then wants `development: true`. */
  readonly open?: boolean
  /** On the leader, before the command enters the log: a sentence that says why it may not, or nothing. Never reads the state. */
  check?(command: Uint8Array): string | undefined
  /** The same, for a query, which is not changed until it is answered. */
  checkQuery?(query: Uint8Array): string | undefined
  /**
   * Changes the state and returns the reply. `command` must not be kept or changed. A handler that failed has changed nothing, is told to
   * `context.report`, and `failedReply` is returned. Must not throw: a machine that does so stops its replica. One that throws HANDLER_FATAL, since its
   * outcome may differ from replica to replica, is not asked to apply that command again before somebody says so.
   */
  apply(command: Uint8Array, context: ApplyContext): Uint8Array
  /**
   * What the caller of a command gets whose handler failed; the same on every replica. An operator who skips a command makes it one of these, so
   * that the machine is never asked to apply it. Default: no bytes.
   */
  readonly failedReply?: Uint8Array
  /** Reads the state. May throw: the caller gets QUERY_FAILED with the message. */
  query(query: Uint8Array, context: QueryContext): Uint8Array
  /**
   * What the state adds up to: equal for equal states, by whatever way they came to be, and almost surely different for others. Asked for after every
   * entry, so it is kept up with the changes and costs nothing to read. Replicas compare theirs; without it only what they answer is compared.
   */
  readonly digest?: Digest
  /** The whole state, canonical: equal states give equal bytes, on every replica. */
  snapshot(): Uint8Array
  /**
   * The same bytes in parts, each made when it is asked for: best 4 to 64 KiB, in less than a millisecond. Nothing is applied from the call
   * until the last part was taken, or the iteration was ended early; queries are. A part is not changed once it was given. Without this a
   * snapshot is taken with `snapshot`, in one go, and nothing else goes on meanwhile: from a megabyte of state on that is felt, from a hundred
   * it costs elections.
   */
  snapshotParts?(): Iterable<Uint8Array>
  /**
   * As `snapshotParts`, and preferred to it: of the state as it is at the call, whatever is applied while the parts are taken, or replaces it. So a
   * snapshot holds nothing up. Everything that changes must be set aside within the call (a view that shares structure, not a copy): a generator
   * function reads nothing before its first part is asked for, and will not do by itself.
   */
  frozenSnapshotParts?(): Iterable<Uint8Array>
  /** Replaces the state. */
  restoreSnapshot(snapshot: Uint8Array): void
  /**
   * Decodes a snapshot and changes nothing; may throw. What it returns replaces the state, and must not throw. A snapshot of a peer goes through
   * this before the log gives way to it, so that one that cannot be read costs nothing. Without this it is tried on: `snapshot`, `restoreSnapshot`,
   * and `restoreSnapshot` of what was there before, in one go.
   */
  prepareSnapshot?(snapshot: Uint8Array): () => void
  /**
   * As `prepareSnapshot`, and preferred to it: takes the bytes of a snapshot as they come, in parts that may be cut anywhere, and decodes them by and by, so that no turn is long. Changes
   * nothing before what `end` returns is called.
   */
  receiveSnapshot?(): SnapshotReceiver
  /** The command that `command` is a call of, for messages. May throw. */
  nameOf?(command: Uint8Array): string
  /** Another one with the same handlers and a state of its own, as at the start of the world: what `local` applies each command to once more. */
  twin?(): Twin
  /** Of a machine that may be of several versions, one at a time. Without it `version` is the only one, and always in force. */
  readonly evolution?: Evolution
  /**
   * What its bytes mean, of every version that there was. A node keeps it in its data directory, so that its log can be read by whoever has no such
   * machine. Default: nothing is kept, and commands are shown as bytes.
   */
  readonly schema?: readonly VersionSchema[]
  /** Of generated machines: what they are asked and answer in the words of their schema, and a look at the state. */
  readonly typed?: TypedMachine
}

/** One version of the schema of a machine. */
export interface VersionSchema {
  readonly version: number
  /** What the wire lock says of it: a JSON object with a `status`, `open` or `frozen`, and the hash `wire`. */
  readonly text: string
}

export interface TypedMachine {
  /** Commands, then queries. */
  readonly operations: readonly TypedOperation[]
  /** What `look` makes of the state, as query handlers are given it: it may be read and not be changed. Throws what `look` throws. */
  read<T>(look: (state: object) => T): T
}

/**
 * What a handler did: it returned `value` (where errors are declared, a `Result`); it answered with a declared error, which is in `value`, and left nothing
 * behind; or it failed, and left nothing behind.
 */
export type OperationResult = { readonly kind: 'returned' | 'refused'; readonly value: unknown } | { readonly kind: 'failed' }

export interface TypedOperation {
  readonly kind: 'command' | 'query'
  /** As it stands in the schema. */
  readonly name: string
  /** The bytes of a call. Throws INVALID_INPUT, which says where `input` does not fit its schema. */
  encode(input: unknown): Uint8Array
  /** Whether these are the bytes of a call of this operation. */
  isCall(call: Uint8Array): boolean
  /** The input in the bytes of a call, whole and frozen. Throws where they are no call of this operation. */
  decode(call: Uint8Array): unknown
  /** What a reply says. Throws where it is none of this operation. */
  result(reply: Uint8Array): OperationResult
  /** The inverse of `result`. Throws where the value does not fit its schema. */
  encodeResult(result: OperationResult): Uint8Array
}

export interface SnapshotReceiver {
  /** Keeps nothing of `part`. May throw: then it is given up. */
  write(part: Uint8Array): void
  /** All of it has come. May throw. What it returns replaces the state, and must not throw. */
  end(): () => void
}

export interface Twin {
  readonly machine: StateMachine
  /** Where the states of both differ, a sentence without its full stop; or nothing. */
  difference(): string | undefined
  /** Of the operation in `command`. */
  nameOf(command: Uint8Array): string
}
