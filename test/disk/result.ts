import type { Verdict } from './account.ts'

/**
 * repaired     it came back whole by itself, and has said what was wrong
 * unaffected   the same, and nothing was wrong with what it needs
 * refused      it did not take part, said so, and came back in the way it named
 * failed       anything else
 */
export type OutcomeKind = 'repaired' | 'unaffected' | 'refused' | 'failed'

export interface Result extends Verdict {
  readonly name: string
  readonly kind: string
  readonly outcome: OutcomeKind
  /** LevelDB has ended the process, while the node ran: what changes under an open table it may not live through. The next start must. */
  readonly isEndedBySignal: boolean
  /** Why it failed. */
  readonly problems: readonly string[]
  /** What the damaged node has said, and how it ended. */
  readonly said: readonly string[]
  readonly tookMs: number
}
