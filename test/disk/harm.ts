// What may happen to files, and when.
import type { Chance } from '../../src/sim/chance.ts'

/**
 * at rest        its node is down, the others serve and take writes; then it starts
 * all at rest    all are down; then all start
 * behind         all are down, and one of the others lacks the end of the log; it and the damaged one start, the third comes later
 * running        the file is damaged under a running node; some time later it is killed, and starts again
 * leading        the same, of the node that leads, while one of the others needs what it has on its disk
 */
export const moments = ['at rest', 'all at rest', 'behind', 'running', 'leading'] as const
export type Moment = (typeof moments)[number]

/** Whose directory is damaged, and what else is at hand. All directories but the first are copies at rest. */
export interface Target {
  readonly dir: string
  /** The same directory, as it was some time before. */
  readonly older: string
  /** Of another node of the cluster, and of the same node of another cluster. */
  readonly peer: string
  readonly foreign: string
  readonly chance: Chance
}

/** Something that may happen to a file or to a directory. */
export interface Harm {
  /** Row of the table. */
  readonly kind: string
  /** Several harms are done to one place: of each some are drawn. */
  readonly place: string
  readonly name: string
  /** When it may happen. Default: at any moment. */
  readonly moments?: readonly Moment[]
  harm(target: Target): Promise<void>
}
