import type { Ms } from '../core/types.ts'

export interface Clock {
  /** Monotonic, never falls, unaffected by changes of the wall clock. */
  monotonicMs(): Ms
  /** Milliseconds since 1970, whole. May jump either way. */
  wallMs(): number
}
