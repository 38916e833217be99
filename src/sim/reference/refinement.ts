// Watches one life of one core: after each input, some sequence of the rules must lead from what it was to what it is, and whatever it sends must
// be what such a server may say. It keeps the reference's own account of votes, acknowledgements and the disk, made from inputs alone.
import type { Input, Ready } from '../../core/api.ts'
import { unreachable } from '../../core/invariant.ts'
import type { Entry, EntryId, Index, Message, NodeId, Persist, SoftState, Term } from '../../core/types.ts'
import { type Moment, whyNever } from './moment.ts'
import { ReadRules } from './read-rules.ts'
import { commonIndex, entryAt, isSameEntry, lastIndexOf, type ReferenceEntry, termAt, written } from './reference-log.ts'
import { type ReferenceServer, type ReferenceStart, restarted } from './reference-server.ts'
import {
  advanceCommit,
  becomeCandidate,
  becomeLeader,
  becomePreCandidate,
  changeConf,
  clientRequest,
  compact,
  followCommit,
  grantVote,
  handleAppend,
  installSnapshot,
  isRefused,
  type Refused,
  type Ruling,
  stepDown,
  updateTerm,
} from './rules.ts'
import { ruleOnLeaving, ruleOnSaying } from './sending.ts'

/** What a core shows of itself. */
export interface CoreView {
  readonly role: SoftState['role']
  readonly term: Term
  readonly votedFor: NodeId | undefined
  readonly commitIndex: Index
  readonly base: EntryId
  readonly lastIndex: Index
  termAt(index: Index): Term | undefined
  /** `undefined` where it is on the disk only. */
  entry(index: Index): Entry | undefined
}

export class Refinement {
  #server: ReferenceServer
  readonly #reads = new ReadRules()
  /** What it was after each input since it was last asked what to do: any of them may be why it says something. */
  #moments: readonly Moment[]
  /** The write in flight. */
  #writing: Persist | undefined
  #refused: Refused | undefined
  /** Of acknowledgements that were given out: the term of the entry. */
  readonly #matchTerms = new WeakMap<Message, Term>()

  constructor(start: ReferenceStart) {
    this.#server = restarted(start)
    this.#moments = [{ server: this.#server, input: undefined }]
  }

  /** The first thing that no rule allows. */
  get refused(): Refused | undefined {
    return this.#refused
  }

  /** What this account adds to the state of the core: two that differ in it may be judged differently later. */
  get account(): unknown {
    const { role, preVotes, votes, match, provenIndex, isAsked } = this.#server
    return {
      preVotes: role === 'preCandidate' ? byServer(preVotes) : undefined,
      votes: role === 'candidate' ? byServer(votes) : undefined,
      match: role === 'leader' ? match : undefined,
      provenIndex: this.#writing === undefined ? 0 : provenIndex,
      isAsked,
      reads: this.#reads.account,
    }
  }

