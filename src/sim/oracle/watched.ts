// What the oracles know of one disk, and of the process that has it open.
import type { ConfState, EntryId, Index, LogBase, LogSummary, NodeId, Persist, SoftState, Term } from '../../core/types.ts'
import { FenceShadow } from './fence-shadow.ts'
import { LogShadow } from './log-shadow.ts'

/** What a disk is asked for, in order: each is one batch, but for a compaction that has nothing to do. */
export type UnderWay = { readonly kind: 'write'; readonly persist: Persist } | { readonly kind: 'compaction'; readonly base: LogBase }

export interface Watched {
  readonly id: NodeId
  readonly incarnation: number
  /** What is on the disk. */
  readonly durable: LogShadow
  readonly fence: FenceShadow
  /** What this life of the node has handed to its disk. */
  readonly written: LogShadow
  /** Handed over, not on the disk. */
  underWay: UnderWay[]
  /** Its disk was damaged: what it holds is looked at anew when it is read. */
  isDamaged: boolean
  /** The newest entry that it has acknowledged, and the latest term that it has spoken of. */
  promised: EntryId
  promisedTerm: Term
  term: Term
  commitIndex: Index
  lastApplied: Index
  /** Up to here its committed entries were compared with those of others. */
  comparedIndex: Index
  role: SoftState['role']
  /** The term that it led at the end of its last turn. */
  ledTerm: Term | undefined
  /** As it was at the end of its last turn. */
  conf: ConfState
  /** Configurations that it has appended as a leader, not judged yet. */
  appendedConfs: Index[]
}

export const watch = ({
  id,
  incarnation,
  conf,
}: {
  readonly id: NodeId
  readonly incarnation: number
  readonly conf: ConfState
}): Watched => ({
  id,
  incarnation,
  durable: new LogShadow(conf),
  fence: new FenceShadow(),
  written: new LogShadow(conf),
  underWay: [],
  isDamaged: false,
  promised: { term: 0, index: 0 },
  promisedTerm: 0,
  ...freshLife,
  conf,
  appendedConfs: [],
})

/** A process that has done nothing yet. */
export const freshLife = { term: 0, commitIndex: 0, lastApplied: 0, comparedIndex: 0, role: 'follower', ledTerm: undefined } as const

/** What a process has found on its disks. */
export interface RecoveredLog {
  readonly summary: LogSummary
  readonly lastApplied: Index
  readonly isDamaged: boolean
  readonly isRead: boolean
  /** That are on its disk: also one whose end the life before has not heard of. */
  readonly snapshots: readonly { readonly id: EntryId }[]
}
