// Every message there is, valid in itself, for the round trips and the fuzzing of the codecs.
import fc from 'fast-check'
import type { ConfState, Entry, EntryId, Message } from '../../src/core/types.ts'
import { type ErrorCode, errorCodes, isErrorCode } from '../../src/errors.ts'
import type {
  ClientMessage,
  LeaderHint,
  NodeStatus,
  QueryReplyItem,
  Refused,
  ReplyItem,
  ServerMessage,
} from '../../src/wire/client-messages.ts'
import { u48Max } from '../../src/wire/bytes.ts'
import type { PeerHello, PeerWelcome } from '../../src/wire/handshake.ts'

const u48 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: u48Max }))
const id = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: u48Max }))
const bytes = fc.uint8Array({ maxLength: 40 })
const text = fc.string({ unit: 'grapheme', maxLength: 20 })

const member = fc.record({ id, incarnation: id, peer: text, client: text })
const conf: fc.Arbitrary<ConfState> = fc.record({
  members: fc.array(member, { maxLength: 3 }),
  voters: fc.array(id, { maxLength: 3 }),
  votersOutgoing: fc.array(id, { maxLength: 3 }),
  learners: fc.array(id, { maxLength: 3 }),
})

type EntryBody = Pick<Entry, 'kind' | 'data' | 'conf'>
const none = new Uint8Array(0)
const entryBody: fc.Arbitrary<EntryBody> = fc.oneof(
  bytes.map((data): EntryBody => ({ kind: 'command', data, conf: undefined })),
  conf.map((value): EntryBody => ({ kind: 'conf', data: none, conf: value })),
  fc.constant<EntryBody>({ kind: 'noop', data: none, conf: undefined }),
)

/** A previous entry, and entries that follow it with terms that never fall. */
const run = fc
  .record({
    prev: fc.record({ term: fc.integer({ min: 1, max: 1_000 }), index: fc.integer({ min: 1, max: 1_000_000 }) }),
    empty: fc.boolean(),
    steps: fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), entryBody), { maxLength: 5 }),
  })
  .map(({ prev, empty, steps }) => {
    const start: EntryId = empty ? { term: 0, index: 0 } : prev
    let term = Math.max(1, start.term)
    const entries = steps.map(([step, body], position): Entry => {
      term += step
      return { ...body, term, index: start.index + 1 + position }
    })
    return { prev: start, entries, lastTerm: term }
  })

const route = { from: id, to: id }
const entryId: fc.Arbitrary<EntryId> = fc.oneof(fc.constant({ term: 0, index: 0 }), fc.record({ term: id, index: id }))
const candidacy = fc.record({
  ...route,
  last: fc.oneof(fc.constant({ term: 0, index: 0 }), fc.record({ term: fc.integer({ min: 1, max: 99 }), index: id })),
  ahead: fc.integer({ min: 1, max: 5 }),
})

export const peerMessage: fc.Arbitrary<Message> = fc.oneof(
  candidacy.map(({ from, to, last, ahead }): Message => ({ kind: 'PreVote', from, to, term: last.term + ahead, last })),
  candidacy.map(
    ({ from, to, last, ahead }): Message => ({ kind: 'RequestVote', from, to, term: last.term + ahead, last, transfer: ahead > 2 }),
  ),
  fc.record({ kind: fc.constantFrom('PreVoteReply', 'RequestVoteReply'), ...route, term: u48, granted: fc.boolean() }),
  fc
    .record({ ...route, run, ahead: fc.integer({ min: 0, max: 3 }), commitIndex: u48 })
    .map(({ from, to, run: { prev, entries, lastTerm }, ahead, commitIndex }): Message => {
      return { kind: 'AppendEntries', from, to, term: lastTerm + ahead, prev, entries, commitIndex }
    }),
  fc.record({ kind: fc.constant('AppendEntriesReply'), ...route, term: u48, ok: fc.constant(true), matchIndex: u48 }),
  fc.record({ kind: fc.constant('AppendEntriesReply'), ...route, term: u48, ok: fc.constant(false), prevIndex: u48, hint: entryId }),
  fc.record({ kind: fc.constant('Heartbeat'), ...route, term: id, commitIndex: u48, round: u48 }),
  fc.record({ kind: fc.constant('HeartbeatReply'), ...route, term: u48, round: u48 }),
)

