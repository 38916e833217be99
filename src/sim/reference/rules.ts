// The rules of Raft, each as the dissertation has it: from one state of a server to the next, or why not. What the core does is explained by these, or it
// is wrong. They are written to be read, not to be run often: everything is copied, counted anew, and tried.
import type { AppendEntries, EntryId, Index, NodeId, RequestVote, Term } from '../../core/types.ts'
import { doQuorumsMeet, isQuorumOf, mayVoteIn } from './majorities.ts'
import {
  compactedTo,
  confBefore,
  confIn,
  confIndexIn,
  entryAt,
  holds,
  lastIndexOf,
  lastOf,
  type ReferenceEntry,
  type ReferenceLog,
  termAt,
  upTo,
  withEntries,
} from './reference-log.ts'
import { hasOwnVote, holdersOf, type ReferenceServer, votersFor } from './reference-server.ts'

/** What forbids a step. */
export interface Refused {
  readonly rule: string
  /** A sentence with the values. */
  readonly because: string
}
export type Allowed = { readonly server: ReferenceServer }
export type Ruling = Allowed | Refused

export const isRefused = (ruling: Ruling): ruling is Refused => 'rule' in ruling

const no = (rule: string, because: string): Refused => ({ rule, because })
const yes = (server: ReferenceServer): Allowed => ({ server })
const show = ({ term, index }: EntryId): string => `(term ${term}, index ${index})`
const list = (ids: Iterable<NodeId>): string => [...ids].sort((a, b) => a - b).join(', ') || 'nobody'

/** A later term is adopted wherever it is heard of, and with it goes everything that belonged to the one before (§3.3). */
export function updateTerm(server: ReferenceServer, term: Term, votedFor?: NodeId): Ruling {
  if (term <= server.term) return no('UpdateTerm (§3.3)', `term ${term} is not later than ${server.term}`)
  const none = new Set<NodeId>()
  return yes({ ...server, role: 'follower', term, votedFor, preVotes: none, votes: none, provenIndex: 0, isAsked: false })
}

/** One vote a term, to a log that is at least as up to date (§3.4, §3.6.1). */
export function grantVote(server: ReferenceServer, { from, term, last }: RequestVote): Ruling {
  const rule = 'HandleRequestVote (§3.4, §3.6.1)'
  if (term !== server.term) return no(rule, `a vote in term ${server.term} for a request of term ${term}`)
  if (server.votedFor !== undefined) return no(rule, `a vote for ${from} in term ${term}, in which ${server.votedFor} has it already`)
  if (!isUpToDate(last, server.log))
    return no(rule, `a vote for a log that ends with ${show(last)}, its own ends with ${show(lastOf(server.log))}`)
  if (confIn(server.log).removed.includes(from)) return no(rule, `a vote for ${from}, which was removed`)
  return yes({ ...server, votedFor: from })
}

/** The later last term wins; in the same, the longer log (§3.6.1). */
export function isUpToDate(last: EntryId, log: ReferenceLog): boolean {
  const own = lastOf(log)
  return last.term === own.term ? last.index >= own.index : last.term > own.term
}

/** Asks whether an election would succeed. Nothing else changes (§9.6). */
export function becomePreCandidate(server: ReferenceServer): Ruling {
  if (server.role === 'leader') return no('PreVote (§9.6)', `the leader of term ${server.term} asks for pre-votes`)
  return yes({ ...server, role: 'preCandidate', preVotes: new Set([server.id]) })
}