  /** `input` was stepped, and `view` is what came of it. */
  stepped(input: Input, view: CoreView): void {
    if (this.#refused !== undefined) return
    const ruling = this.#explain(input, view)
    if (isRefused(ruling)) this.#refused = ruling
    else this.#server = ruling.server
    this.#moments = [...this.#moments, { server: this.#server, input }]
    this.#reads.stepped(input, this.#server)
  }

  /** `ready` was given out; what it sends after a write is sent when the write is done. */
  readied({ persist, send, sendAfterPersist, reads }: Pick<Ready, 'persist' | 'send' | 'sendAfterPersist' | 'reads'>): void {
    for (const message of [...send, ...sendAfterPersist]) this.#said(message)
    if (persist !== undefined) this.#writing = persist
    this.sent(send)
    if (persist === undefined) this.sent(sendAfterPersist)
    for (const { id, index } of reads) this.#refused ??= this.#reads.onGrant({ id, index }, this.#moments)
    // Every answer is out.
    if (this.#writing === undefined) this.#server = { ...this.#server, provenIndex: 0 }
    this.#moments = [{ server: this.#server, input: undefined }]
    this.#reads.settled()
  }

  /** The write in flight is on the disk; the input that says so follows. */
  written(): void {
    const { durable } = this.#server
    if (this.#writing === undefined) return
    const { hardState } = this.#writing
    this.#server = { ...this.#server, durable: { hardState, log: written(durable.log, this.#writing) } }
    this.#writing = undefined
  }

  /** Messages leave. */
  sent(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#refused ??= ruleOnLeaving(this.#server, message, this.#matchTerms.get(message))
    }
  }

  #said(message: Message): void {
    this.#refused ??= whyNever(this.#moments, ({ server, input }) => ruleOnSaying(server, message, input))
    this.#refused ??= this.#reads.onSend(message, this.#moments)
    const matchTerm = message.kind === 'AppendEntriesReply' && message.ok ? termAt(this.#server.log, message.matchIndex) : undefined
    if (matchTerm !== undefined) this.#matchTerms.set(message, matchTerm)
  }

  #explain(input: Input, view: CoreView): Ruling {
    let ruling = takeInput(this.#server, input, view)
    for (const stage of [campaign, lead, append, retire, shorten]) {
      if (isRefused(ruling)) return ruling
      ruling = stage(ruling.server, view, input)
    }
    return isRefused(ruling) ? ruling : (unexplained(ruling.server, view, { before: this.#server, input }) ?? ruling)
  }
}

/** What the input itself may do. */
function takeInput(server: ReferenceServer, input: Input, view: CoreView): Ruling {
  switch (input.kind) {
    case 'receive':
      return receive(server, input.message, view)
    case 'tick':
      // Whoever is in the middle of it may ask again: what was granted in this term still counts.
      return server.role !== 'preCandidate' && (view.role === 'preCandidate' || isOnItsWay(server, view))
        ? becomePreCandidate(server)
        : { server }
    case 'snapshotReceived': {
      const { base, term } = input
      const newest = Math.max(term, base.id.term)
      const isIgnored = view.commitIndex < base.id.index || view.role === 'leader'
      if (isIgnored || base.id.index <= server.commitIndex) return view.term > server.term ? updateTerm(server, newest) : { server }
      const adopted = view.term > server.term ? updateTerm(server, newest) : ({ server } satisfies Ruling)
      return isRefused(adopted) ? adopted : installSnapshot(adopted.server, base)
    }
    case 'recalled': {
      const { hardState } = input
      // A vote of a term before this one binds nobody any more.
      if (hardState === undefined || hardState.term < server.term || view.term < hardState.term) return { server }
      if (view.term > server.term) return updateTerm(server, view.term, view.term === hardState.term ? hardState.votedFor : undefined)
      return { server: { ...server, votedFor: server.votedFor ?? hardState.votedFor } }
    }
    case 'repaired': {
      const last = input.entries.at(-1)
      if (last === undefined || view.lastIndex === lastIndexOf(server.log)) return { server }
      const adopted = last.term > server.term ? updateTerm(server, last.term) : ({ server } satisfies Ruling)
      if (isRefused(adopted)) return adopted
      const { log } = adopted.server
      return { server: { ...adopted.server, log: { ...log, entries: [...log.entries, ...input.entries] } } }
    }
    case 'propose':
    case 'read':
    case 'changeConf':
    case 'transfer':
    case 'persisted':
    case 'applied':
    case 'fetched':
    case 'unreachable':
    case 'peerUp':
    case 'peerDown':
    case 'disk':
    case 'stateLost':
    case 'sound':
    case 'compact':
      return { server }
    default:
      return unreachable(input)
  }
}

/** A server that needs nobody's vote but its own is elected within one tick. */
const isOnItsWay = (server: ReferenceServer, view: CoreView): boolean => server.role !== 'leader' && view.term === server.term + 1

/** Whatever is received may also be ignored, as if it were lost: then nothing at all changes. */
function receive(server: ReferenceServer, message: Message, view: CoreView): Ruling {
  const isPreVoting = message.kind === 'PreVote' || (message.kind === 'PreVoteReply' && message.granted)
  let ruling: Ruling = { server }
  if (message.term > server.term && !isPreVoting) {
    if (view.term < message.term) return { server }
    ruling = updateTerm(server, message.term)
  }
  if (isRefused(ruling)) return ruling
  const { server: adopted } = ruling
  return message.term < adopted.term ? ruling : receiveCurrent(adopted, message, view)
}

function receiveCurrent(server: ReferenceServer, message: Message, view: CoreView): Ruling {
  const { from } = message
  switch (message.kind) {
    case 'RequestVote':
      return view.votedFor === from && server.votedFor !== from && view.term === server.term ? grantVote(server, message) : { server }
    case 'RequestVoteReply':
      return message.granted && server.role === 'candidate'
        ? { server: { ...server, votes: new Set([...server.votes, from]) } }
        : { server }
    case 'PreVoteReply':
      return message.granted && server.role === 'preCandidate' && message.term === server.term + 1
        ? { server: { ...server, preVotes: new Set([...server.preVotes, from]) } }
        : { server }
    case 'AppendEntries':
      return handleAppend(server, message)
    case 'Heartbeat':
      return view.commitIndex === server.commitIndex ? { server } : followCommit(server, message.commitIndex)
    case 'TimeoutNow':
      return { server: { ...server, isAsked: server.role !== 'leader' } }
    case 'AppendEntriesReply': {
      if (!message.ok || server.role !== 'leader' || message.matchIndex > lastIndexOf(server.log)) return { server }
      const match = Math.max(message.matchIndex, server.match.get(from) ?? 0)
      return { server: { ...server, match: new Map([...server.match, [from, match]]) } }
    }
    default:
      return { server }
  }
}

/** It has a later term than any rule has given it so far: its own. */
function campaign(server: ReferenceServer, view: CoreView): Ruling {
  const isOwn = view.term === server.term + 1 && view.votedFor === server.id
  return isOwn ? becomeCandidate(server) : { server }
}

function lead(server: ReferenceServer, view: CoreView): Ruling {
  return view.role === 'leader' && server.role !== 'leader' && view.term === server.term ? becomeLeader(server) : { server }
}

/** What a leader appends and commits: one may be what the other waits for, so they take turns. */
function append(server: ReferenceServer, view: CoreView, input: Input): Ruling {
  let ruling: Ruling = { server }
  const commands = input.kind === 'propose' ? [...input.commands] : []
  while (!isRefused(ruling) && ruling.server.role === 'leader') {
    const committed = commitSome(ruling.server, view)
    const entry = nextEntry(committed, view)
    if (entry === undefined)
      return committed.commitIndex === view.commitIndex ? { server: committed } : advanceCommit(committed, view.commitIndex)
    ruling = appendOne(committed, entry, commands)
  }
  return ruling
}

function appendOne(server: ReferenceServer, entry: ReferenceEntry, commands: Uint8Array[]): Ruling {
  if (entry.kind === 'conf') return changeConf(server, entry)
  const data = commands.shift()
  const isAsked = entry.kind === 'command' && data !== undefined && isSameEntry(entry, { ...entry, data })
  if (isAsked) return clientRequest(server, entry)
  return {
    rule: 'ClientRequest (§3.5)',
    because: `a ${entry.kind} is appended at ${lastIndexOf(server.log) + 1}, which nobody has proposed`,
  }
}

/** As far as the rules let it, towards where it is. */
function commitSome(server: ReferenceServer, view: CoreView): ReferenceServer {
  for (let index = Math.min(view.commitIndex, lastIndexOf(server.log)); index > server.commitIndex; index--) {
    const ruling = advanceCommit(server, index)
    if (!isRefused(ruling)) return ruling.server
  }
  return server
}

/** That the core has appended, and the reference has not. */
function nextEntry(server: ReferenceServer, view: CoreView): ReferenceEntry | undefined {
  const index = lastIndexOf(server.log) + 1
  return index > view.lastIndex ? undefined : view.entry(index)
}

/** A leader, or whoever would be one, may stop at any time. */
const retire = (server: ReferenceServer, view: CoreView): Ruling =>
  view.role === 'follower' && server.role !== 'follower' ? stepDown(server) : { server }

const shorten = (server: ReferenceServer, view: CoreView): Ruling =>
  view.base.index > server.log.base.id.index ? compact(server, view.base) : { server }

/** A difference that is left when all that was allowed is done. */
function unexplained(
  server: ReferenceServer,
  view: CoreView,
  { before, input }: { before: ReferenceServer; input: Input },
): Refused | undefined {
  const name = input.kind === 'receive' ? input.message.kind : input.kind
  const differ = (what: string, is: unknown, allowed: unknown, was: unknown): Refused => ({
    rule: `no rule changes the ${what} so`,
    because: `${name}: it was ${was} and is ${is}, the rules lead to ${allowed}`,
  })
  if (view.term !== server.term) return differ('term', view.term, server.term, before.term)
  if (view.votedFor !== server.votedFor) return differ('vote', view.votedFor, server.votedFor, before.votedFor)
  if (view.role !== server.role) return differ('role', view.role, server.role, before.role)
  if (view.commitIndex !== server.commitIndex) return differ('commit index', view.commitIndex, server.commitIndex, before.commitIndex)
  if (view.base.index !== server.log.base.id.index)
    return differ('base', view.base.index, server.log.base.id.index, before.log.base.id.index)
  if (view.lastIndex !== lastIndexOf(server.log))
    return differ('last index', view.lastIndex, lastIndexOf(server.log), lastIndexOf(before.log))
  return differentEntry(server, view, commonIndex(before.log, server.log))
}

/** Terms all along; what is in the entries only where they are new. */
function differentEntry({ log }: ReferenceServer, view: CoreView, knownIndex: Index): Refused | undefined {
  for (let index = log.base.id.index; index <= view.lastIndex; index++) {
    const entry = index > knownIndex ? view.entry(index) : undefined
    const expected = entryAt(log, index)
    const isSame = view.termAt(index) === termAt(log, index)
    if (isSame && (entry === undefined || expected === undefined || isSameEntry(entry, expected))) continue
    const is = `${entry?.kind ?? 'entry'} of term ${view.termAt(index)}`
    return {
      rule: 'no rule changes the log so',
      because: `entry ${index} is a ${is}, the rules lead to a ${expected?.kind} of term ${termAt(log, index)}`,
    }
  }
  return undefined
}

/** As a map, so that it can be told whose it is. */
const byServer = (ids: ReadonlySet<NodeId>): ReadonlyMap<NodeId, boolean> => new Map([...ids].map((id) => [id, true]))
