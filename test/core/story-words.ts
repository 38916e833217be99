import { assert, type ConfState, type ConfStep, type Entry, type EntryId, type Message, type Persist } from '../../src/core/index.ts'
import { memberOf, wordOf } from './core-cluster.ts'

/** `t3i7`: index 7 of term 3. */
export const idText = ({ term, index }: EntryId): string => `t${term}i${index}`

/** `t3i7=put`, or `t3i7..t3i90` for many. */
export function entriesText(entries: readonly Entry[]): string {
  const [first] = entries
  const last = entries[entries.length - 1]
  if (first === undefined || last === undefined) return 'nothing'
  if (entries.length > 5) return `${idText(first)}..${idText(last)}`
  return entries.map(entryText).join(' ')
}

function entryText(entry: Entry): string {
  const word = entry.conf === undefined ? wordOf(entry) : `{${confText(entry.conf)}}`
  return word === idText(entry) ? word : `${idText(entry)}=${word}`
}

/** `1 2 4 outgoing 1 2 3 learners 5 joining 5`: who votes, and what else there is. */
export function confText({ members, voters, votersOutgoing, learners, joining, removed, leaseMs }: ConfState): string {
  const lists = { outgoing: votersOutgoing, learners, joining, removed, lease: leaseMs === 0 ? [] : [leaseMs] }
  const returned = members.filter(({ incarnation }) => incarnation > 1).map(({ id, incarnation }) => `${id}.${incarnation}`)
  const moved = members.filter(({ id, peer }) => peer !== `peer-${id}`).map(({ id, peer }) => `${id}@${peer}`)
  const parts = Object.entries({ ...lists, returned, moved }).filter(([, list]) => list.length > 0)
  return [voters.length === 0 ? 'nobody' : voters.join(' '), ...parts.map(([name, list]) => `${name} ${list.join(' ')}`)].join(' ')
}

/** `add 4`, `join 4`, `promote 4`, `demote 3`, `remove 3`, `move 3 there`, `return 3 2`, `lease 900`: as many as there are. */
export function confStepsOf(words: readonly string[]): readonly ConfStep[] {
  const steps: ConfStep[] = []
  const rest = [...words]
  while (rest.length > 0) {
    const kind = rest.shift()
    const value = Number(rest.shift())
    switch (kind) {
      case 'add':
      case 'join':
        steps.push({ kind: 'addLearner', member: memberOf(value), joining: kind === 'join' })
        break
      case 'promote':
      case 'demote':
      case 'remove':
        steps.push({ kind, id: value })
        break
      case 'move':
        steps.push({ kind: 'update', member: { ...memberOf(value), peer: rest.shift() ?? '' }, joining: false })
        break
      case 'return':
        steps.push({ kind: 'update', member: memberOf(value, Number(rest.shift())), joining: true })
        break
      case 'lease':
        steps.push({ kind: 'setLease', leaseMs: value })
        break
      default:
        assert(false, `nobody knows the step '${kind}'`)
    }
  }
  return steps
}

export function persistText({ seq, hardState, reset, truncateFrom, entries }: Persist): string {
  const vote = hardState.votedFor === undefined ? '' : ` for ${hardState.votedFor}`
  const start = reset === undefined ? '' : `, nothing but what follows ${idText(reset.id)} {${confText(reset.conf)}}`
  const truncation = truncateFrom === undefined ? '' : `, without ${truncateFrom}..`
  return `${seq}: term ${hardState.term}${vote}${start}${truncation}${entries.length === 0 ? '' : `, ${entriesText(entries)}`}`
}

export function messageText(message: Message): string {
  return `${message.from}>${message.to} ${message.kind} ${message.term}: ${bodyText(message)}`
}

function bodyText(message: Message): string {
  switch (message.kind) {
    case 'PreVote':
      return `my log ends with ${idText(message.last)}`
    case 'RequestVote':
      return `my log ends with ${idText(message.last)}${message.transfer ? ', and my leader wants it' : ''}`
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
    case 'InstallSnapshot':
      return `a snapshot of ${idText(message.last)} or later is needed`
    case 'InstallSnapshotReply':
      return `committed up to ${idText(message.hint)}`
    case 'TimeoutNow':
      return 'campaign at once'
    case 'ReadIndex':
      return `question ${message.counter}`
    case 'ReadIndexReply':
      return `answer to ${message.counter}: ${message.index}`
    default:
      assert(false, `no words for ${JSON.stringify(message satisfies never)}`)
  }
}