/** A term of its own, and its own vote in it (§3.4): because a quorum would elect it (§9.6), or because its leader wants it to (§3.10). */
export function becomeCandidate(server: ReferenceServer): Ruling {
  const rule = 'Timeout (§3.4)'
  const { id, log, preVotes, role, term } = server
  const conf = confIn(log)
  if (role === 'leader') return no(rule, `the leader of term ${term} campaigns`)
  if (!mayVoteIn(conf, id) && !mayVoteIn(confBefore(log), id)) return no(rule, `a server campaigns that is no voter (§4.2.1)`)
  if (!server.isAsked && !(role === 'preCandidate' && isQuorumOf(conf, preVotes)))
    return no(
      'PreVote (§9.6)',
      `a campaign in term ${term + 1} with the pre-votes of ${list(preVotes)} only, and no leader that has asked for it`,
    )
  const none = new Set<NodeId>()
  const candidacy = { term: term + 1, last: lastOf(log) }
  const fresh = { preVotes: none, votes: none, provenIndex: 0, isAsked: false }
  return yes({ ...server, ...fresh, role: 'candidate', term: term + 1, votedFor: id, candidacy })
}

/** With the votes of a quorum, its own durable among them; and it appends an entry that does nothing (§3.4, §3.6.2, §6.4). */
export function becomeLeader(server: ReferenceServer): Ruling {
  const rule = 'BecomeLeader (§3.4)'
  const { role, term, log } = server
  if (role !== 'candidate') return no(rule, `a ${role} becomes leader of term ${term}`)
  if (!hasOwnVote(server)) return no(rule, `the leader of term ${term} has no vote of its own on its disk (§3.8)`)
  const votes = votersFor(server)
  if (!isQuorumOf(confIn(log), votes)) return no(rule, `the leader of term ${term} has the votes of ${list(votes)} only`)
  const noop: ReferenceEntry = { term, kind: 'noop', data: new Uint8Array(0), conf: undefined }
  return yes({ ...server, role: 'leader', ledTerm: term, log: withEntries(log, [noop]), match: new Map() })
}

/** A leader appends, and never does anything else to its log (§3.5). */
export function clientRequest(server: ReferenceServer, entry: ReferenceEntry): Ruling {
  const { role, term, log } = server
  if (role !== 'leader' || entry.term !== term)
    return no('ClientRequest (§3.5)', `a ${role} of term ${term} appends an entry of term ${entry.term}`)
  return yes({ ...server, log: withEntries(log, [entry]) })
}

/** One change at a time, after a commit in the leader's own term, to a configuration whose quorums meet those of the last (§4.1, §4.3). */
export function changeConf(server: ReferenceServer, entry: ReferenceEntry): Ruling {
  const rule = 'ChangeConfiguration (§4.1, §4.3)'
  const { log, term, commitIndex } = server
  const before = confIn(log)
  if (entry.conf === undefined) return no(rule, 'an entry of a configuration without one')
  if (termAt(log, commitIndex) !== term)
    return no(
      rule,
      `a change in term ${term} before a commit in it: committed is ${commitIndex} of term ${termAt(log, commitIndex)} (erratum of 2015)`,
    )
  if (confIndexIn(log) > commitIndex)
    return no(rule, `a change at ${lastIndexOf(log) + 1} while the one at ${confIndexIn(log)} is not committed (${commitIndex} is)`)
  if (!doQuorumsMeet(before, entry.conf))
    return no(rule, `from voters ${describe(before)} to ${describe(entry.conf)}: some of their quorums share no server`)
  const returned = entry.conf.members.find(({ id }) => before.removed.includes(id))
  if (returned !== undefined) return no(rule, `${returned.id}, which was removed, is a member again`)
  return clientRequest(server, entry)
}

const describe = ({
  voters,
  votersOutgoing,
}: {
  readonly voters: readonly NodeId[]
  readonly votersOutgoing: readonly NodeId[]
}): string => (votersOutgoing.length === 0 ? `(${voters.join(', ')})` : `(${voters.join(', ')}) and (${votersOutgoing.join(', ')})`)

