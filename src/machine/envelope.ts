import type { Index } from '../core/types.ts'

/**
 * What an entry of kind `command` holds. Everything that replicas must agree on travels in entries: commands, the life of sessions, and
 * time. `now` is the leader's stamp, milliseconds since 1970.
 */
export type Envelope =
  /** One command of a session (§6.3). */
  | {
      readonly kind: 'command'
      readonly now: number
      readonly session: number
      readonly seq: number
      /** The client has the replies of all seqs below, or no longer wants them. */
      readonly ackedBelow: number
      /** Schema version in which it is encoded: that of the state of its leader. An activation may stand between that state and this entry. */
      readonly version: number
      readonly command: Uint8Array
    }
  /** A client registers; its session is named by the index of this entry. */
  | { readonly kind: 'openSession'; readonly now: number; readonly ttlMs: number }
  | { readonly kind: 'closeSession'; readonly now: number; readonly session: number }
  /** Folds the keep-alives of many sessions; proposed also without any, so that time passes in an idle cluster. */
  | { readonly kind: 'keepAlive'; readonly now: number; readonly sessions: readonly SessionTouch[] }
  /** First entry of a new leader: every session gets its full time to live, since nobody could reach it in between. */
  | { readonly kind: 'renewSessions'; readonly now: number }
  /** No query was shown a time above `ceiling`; every later leader starts above it. */
  | { readonly kind: 'clock'; readonly now: number; readonly ceiling: number }
  /**
   * The entry at index `skipped`, below this one, counts as failed: a command by an operator's word, an activation because its migration has failed on its leader.
   * Its stamp lets no time pass.
   */
  | { readonly kind: 'skip'; readonly now: number; readonly skipped: Index }
  /** All replicas compare what they add up to after this entry; with `isEvidence` they take a snapshot of it as well, since they differ. */
  | { readonly kind: 'check'; readonly now: number; readonly isEvidence: boolean }
  /**
   * From this entry on `version` of the schema is in force; the first of its log says which one the world begins with. One that is not above what is in
   * force already changes nothing.
   */
  | { readonly kind: 'activate'; readonly now: number; readonly version: number }

export interface SessionTouch {
  readonly session: number
  readonly ackedBelow: number
}
