// Machines that know several versions of their schema, of which one is in force at a time (decision 45).
import type { Index, KnownVersion } from '../core/types.ts'
import type { StateMachine } from './state-machine.ts'

/**
 * A migration throws, or makes what does not fit: every replica finds that. Not for what another replica may not find: a version that this build lacks, a lack
 * of stack or memory.
 */
export class MigrationFailure extends Error {
  override readonly name = 'MigrationFailure'
}

export interface FailedActivation {
  readonly index: Index
  readonly version: number
  /** A sentence without its full stop. */
  readonly message: string
}

/** What has failed, in the place of a command. */
export const migrationTo = (version: number): string => `the migration to version ${version}`
/** Of what stands in the place of a command where apply has stopped. */
export const isMigration = (command: string): boolean => /^the migration to version \d+$/.test(command)

export type { KnownVersion }

/** What comes of a call on its way into the log. */
export type Admission =
  /** The call as the version in force has it. */
  | { readonly kind: 'admitted'; readonly call: Uint8Array }
  | {
      readonly kind: 'refused'
      readonly code: 'INVALID_INPUT' | 'NOT_YET_ACTIVE' | 'OPERATION_RETIRED'
      readonly message: string
      /** Of NOT_YET_ACTIVE: this machine knows the version of the call. Default false. */
      readonly isKnown?: boolean
    }

/** What comes of a reply on its way to a client. */
export type Lowering =
  | { readonly kind: 'lowered'; readonly reply: Uint8Array }
  /** The version of the client has no words for it. */
  | { readonly kind: 'inexpressible'; readonly message: string }

export interface Evolution {
  /** Ascending, at least one; the last is `StateMachine.version`. */
  readonly known: readonly KnownVersion[]
  /** The version in force: what `apply`, `query`, `digest` and snapshots are of. A new machine is of the newest. */
  readonly active: number
  /** The state becomes the one that `version` begins with. Throws VERSION_UNKNOWN. */
  begin(version: number): void
  /**
   * Moves the state up to `version`, above the active one, one version after the other. Works a little at a time, whenever it is asked for the next
   * step; what is in force stays in force, and must not change, until the last. Throws VERSION_UNKNOWN, or a `MigrationFailure`: then nothing has changed.
   */
  raise(version: number): Iterator<void, void>
  /** A call that a client has encoded in some version. Never throws. */
  admit(kind: 'command' | 'query', call: Uint8Array): Admission
  /** A reply to `call` for a client that was made for `version`; as it is where that is not older. Never throws. */
  lower(kind: 'command' | 'query', call: Uint8Array, reply: Uint8Array, version: number): Lowering
}

/** Whose state it is, and in which version: for whoever writes it down. */
export function identityOf({ name, version, wire, evolution }: StateMachine): { readonly name: string } & KnownVersion {
  if (evolution === undefined) return { name, version, wire }
  return { name, version: evolution.active, wire: evolution.known.find((one) => one.version === evolution.active)?.wire ?? wire }
}

/** The versions that `machine` can be of, ascending. */
export const knownVersions = ({ version, wire, evolution }: StateMachine): readonly KnownVersion[] =>
  evolution?.known ?? [{ version, wire }]

/** Whether a state or log of `one` can be read by this machine. */
export const knows = (machine: StateMachine, { version, wire }: KnownVersion): boolean =>
  knownVersions(machine).some((known) => known.version === version && known.wire === wire)