/** What is the leader's follows what matches; only what conflicts goes, and what comes after it (§3.5). */
export function handleAppend(server: ReferenceServer, { prev, entries, term, commitIndex: leaderCommit }: AppendEntries): Ruling {
  const rule = 'HandleAppendEntries (§3.5)'
  if (server.role === 'leader' || term !== server.term) return yes(server)
  let { log } = server
  // Before it knows who votes a server cannot know what it may acknowledge: it waits for a snapshot.
  if (confIn(log).voters.length === 0) return yes({ ...server, role: 'follower' })
  // What is committed is in the log of every later leader (§3.6.3).
  if (prev.index >= server.commitIndex && !holds(log, prev)) return yes({ ...server, role: 'follower' })
  for (const entry of entries) {
    if (entry.index <= log.base.id.index || termAt(log, entry.index) === entry.term) continue
    if (entry.index <= server.commitIndex) return no(rule, `entry ${entry.index} of term ${entry.term} would replace a committed one`)
    log = withEntries(upTo(log, entry.index - 1), [entry])
  }
  const provenIndex = Math.max(server.commitIndex, prev.index + entries.length)
  const commitIndex = Math.max(server.commitIndex, Math.min(leaderCommit, prev.index + entries.length))
  return yes({ ...server, role: 'follower', log, commitIndex, provenIndex: Math.max(server.provenIndex, provenIndex) })
}

/** The leader vouches for it: see the rule of sending a heartbeat. */
export function followCommit(server: ReferenceServer, leaderCommit: Index): Ruling {
  if (leaderCommit <= server.commitIndex || leaderCommit > lastIndexOf(server.log)) return yes(server)
  return yes({ ...server, commitIndex: leaderCommit })
}

/** An entry is committed once a quorum holds it; by counting, only one of the leader's own term (§3.6.2, figure 3.7 has the counter-example). */
export function advanceCommit(server: ReferenceServer, index: Index): Ruling {
  const rule = 'AdvanceCommitIndex (§3.5, §3.6.2)'
  const { log, role, term } = server
  if (role !== 'leader') return no(rule, `a ${role} commits entry ${index} of term ${termAt(log, index)} by itself`)
  if (termAt(log, index) !== term)
    return no(rule, `the leader of term ${term} commits entry ${index} of term ${termAt(log, index)} by counting`)
  const holders = holdersOf(server, index)
  if (!isQuorumOf(confIn(log), holders))
    return no(rule, `the leader of term ${term} commits entry ${index}, which only ${list(holders)} of ${describe(confIn(log))} hold`)
  return yes({ ...server, commitIndex: index })
}

/** It leads no more, or gives up. Its term, vote and log stay. */
export const stepDown = (server: ReferenceServer): Ruling => yes({ ...server, role: 'follower' })

/** What is committed may leave the log for a snapshot (§5.1). */
export function compact(server: ReferenceServer, { term, index }: EntryId): Ruling {
  const rule = 'Compact (§5.1)'
  if (index > server.commitIndex) return no(rule, `the log begins after ${index}, but only ${server.commitIndex} is committed`)
  if (termAt(server.log, index) !== term) return no(rule, `the log begins after ${show({ term, index })}, which it does not hold`)
  return yes({ ...server, log: compactedTo(server.log, index) })
}

/** A snapshot of committed state takes the place of a log that does not hold its last entry; any other log stays (§5.3). */
export function installSnapshot(server: ReferenceServer, base: ReferenceLog['base']): Ruling {
  const { id } = base
  const commitIndex = Math.max(server.commitIndex, id.index)
  if (holds(server.log, id)) return yes({ ...server, commitIndex })
  if (id.index <= server.commitIndex)
    return no('InstallSnapshot (§5.3)', `a snapshot of ${show(id)}, where ${show(lastOf(upTo(server.log, id.index)))} is committed`)
  return yes({ ...server, log: { base, entries: [] }, commitIndex })
}

/** Whether `entries` after `prev` are those of this log; what is compacted away is not compared. */
export function hasRun(log: ReferenceLog, { prev, entries }: Pick<AppendEntries, 'prev' | 'entries'>): boolean {
  return holds(log, prev) && entries.every(({ index, term }) => index <= log.base.id.index || entryAt(log, index)?.term === term)
}
