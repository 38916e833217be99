import { assert, type Entry, type EntryId, type Message, type Persist } from '../../src/core/index.ts'
import { wordOf } from './core-cluster.ts'

/** `t3i7`: index 7 of term 3. */
export const idText = ({ term, index }: EntryId): string => `t${term}i${index}`

/** `t3i7=put`, or `t3i7..t3i90` for many. */
export function entriesText(entries: readonly Entry[]): string {
  const [first] = entries
  const last = entries[entries.length - 1]
  if (first === undefined || last === undefined) return 'nothing'
  if (entries.length > 5) return `${idText(first)}..${idText(last)}`
  return entries.map((entry) => (wordOf(entry) === idText(entry) ? idText(entry) : `${idText(entry)}=${wordOf(entry)}`)).join(' ')
}

export function persistText({ seq, hardState, truncateFrom, entries }: Persist): string {
  const vote = hardState.votedFor === undefined ? '' : ` for ${hardState.votedFor}`
  const truncation = truncateFrom === undefined ? '' : `, without ${truncateFrom}..`
  return `${seq}: term ${hardState.term}${vote}${truncation}${entries.length === 0 ? '' : `, ${entriesText(entries)}`}`
}

export function messageText(message: Message): string {
  return `${message.from}>${message.to} ${message.kind} ${message.term}: ${bodyText(message)}`
}

function bodyText(message: Message): string {
  switch (message.kind) {
    case 'PreVote':
    case 'RequestVote':
      return `my log ends with ${idText(message.last)}`
    case 'PreVoteReply':
    case 'RequestVoteReply':
      return message.granted ? 'yes' : 'no'
    case 'AppendEntries':
      return `after ${idText(message.prev)} ${entriesText(message.entries)}, commit ${message.commitIndex}`
    case 'AppendEntriesReply':
      return message.ok ? `matches to ${message.matchIndex}` : `not after ${message.prevIndex}, perhaps after ${idText(message.hint)}`
    case 'Heartbeat':
      return `round ${message.round}, commit ${message.commitIndex}`
    case 'HeartbeatReply':
      return `round ${message.round}`
    default:
      assert(false, `no words for ${JSON.stringify(message satisfies never)}`)
  }
}
