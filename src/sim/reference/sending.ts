// What a server may say: the receivers rely on it. Twice it is looked at: when the core gives it out, whether it is true of the server as it is; and
// when it leaves, perhaps after a write, whether a crash would make it forget that.
import type { Input } from '../../core/api.ts'
import type { AppendEntries, Index, Message, Term } from '../../core/types.ts'
import { mayVoteIn } from './majorities.ts'
import { confIn, lastIndexOf, type ReferenceLog, termAt } from './reference-log.ts'
import type { ReferenceServer } from './reference-server.ts'
import { hasRun, isUpToDate, type Refused } from './rules.ts'

const no = (rule: string, because: string): Refused => ({ rule, because })

/** Why it is not true. `input`: the one that the core was stepped with last. */
export function ruleOnSaying(server: ReferenceServer, message: Message, input: Input | undefined): Refused | undefined {
  const { term } = server
  switch (message.kind) {
    case 'PreVote':
      if (message.term === term + 1) return undefined
      return no('PreVote (§9.6)', `a server of term ${term} asks for pre-votes of term ${message.term}`)
    case 'PreVoteReply':
      return message.granted ? ruleOnPreVote(server, message, input) : undefined
    case 'RequestVote': {
      // It may have given up since: then nobody counts the answers, as if the question had been long on its way.
      const { candidacy } = server
      const { last } = message
      if (candidacy?.term !== message.term)
        return no('RequestVote (§3.4)', `asks for votes in term ${message.term}, in which it was no candidate`)
      const own = candidacy.last
      if (own.index === last.index && own.term === last.term) return undefined
      return no(
        'RequestVote (§3.6.1)',
        `says that its log ends with ${last.index} of term ${last.term}, it ended with ${own.index} of term ${own.term}`,
      )
    }
    case 'AppendEntries':
      return ruleOnLeading(server, message) ?? ruleOnEntries(server, message)
    case 'Heartbeat': {
      const known = Math.min(server.commitIndex, server.match.get(message.to) ?? 0)
      if (message.commitIndex > known)
        return no(
          'Heartbeat (§3.5)',
          `tells ${message.to} that ${message.commitIndex} is committed; of what is, it is known to hold ${known}`,
        )
      return ruleOnLeading(server, message)
    }
    case 'TimeoutNow':
      if (!mayVoteIn(confIn(server.log), message.to)) return no('TimeoutNow (§3.10)', `asks ${message.to} to lead, which is no voter`)
      return ruleOnLeading(server, message)
    case 'InstallSnapshot':
      return ruleOnLeading(server, message)
    case 'AppendEntriesReply': {
      if (!message.ok || message.matchIndex <= server.provenIndex) return undefined
      return no(
        'HandleAppendEntries (§3.5)',
        `acknowledges ${message.matchIndex}, but its leader has shown only that ${server.provenIndex} matches`,
      )
    }
    default:
      return undefined
  }
}

/** Why it may not leave yet. `matchTerm`: of the entry that it acknowledges, when it was given out. */
export function ruleOnLeaving({ id, durable }: ReferenceServer, message: Message, matchTerm: Term | undefined): Refused | undefined {
  const { term, votedFor } = durable.hardState
  const { kind, to } = message
  // These promise nothing, and nobody builds on the term that is in them (§6.4, §9.6).
  if (kind === 'PreVote' || kind === 'PreVoteReply' || kind === 'ReadIndex') return undefined
  if (term < message.term) return no('durable before said (§3.8)', `sends ${kind} of term ${message.term}, its disk is in term ${term}`)
  // Of an older term than the disk: it was durable before that one.
  if (term > message.term) return undefined
  if (kind === 'RequestVote' && votedFor !== id)
    return no('RequestVote (§3.4, §3.8)', `asks for votes in term ${term}, its disk has a vote for ${votedFor}`)
  if (kind === 'RequestVoteReply' && message.granted && votedFor !== to)
    return no('HandleRequestVote (§3.4, §3.8)', `says that ${to} has its vote in term ${term}, its disk has one for ${votedFor}`)
  return kind === 'AppendEntriesReply' && message.ok ? ruleOnAcknowledgement(durable.log, message.matchIndex, matchTerm) : undefined
}

function ruleOnLeading({ ledTerm }: ReferenceServer, { kind, term }: Message): Refused | undefined {
  return ledTerm === term
    ? undefined
    : { rule: 'BecomeLeader (§3.4)', because: `sends ${kind} of term ${term}, and led term ${ledTerm} last` }
}

function ruleOnPreVote(server: ReferenceServer, { to, term }: Message, input: Input | undefined): Refused | undefined {
  const request = input?.kind === 'receive' && input.message.kind === 'PreVote' && input.message.from === to ? input.message : undefined
  const rule = 'HandlePreVote (§9.6)'
  if (request === undefined || request.term !== term)
    return { rule, because: `grants ${to} a pre-vote of term ${term}, for which it has not asked` }
  if (term <= server.term) return { rule, because: `grants a pre-vote of term ${term} in term ${server.term}` }
  if (isUpToDate(request.last, server.log)) return undefined
  return { rule, because: `grants a pre-vote to a log that ends with ${request.last.index} of term ${request.last.term}` }
}

function ruleOnEntries({ log, commitIndex }: ReferenceServer, message: AppendEntries): Refused | undefined {
  const rule = 'AppendEntries (§3.5)'
  if (!hasRun(log, message))
    return { rule, because: `sends entries after ${message.prev.index} of term ${message.prev.term} that its log does not have there` }
  if (message.commitIndex <= commitIndex) return undefined
  return { rule, because: `says that ${message.commitIndex} is committed, it knows that of ${commitIndex}` }
}

/** What it acknowledges is on its disk. */
function ruleOnAcknowledgement(disk: ReferenceLog, matchIndex: Index, matchTerm: Term | undefined): Refused | undefined {
  const rule = 'HandleAppendEntries (§3.8)'
  const last = lastIndexOf(disk)
  if (matchIndex > last) return no(rule, `acknowledges ${matchIndex}, its disk ends at ${last}`)
  const term = termAt(disk, matchIndex)
  if (term === undefined || matchTerm === undefined || term === matchTerm) return undefined
  return no(rule, `acknowledges entry ${matchIndex} of term ${matchTerm}, its disk has one of term ${term}`)
}
