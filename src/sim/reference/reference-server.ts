// One server of the reference: what Raft says that it is, and nothing that only makes it fast. It is a value; each rule makes another.
import type { EntryId, HardState, Index, LogBase, NodeId, SoftState, Term } from '../../core/types.ts'
import { commonIndex, type ReferenceEntry, type ReferenceLog } from './reference-log.ts'

export interface ReferenceServer {
  readonly id: NodeId
  readonly role: SoftState['role']
  readonly term: Term
  readonly votedFor: NodeId | undefined
  readonly log: ReferenceLog
  readonly commitIndex: Index
  /** What is on the disk. */
  readonly durable: { readonly hardState: HardState; readonly log: ReferenceLog }
  /** Who has granted a pre-vote for the next term. */
  readonly preVotes: ReadonlySet<NodeId>
  /** Who has granted a vote in this term. */
  readonly votes: ReadonlySet<NodeId>
  /** In the term that it leads, or has led last: what others have acknowledged. */
  readonly match: ReadonlyMap<NodeId, Index>
  /** That term. */
  readonly ledTerm: Term
  /** Its last candidacy: the term, and how its log ended then. */
  readonly candidacy: { readonly term: Term; readonly last: EntryId } | undefined
  /** A follower: up to here its log is that of the leader of this term, as an AppendEntries that is not answered yet has shown. */
  readonly provenIndex: Index
  /** The leader of this term has asked it to take over (§3.10). */
  readonly isAsked: boolean
}

export interface ReferenceStart {
  readonly id: NodeId
  readonly hardState: HardState
  readonly base: LogBase
  readonly entries: readonly ReferenceEntry[]
  readonly commitIndex: Index
}

/** A server as it starts: it knows what is on its disk, and follows nobody (§3.8). */
export function restarted({ id, hardState, base, entries, commitIndex }: ReferenceStart): ReferenceServer {
  const log = { base, entries }
  return {
    id,
    role: 'follower',
    ...hardState,
    log,
    commitIndex,
    durable: { hardState, log },
    preVotes: new Set(),
    votes: new Set(),
    match: new Map(),
    ledTerm: 0,
    candidacy: undefined,
    provenIndex: 0,
    isAsked: false,
  }
}

/** A vote that a crash would make it forget is none, its own neither. */
export const hasOwnVote = ({ id, term, durable: { hardState } }: ReferenceServer): boolean =>
  hardState.term === term && hardState.votedFor === id

/** All who voted for it. */
export const votersFor = (server: ReferenceServer): ReadonlySet<NodeId> =>
  new Set([...server.votes, ...(hasOwnVote(server) ? [server.id] : [])])

/** All who hold everything up to `index`, for all a leader knows; itself only if that is on its disk (§10.2.1). */
export function holdersOf(server: ReferenceServer, index: Index): ReadonlySet<NodeId> {
  const others = [...server.match].filter(([, match]) => match >= index).map(([id]) => id)
  return new Set([...others, ...(commonIndex(server.log, server.durable.log) >= index ? [server.id] : [])])
}
