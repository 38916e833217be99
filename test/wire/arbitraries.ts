// Every message there is, valid in itself, for the round trips and the fuzzing of the codecs.
import fc from 'fast-check'
import type { ConfState, ConfStep, Entry, EntryId, PeerMessage, SnapshotMeta } from '../../src/core/types.ts'
import { type ErrorCode, errorCodes, isErrorCode } from '../../src/errors.ts'
import type {
  AdminOperation,
  AdminRefused,
  AdminReply,
  ClientMessage,
  LeaderHint,
  NodeStatus,
  QueryItem,
  QueryReplyItem,
  Refused,
  ReplyItem,
  ServerMessage,
} from '../../src/wire/client-messages.ts'
import { u48Max } from '../../src/wire/u48.ts'
import type { PeerHello, PeerWelcome } from '../../src/wire/handshake.ts'

const u16 = fc.integer({ min: 0, max: 65_535 })
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
  joining: fc.array(id, { maxLength: 3 }),
  removed: fc.array(id, { maxLength: 3 }),
  leaseMs: fc.nat({ max: 60_000 }),
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
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const stateDigest = fc.record({ low: word, high: word })
const entryId: fc.Arbitrary<EntryId> = fc.oneof(fc.constant({ term: 0, index: 0 }), fc.record({ term: id, index: id }))
const candidacy = fc.record({
  ...route,
  last: fc.oneof(fc.constant({ term: 0, index: 0 }), fc.record({ term: fc.integer({ min: 1, max: 99 }), index: id })),
  ahead: fc.integer({ min: 1, max: 5 }),
})

const checksum = fc.integer({ min: 0, max: 0xffff_ffff })
const snapshotId = fc.record({ term: id, index: id })
const snapshotQuestion = fc.oneof(
  fc.record({ ...route, term: u48, minIndex: u48, of: fc.constant(undefined), offset: fc.constant(0) }),
  fc.record({ ...route, term: u48, minIndex: u48, of: fc.record({ id: snapshotId, checksum }), offset: u48 }),
)
const snapshotPiece: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('SnapshotChunk'),
    ...route,
    term: u48,
    snapshot: fc.constant(undefined),
    offset: fc.constant(0),
    data: fc.constant(none),
  }),
  fc
    .record({ ...route, id: snapshotId, conf, checksum, offset: fc.nat({ max: 1_000_000 }), data: bytes, more: fc.nat({ max: 100 }) })
    .map(({ id, conf, checksum, offset, data, more, ...rest }): PeerMessage => {
      const snapshot: SnapshotMeta = { id, conf, bytes: offset + data.length + more, checksum }
      return { kind: 'SnapshotChunk', ...rest, term: id.term, snapshot, offset, data }
    }),
)

const ids = fc.array(id, { maxLength: 3 })
const repairMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ kind: fc.constant('Recall'), ...route, term: u48, incarnation: id, nonce: u48, awaited: ids }),
  fc
    .record({
      ...route,
      nonce: u48,
      match: entryId,
      held: entryId,
      ahead: fc.tuple(fc.nat(3), fc.nat(3)),
      isForgetful: fc.boolean(),
      isConfLasting: fc.boolean(),
      ids,
    })
    .map(({ match, held, ahead: [later, latest], ids, ...rest }): PeerMessage => {
      const matchTerm = Math.min(u48Max, match.term + later)
      const votedTerm = Math.max(matchTerm, held.term)
      const term = Math.min(u48Max, votedTerm + latest)
      return { kind: 'RecallReply', ...rest, term, match, matchTerm, votedTerm, held, voters: ids, gone: ids.slice(1) }
    }),
  fc.record({ kind: fc.constant('EntriesRequest'), ...route, term: u48, firstIndex: id, lastIndex: u48 }),
  fc.record({ ...route, run, ahead: fc.nat(3) }).map(({ run: { prev, entries, lastTerm }, ahead, ...rest }): PeerMessage => {
    return { kind: 'EntriesChunk', ...rest, term: lastTerm + ahead, firstIndex: prev.index + 1, entries }
  }),
  fc.record({ kind: fc.constant('DigestReport'), ...route, term: u48, index: id, digest: stateDigest, asks: fc.boolean() }),
  fc.record({
    kind: fc.constant('DigestsRequest'),
    ...route,
    term: u48,
    firstIndex: id,
    lastIndex: id,
    stride: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  }),
  fc.record({
    kind: fc.constant('DigestsChunk'),
    ...route,
    term: u48,
    firstIndex: id,
    stride: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    digests: fc.array(stateDigest, { maxLength: 20 }),
  }),
)

