// What clients called, when, and what they were told: one operation a line, as JSON. `docs/testing.md` has the format; it is public.
import type { Outcome } from 'raftgen'

export const historySchema = 'raftgen-history/1'

/** How fresh the answer to a query had to be. Commands have none. */
export type Consistency = 'linearizable' | 'lease' | 'atLeast' | 'stale'

/** First line of a history. */
export interface HistoryHeader {
  readonly schema: typeof historySchema
  readonly machine: string
  readonly nodes: number
  readonly seed: number
  /** Name of the stage of the run. */
  readonly stage: string
  /** Of `invoke` and `return`: microseconds since the beginning of the stage, of one monotonic clock. */
  readonly clock: 'microseconds'
}

export interface Operation {
  /** Never has two operations at a time. One whose outcome is unknown is its last. */
  readonly client: number
  /** Clients that follow one another on the same connection and in the same session. */
  readonly session: number
  /** Counts the operations of a session, from 1. */
  readonly call: number
  readonly op: 'append' | 'cas' | 'read' | 'sum'
  readonly input: { readonly key?: string; readonly value?: number; readonly expected?: number | null }
  readonly consistency?: Consistency
  /** With `atLeast`: the index that the answer has to reflect. */
  readonly token?: number
  /** The query went to the nearest node, not to the leader. */
  readonly nearest?: true
  readonly invoke: number
  readonly return: number
  /** `ok`: answered, with `output` and `index`. Otherwise what is known of the effect, with `code` and `message`. */
  readonly outcome: 'ok' | Outcome
  readonly output?: unknown
  /** Of a command: where it stands in the log. Of a query: the last entry that the answer reflects. */
  readonly index?: number
  readonly code?: string
  readonly message?: string
}

export const isCommand = ({ op }: Pick<Operation, 'op'>): boolean => op === 'append' || op === 'cas'
