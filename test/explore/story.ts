// A way through an exploration, for people: a numbered list, and a test that goes the same way with the core itself.
import type { EntryId, Message } from '../../src/core/index.ts'
import type { Counterexample } from './exploration.ts'
import { fingerprint } from './fingerprint.ts'
import type { Facts } from './local-states.ts'
import type { Move } from './moves.ts'

const show = ({ term, index }: EntryId): string => `${term}.${index}`

/** Two messages have one text if they are equal. Entries are term.index and what is in them. */
export function messageText(message: Message): string {
  const { kind, from, to, term } = message
  return `${kind} ${from}>${to} of term ${term}${contentOf(message)}`
}

function contentOf(message: Message): string {
  switch (message.kind) {
    case 'PreVote':
    case 'InstallSnapshot':
      return `, last ${show(message.last)}`
    case 'RequestVote':
      return `, last ${show(message.last)}${message.transfer ? ', on behalf of the leader' : ''}`
    case 'PreVoteReply':
    case 'RequestVoteReply':
      return message.granted ? ': yes' : ': no'
    case 'AppendEntries':
      return `: ${message.entries.map((entry) => fingerprint(entry, [])).join(' ') || 'nothing'} after ${show(message.prev)}, committed ${message.commitIndex}`
    case 'AppendEntriesReply':
      return message.ok ? `: holds ${message.matchIndex}` : `: not after ${message.prevIndex}, perhaps after ${show(message.hint)}`
    case 'Heartbeat':
      return `: round ${message.round}, committed ${message.commitIndex}`
    case 'HeartbeatReply':
      return `: round ${message.round}`
    case 'InstallSnapshotReply':
      return `: has ${show(message.hint)}`
    case 'ReadIndex':
      return `: question ${message.counter} of life ${message.nonce}`
    case 'ReadIndexReply':
      return `: ${message.index}, to question ${message.counter} of life ${message.nonce}`
    case 'TimeoutNow':
      return ''
  }
}

/** Names it among all that may happen next. */
export function moveText({ at, happening, takes, lost }: Move): string {
  const node = `node ${at + 1}`
  if (happening === undefined) return lost === undefined ? `${node}: nothing` : `lost: ${messageText(lost)}`
  switch (happening.kind) {
    case 'deliver': {
      const after = happening.late ? ', when its leader was silent for an election timeout' : ''
      return `${node} receives ${messageText(happening.message)}${after}${takes === undefined ? ' (and may once more)' : ''}`
    }
    case 'timeout':
      return `${node}: its election timer expires`
    case 'lapse':
      return `${node}: nobody answers it for an election timeout`
    case 'heartbeat':
      return `${node}: a heartbeat is due`
    case 'written':
      return `${node}: its write is done`
    case 'propose':
      return `${node} is given the command ${happening.word}`
    case 'read':
      return `${node} is asked read ${happening.id}`
    case 'transfer':
      return `${node} is to hand over to ${happening.to}`
    case 'change':
      return `${node} is to ${happening.step.kind} ${'id' in happening.step ? happening.step.id : ''}`
    case 'compact':
      return `${node} takes a snapshot, and compacts its log`
    case 'install':
      return `${node} has fetched a snapshot of ${show(happening.snapshot.base.id)}, from term ${happening.term}`
    case 'restart':
      return `${node} crashes and restarts${happening.keepsWrite ? ', its write was done' : ''}`
  }
}

export function storyOf({ violation, moves }: Counterexample): string {
  const lines = moves.map(({ text, sent, was, is }, i) => {
    const says = sent.map((message) => `\n        sends ${messageText(message)}`).join('')
    const [before, now] = [factsText(was), factsText(is)]
    return `${String(i + 1).padStart(4)}. ${text}${says}${before === now ? '' : `\n        is ${now}`}`
  })
  return [violation, ...lines].join('\n')
}

const factsText = ({ role, term, commitIndex, log, firstIndex }: Facts): string =>
  `${role} of term ${term}, log ${firstIndex > 1 ? `after ${firstIndex - 1}: ` : ''}${log.join(' ') || 'empty'}, committed ${commitIndex}`

/** Ready to paste into a file beside this one: it goes the way with the core itself, and fails where that is still wrong. */
export function testOf(
  { violation, moves }: Counterexample,
  { name, size }: { readonly name: string; readonly size: 'small' | 'large' },
): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`
  return [
    `// import { expect, test } from 'vitest'`,
    `// import { follow } from './follow.ts'`,
    `test(${quoted(`found by exploration: ${violation}`)}, () => {`,
    `  const moves = [`,
    ...moves.map(({ text }) => `    ${quoted(text)},`),
    `  ]`,
    `  expect(follow('${name}', '${size}', moves).violation).toBeUndefined()`,
    `})`,
  ].join('\n')
}