export const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  candidacy.map(({ from, to, last, ahead }): PeerMessage => ({ kind: 'PreVote', from, to, term: last.term + ahead, last })),
  candidacy.map(
    ({ from, to, last, ahead }): PeerMessage => ({ kind: 'RequestVote', from, to, term: last.term + ahead, last, transfer: ahead > 2 }),
  ),
  fc.record({ kind: fc.constantFrom('PreVoteReply', 'RequestVoteReply'), ...route, term: u48, granted: fc.boolean() }),
  fc
    .record({ ...route, run, ahead: fc.integer({ min: 0, max: 3 }), commitIndex: u48 })
    .map(({ from, to, run: { prev, entries, lastTerm }, ahead, commitIndex }): PeerMessage => {
      return { kind: 'AppendEntries', from, to, term: lastTerm + ahead, prev, entries, commitIndex }
    }),
  fc.record({ kind: fc.constant('AppendEntriesReply'), ...route, term: u48, ok: fc.constant(true), matchIndex: u48 }),
  fc.record({ kind: fc.constant('AppendEntriesReply'), ...route, term: u48, ok: fc.constant(false), prevIndex: u48, hint: entryId }),
  fc.record({ kind: fc.constant('Heartbeat'), ...route, term: id, commitIndex: u48, round: u48 }),
  fc
    .record({ kind: fc.constant('HeartbeatReply'), ...route, term: u48, round: u48, isFull: fc.boolean() })
    .map(({ isFull, ...reply }) => (isFull ? { ...reply, isFull } : reply)),
  fc
    .record({ ...route, last: entryId, ahead: fc.integer({ min: 1, max: 5 }) })
    .map(
      ({ last, ahead, ...rest }): PeerMessage => ({ kind: 'InstallSnapshot', ...rest, last, term: Math.min(u48Max, last.term + ahead) }),
    ),
  fc.record({ kind: fc.constant('InstallSnapshotReply'), ...route, term: u48, hint: entryId }),
  fc.record({ kind: fc.constant('TimeoutNow'), ...route, term: id }),
  fc.record({ kind: fc.constant('ReadIndex'), ...route, term: u48, nonce: u48, counter: u48 }),
  fc.record({ kind: fc.constant('ReadIndexReply'), ...route, term: id, nonce: u48, counter: u48, index: u48 }),
  snapshotQuestion.map((question): PeerMessage => ({ kind: 'SnapshotRequest', ...question })),
  snapshotPiece,
  repairMessage,
  fc.record({ kind: fc.constant('Halted'), ...route, term: u48, index: id }),
  fc.record({
    kind: fc.constant('VersionsKnown'),
    ...route,
    term: u48,
    versions: fc
      .uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 5 })
      .map((versions) => versions.sort((a, b) => a - b).map((version) => ({ version, wire: `hash of ${version}` }))),
  }),
)

const commandItems = fc
  .uniqueArray(fc.record({ seq: u48, command: bytes }), { selector: ({ seq }) => seq, minLength: 1, maxLength: 6 })
  .map((items) => [...items].sort((a, b) => a.seq - b.seq))

const query: fc.Arbitrary<QueryItem> = fc.oneof(
  fc.record({
    requestId: u48,
    consistency: fc.constantFrom('linearizable', 'stale', 'lease'),
    atLeast: fc.constant(0),
    query: bytes,
  }),
  fc.record({ requestId: u48, consistency: fc.constant('atLeast'), atLeast: u48, query: bytes }),
)
const leaseMs = fc.nat({ max: 60_000 })
const confStep: fc.Arbitrary<ConfStep> = fc.oneof(
  fc.record({ kind: fc.constantFrom('addLearner', 'update'), member, joining: fc.boolean() }),
  fc.record({ kind: fc.constantFrom('promote', 'demote', 'suspend', 'remove'), id }),
  fc.record({ kind: fc.constant('setLease'), leaseMs }),
)
const operation: fc.Arbitrary<AdminOperation> = fc.oneof(
  fc.record({ kind: fc.constant('changeConf'), steps: fc.array(confStep, { maxLength: 4 }), force: fc.boolean() }),
  fc.record({ kind: fc.constant('transfer'), to: fc.option(id, { nil: undefined }) }),
  fc.record({ kind: fc.constant('members') }),
  fc.record({ kind: fc.constant('skip'), index: id }),
  fc.record({ kind: fc.constant('activate'), version: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }) }),
)

