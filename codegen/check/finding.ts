import type { ts } from 'ts-morph'

/** What makes replicas differ. Public and stable: `--json` and docs/determinism.md have them. */
export const ruleCodes = [
  'CLOCK',
  'LOCAL_TIME',
  'RANDOM',
  'FLOAT',
  'LOCALE',
  'UNICODE',
  'SHARED_MEMORY',
  'MACHINE',
  'IO',
  'TIMER',
  'ASYNC',
  'UNSEEN',
  'GARBAGE_COLLECTION',
  'ERROR_TEXT',
  'MODULE_STATE',
  'IMPURE_PACKAGE',
  'OUTPUT',
  'UNREADABLE',
  'IGNORE_INVALID',
  'IGNORE_UNUSED',
] as const

export type RuleCode = (typeof ruleCodes)[number]

/** Why something is found, and what to write in its place. */
export interface Reason {
  readonly code: RuleCode
  /** Goes after the text of what was found: `Date.now` + `reads the clock of its machine`. */
  readonly why: string
  readonly instead: string
}

/** One thing that was found, where it stands. */
export interface Finding extends Reason {
  readonly at: ts.Node
  /** What was found, as the message names it. */
  readonly what: string
}
