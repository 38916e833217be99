// What a message must look like whoever sent it. What does not is dropped: bytes from outside never stop a node.
import { confProblem, isId } from './conf-change.ts'
import { nonceMax, termMax } from './limits.ts'
import type { AppendEntries, EntryId, Message, NodeId } from './types.ts'

/** Whether `message` is for `id`, and can be from a correct peer as far as can be told without knowing any state. */
export function isWellFormed(message: Message, id: NodeId): boolean {
  if (message.to !== id || message.from === id || !isId(message.from)) return false
  if (!isNumber(message.term) || message.term === 0) return false
  switch (message.kind) {
    case 'PreVote':
    case 'RequestVote':
      return isEntryId(message.last) && message.last.term < message.term
    case 'PreVoteReply':
    case 'RequestVoteReply':
      return true
    case 'AppendEntries':
      return isWellFormedAppend(message)
    case 'AppendEntriesReply':
      return message.ok ? isNumber(message.matchIndex) : isNumber(message.prevIndex) && isEntryId(message.hint)
    case 'Heartbeat':
      return isNumber(message.commitIndex) && isNumber(message.round)
    case 'HeartbeatReply':
      return isNumber(message.round)
    case 'InstallSnapshot':
      return isEntryId(message.last) && message.last.term <= message.term
    case 'InstallSnapshotReply':
      return isEntryId(message.hint) && message.hint.term <= message.term
    case 'TimeoutNow':
      return true
    case 'ReadIndex':
      return isNonce(message.nonce) && isNumber(message.counter)
    case 'ReadIndexReply':
      return isNonce(message.nonce) && isNumber(message.counter) && isNumber(message.index)
    default:
      message satisfies never
      return false
  }
}

/** A pre-vote speaks of a term that nobody is in: it is never adopted (§9.6). */
export function isPreVoting(message: Message): boolean {
  return message.kind === 'PreVote' || (message.kind === 'PreVoteReply' && message.granted)
}

/** Only the leader of its term says such things. */
export function isFromLeader(message: Message): boolean {
  switch (message.kind) {
    case 'AppendEntries':
    case 'Heartbeat':
    case 'InstallSnapshot':
    case 'TimeoutNow':
      return true
    default:
      return false
  }
}

function isWellFormedAppend({ prev, entries, commitIndex, term }: AppendEntries): boolean {
  if (!isEntryId(prev) || !isNumber(commitIndex)) return false
  let last = prev
  for (const entry of entries) {
    if (entry.index !== last.index + 1 || !isNumber(entry.term) || entry.term < last.term || entry.term === 0) return false
    if ((entry.kind === 'conf') !== (entry.conf !== undefined)) return false
    // It would be in force at once, and nobody could ever change it again.
    if (entry.conf !== undefined && confProblem(entry.conf) !== undefined) return false
    last = entry
  }
  return last.term <= term
}

function isEntryId({ term, index }: EntryId): boolean {
  // The place before the first entry has no term, and nothing else has none.
  return isNumber(term) && isNumber(index) && (term === 0) === (index === 0)
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < termMax
}

/** All 48 bits of the wire, and nothing is added to it. */
function isNonce(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < nonceMax
}