export const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({ kind: fc.constant('Hello'), clusterId: text, machine: text, version: u48, wire: text }),
  fc.record({ kind: fc.constant('OpenSession'), requestId: u48 }),
  fc.record({ kind: fc.constant('Commands'), session: u48, ackedBelow: u48, items: commandItems }),
  fc.record({
    kind: fc.constant('Queries'),
    items: fc.array(query, { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('KeepAlive'), session: u48, ackedBelow: u48 }),
  fc.record({ kind: fc.constant('CloseSession'), session: u48 }),
  fc.record({ kind: fc.constant('StatusRequest'), requestId: u48, digest: fc.boolean() }),
  fc.record({ kind: fc.constant('AdminRequest'), requestId: u48, operation }),
  fc.record({
    kind: fc.constant('JoinRequest'),
    requestId: u48,
    id,
    peer: text,
    client: text,
    voter: fc.constantFrom(true, false, undefined),
  }),
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
  firstIndex: u48,
  lastIndex: u48,
  snapshotIndex: u48,
  conf,
  sessions: u48,
  digest: text,
  fence: fc.option(fc.record({ floor: fc.option(fc.record({ term: u48, index: u48 }), { nil: undefined }) }), {
    nil: undefined,
  }),
  disk: fc.record({
    leftBytes: fc.option(u48, { nil: undefined }),
    isFull: fc.boolean(),
    hungMs: fc.option(u48, { nil: undefined }),
  }),
  divergence: fc.option(
    fc.record({
      standing: fc.constantFrom('sound' as const, 'doubtful' as const, 'fenced' as const),
      checkedIndex: u48,
      others: fc.array(id, { maxLength: 5 }),
      index: fc.option(u48, { nil: undefined }),
      isFirst: fc.boolean(),
      command: fc.option(text, { nil: undefined }),
    }),
    { nil: undefined },
  ),
  halted: fc.option(fc.record({ index: id, command: text, message: text, isFatal: fc.boolean() }), { nil: undefined }),
  schema: fc.record(
    {
      version: u16,
      next: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
      lacking: fc.array(id, { maxLength: 5 }),
      failed: text.filter((why) => why !== ''),
    },
    { requiredKeys: ['version', 'next', 'lacking'] },
  ),
})

const adminRefused: fc.Arbitrary<AdminRefused | undefined> = fc.option(
  fc
    .tuple(refusal, fc.constantFrom<AdminRefused['reason']>(undefined, 'confPending', 'quorumUnreachable', 'noTarget'))
    .map(([value, reason]) => ({ ...value, reason })),
  { nil: undefined },
)
const progress = fc.record({
  id,
  state: fc.constantFrom('leader', 'probe', 'replicate', 'snapshot'),
  isActive: fc.boolean(),
  isCaughtUp: fc.boolean(),
  matchIndex: u48,
})
const members: fc.Arbitrary<AdminReply['members']> = fc.option(
  fc.record({
    leader: id,
    term: u48,
    commitIndex: u48,
    conf,
    progress: fc.array(progress, { maxLength: 4 }),
    electionTimeoutMs: leaseMs,
  }),
  { nil: undefined },
)

export const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('Welcome'),
    clusterId: text,
    nodeId: id,
    leader,
    servers: fc.array(text, { maxLength: 4 }),
    commandBytesMax: u48,
    keepAliveMs: u48,
    version: u16,
  }),
  fc.record({ kind: fc.constant('SessionOpened'), requestId: u48, session: u48, refused }),
  fc.record({
    kind: fc.constant('Replies'),
    session: u48,
    items: fc.array(
      fc
        .tuple(u48, u48, outcome, fc.option(text, { nil: undefined }))
        .map(([seq, index, rest, failure]): ReplyItem => ({ seq, index, ...rest, ...(failure === undefined ? {} : { failure }) })),
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
  fc.record({ kind: fc.constant('AdminReply'), requestId: u48, refused: adminRefused, members }),
  fc.record({
    kind: fc.constant('JoinReply'),
    requestId: u48,
    refused: adminRefused,
    clusterId: text,
    incarnation: u48,
    conf: fc.option(conf, { nil: undefined }),
    minIndex: u48,
  }),
)

const diskId = fc.option(
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  { nil: undefined },
)
export const peerHello: fc.Arbitrary<PeerHello> = fc.record({
  clusterId: text,
  from: id,
  incarnation: id,
  to: id,
  machine: text,
  version: u16,
  wire: text,
  bootNonce: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((nonce) => Buffer.from(nonce).toString('hex')),
  peer: text,
  diskId,
})
export const peerWelcome: fc.Arbitrary<PeerWelcome> = fc.record({ clusterId: text, nodeId: id, incarnation: id, diskId })