const commandItems = fc
  .uniqueArray(fc.record({ seq: u48, command: bytes }), { selector: ({ seq }) => seq, minLength: 1, maxLength: 6 })
  .map((items) => [...items].sort((a, b) => a.seq - b.seq))

export const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({ kind: fc.constant('Hello'), clusterId: text, machine: text, version: u48, wire: text }),
  fc.record({ kind: fc.constant('OpenSession'), requestId: u48 }),
  fc.record({ kind: fc.constant('Commands'), session: u48, ackedBelow: u48, items: commandItems }),
  fc.record({
    kind: fc.constant('Queries'),
    items: fc.array(fc.record({ requestId: u48, consistency: fc.constantFrom('linearizable', 'stale'), query: bytes }), {
      minLength: 1,
      maxLength: 6,
    }),
  }),
  fc.record({ kind: fc.constant('KeepAlive'), session: u48, ackedBelow: u48 }),
  fc.record({ kind: fc.constant('CloseSession'), session: u48 }),
  fc.record({ kind: fc.constant('StatusRequest'), requestId: u48, digest: fc.boolean() }),
)

const code: fc.Arbitrary<ErrorCode> = fc.constantFrom(...Object.keys(errorCodes).filter(isErrorCode))
const refusal: fc.Arbitrary<Refused> = fc.record({
  code: fc.oneof(code, fc.constantFrom('NOT_LEADER', 'RETRY')),
  message: text,
})
const refused = fc.option(refusal, { nil: undefined })
const leader: fc.Arbitrary<LeaderHint | undefined> = fc.option(fc.record({ id, client: text }), { nil: undefined })
const outcome = fc.oneof(
  bytes.map((reply) => ({ reply, refused: undefined })),
  refusal.map((value) => ({ reply: none, refused: value })),
)
const status: fc.Arbitrary<NodeStatus> = fc.record({
  nodeId: id,
  clusterId: text,
  role: fc.constantFrom('follower', 'preCandidate', 'candidate', 'leader'),
  term: u48,
  leader: fc.option(id, { nil: undefined }),
  commitIndex: u48,
  lastApplied: u48,
  lastIndex: u48,
  sessions: u48,
  digest: text,
})

export const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('Welcome'),
    clusterId: text,
    nodeId: id,
    leader,
    servers: fc.array(text, { maxLength: 4 }),
    commandBytesMax: u48,
    keepAliveMs: u48,
  }),
  fc.record({ kind: fc.constant('SessionOpened'), requestId: u48, session: u48, refused }),
  fc.record({
    kind: fc.constant('Replies'),
    session: u48,
    items: fc.array(
      fc.tuple(u48, u48, outcome).map(([seq, index, rest]): ReplyItem => ({ seq, index, ...rest })),
      { minLength: 1, maxLength: 6 },
    ),
  }),
  fc.record({
    kind: fc.constant('QueryReplies'),
    items: fc.array(
      fc.tuple(u48, u48, outcome).map(([requestId, index, rest]): QueryReplyItem => ({ requestId, index, ...rest })),
      { minLength: 1, maxLength: 6 },
    ),
  }),
  fc.record({ kind: fc.constant('LeaderChanged'), leader }),
  fc.record({ kind: fc.constant('StatusReply'), requestId: u48, status }),
  fc.record({ kind: fc.constant('Goodbye'), code, message: text }),
  fc.record({ kind: fc.constant('KeepAliveReply'), session: u48, alive: fc.boolean() }),
)

export const peerHello: fc.Arbitrary<PeerHello> = fc.record({
  clusterId: text,
  from: id,
  incarnation: id,
  to: id,
  machine: text,
  wire: text,
  bootNonce: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((nonce) => Buffer.from(nonce).toString('hex')),
})
export const peerWelcome: fc.Arbitrary<PeerWelcome> = fc.record({ clusterId: text, nodeId: id, incarnation: id })
