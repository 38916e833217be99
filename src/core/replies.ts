// What a node answers to those who lead it, and to those whose term is over.
import { unreachable } from './invariant.ts'
import type { RaftLog } from './raft-log.ts'
import type { NodeContext } from './node-context.ts'
import type { AppendEntries, AppendEntriesReply, EntryId, Heartbeat, HeartbeatReply, Message, NodeId, Term } from './types.ts'

/** Before the first entry. */
const noEntry: EntryId = { term: 0, index: 0 }

/**
 * Receiver of AppendEntries (§3.5): appends after an entry that matches, or says where the leader may back up to. Before it has a
 * configuration with voters a node does not know what it may acknowledge: it takes no entries, and waits for a snapshot.
 */
export function acceptEntries(log: RaftLog, message: AppendEntries): AppendEntriesReply {
  const { from, to, term, prev, entries } = message
  if (log.conf.voters.length === 0) return refuseEntries(message, noEntry)
  const { commitIndex } = log
  // What is committed is the leader's too (§3.6.3): an entry up to there is known to match, even where its term is forgotten.
  const isKnown = prev.index < commitIndex
  if (!isKnown && !log.has(prev)) return refuseEntries(message, log.newestNotAfter(prev))
  log.accept(isKnown ? entries.slice(commitIndex - prev.index) : entries)
  // Not lastIndex: beyond what this message proves our log may still differ from the leader's (§3.5).
  const matchIndex = Math.max(prev.index + entries.length, commitIndex)
  log.commitTo(Math.min(message.commitIndex, matchIndex))
  return { kind: 'AppendEntriesReply', from: to, to: from, term, ok: true, matchIndex }
}

function refuseEntries({ from, to, term, prev }: AppendEntries, hint: EntryId): AppendEntriesReply {
  return { kind: 'AppendEntriesReply', from: to, to: from, term, ok: false, prevIndex: prev.index, hint }
}

/** Of the term of its sender. */
export function answerHeartbeat({ from, to, term, round }: Heartbeat, { disk }: Pick<NodeContext, 'disk'>): HeartbeatReply {
  const reply = { kind: 'HeartbeatReply', from: to, to: from, term, round } as const
  return disk.isFull ? { ...reply, isFull: true } : reply
}

/**
 * The sender's term is over. It learns ours: with pre-vote nobody else tells it, and a leader that never hears of the newer term of a
 * server which returned would never get it back (§9.6). Answers are not answered.
 */
export function answerStale(
  message: Message,
  { id, term, log }: { readonly id: NodeId; readonly term: Term; readonly log: RaftLog },
): Message | undefined {
  const header = { from: id, to: message.from, term }
  switch (message.kind) {
    case 'PreVote':
      return { kind: 'PreVoteReply', ...header, granted: false }
    case 'RequestVote':
      return { kind: 'RequestVoteReply', ...header, granted: false }
    case 'AppendEntries':
      return { kind: 'AppendEntriesReply', ...header, ok: false, prevIndex: message.prev.index, hint: log.last }
    case 'Heartbeat':
      return { kind: 'HeartbeatReply', ...header, round: message.round }
    case 'InstallSnapshot':
      return { kind: 'InstallSnapshotReply', ...header, hint: log.committed }
    case 'PreVoteReply':
    case 'RequestVoteReply':
    case 'AppendEntriesReply':
    case 'HeartbeatReply':
    case 'InstallSnapshotReply':
    case 'ReadIndexReply':
    // A leader whose term is over learns it by its heartbeats, a follower by whoever leads it now: neither waits for this.
    case 'TimeoutNow':
    case 'ReadIndex':
      return undefined
    default:
      return unreachable(message)
  }
}
