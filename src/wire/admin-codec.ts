// Operations on the cluster, and their answers, as bytes. Both directions, since they are read together; rare, so that clarity comes first.
import { unreachable } from '../core/invariant.ts'
import type { ConfStep } from '../core/types.ts'
import { type ByteReader, type ByteWriter, WireError } from './bytes.ts'
import type { AdminOperation, AdminRefused, AdminReply, AdminRequest, JoinReply, JoinRequest, MemberProgress } from './client-messages.ts'
import { confMembersMax, readConf, readMember, writeConf, writeMember } from './entry-codec.ts'
import { readRefused, writeRefused } from './refused-codec.ts'

/** Steps of one change that a server reads. Each names another member, so no sensible one comes near. */
export const confStepsMax = 256

/** Positions in these lists are their numbers on the wire, for good: new ones are added at the end. */
const operations = ['changeConf', 'transfer', 'members', 'skip', 'activate'] as const satisfies readonly AdminOperation['kind'][]
const steps = ['addLearner', 'promote', 'demote', 'remove', 'update', 'setLease', 'suspend'] as const satisfies readonly ConfStep['kind'][]
const progressStates = ['leader', 'probe', 'replicate', 'snapshot'] as const satisfies readonly MemberProgress['state'][]

type Reason = NonNullable<AdminRefused['reason']>
/** Reasons travel by name. The value says nothing; the type sees to it that none is missing. */
const reasons: Readonly<Record<Reason, true>> = {
  notCommittedInTerm: true,
  confPending: true,
  noSteps: true,
  unknownId: true,
  duplicateId: true,
  removedId: true,
  notLearner: true,
  notVoter: true,
  badIncarnation: true,
  noVoters: true,
  membersMax: true,
  badLease: true,
  quorumUnreachable: true,
  notCaughtUp: true,
  transferPending: true,
  transferToSelf: true,
  noTarget: true,
  notHalted: true,
  quorumNotHalted: true,
  versionUnknown: true,
  membersLackVersion: true,
  migrationFailed: true,
}
const isReason = (name: string): name is Reason => Object.hasOwn(reasons, name)

export function writeAdminRequest(body: ByteWriter, { requestId, operation }: AdminRequest): void {
  body.u48(requestId)
  body.u8(operations.indexOf(operation.kind))
  switch (operation.kind) {
    case 'changeConf':
      body.u8(operation.force ? 1 : 0)
      body.u32(operation.steps.length)
      for (const step of operation.steps) writeStep(body, step)
      break
    case 'transfer':
      // No node has id 0.
      body.u48(operation.to ?? 0)
      break
    case 'skip':
      body.u48(operation.index)
      break
    case 'activate':
      body.u16(operation.version ?? 0)
      break
    case 'members':
      break
    default:
      unreachable(operation)
  }
}

export function readAdminRequest(reader: ByteReader): AdminRequest {
  const requestId = reader.u48('request id')
  return { kind: 'AdminRequest', requestId, operation: readOperation(reader) }
}

function readOperation(reader: ByteReader): AdminOperation {
  const number = reader.u8('operation')
  const kind = operations[number]
  switch (kind) {
    case 'changeConf':
      return { kind, force: reader.boolean('force'), steps: readSteps(reader) }
    case 'transfer': {
      const to = reader.u48('target')
      return { kind, to: to === 0 ? undefined : to }
    }
    case 'skip':
      return { kind, index: reader.positive('index of a command') }
    case 'activate': {
      const version = reader.u16('schema version')
      return { kind, version: version === 0 ? undefined : version }
    }
    case 'members':
      return { kind }
    case undefined:
      throw new WireError(`${number} is not the number of an operation on the cluster`)
    default:
      return unreachable(kind)
  }
}

function writeStep(body: ByteWriter, step: ConfStep): void {
  body.u8(steps.indexOf(step.kind))
  switch (step.kind) {
    case 'addLearner':
    case 'update':
      writeMember(body, step.member)
      body.u8(step.joining ? 1 : 0)
      break
    case 'promote':
    case 'demote':
    case 'suspend':
    case 'remove':
      body.u48(step.id)
      break
    case 'setLease':
      body.u32(step.leaseMs)
      break
    default:
      unreachable(step)
  }
}

function readSteps(reader: ByteReader): readonly ConfStep[] {
  const count = reader.count(5, 'steps')
  if (count > confStepsMax) throw new WireError(`a change has ${count} steps, at most ${confStepsMax} are allowed`)
  const read: ConfStep[] = []
  for (let i = 0; i < count; i++) read.push(readStep(reader))
  return read
}

function readStep(reader: ByteReader): ConfStep {
  const number = reader.u8('step')
  const kind = steps[number]
  switch (kind) {
    case 'addLearner':
    case 'update':
      return { kind, member: readMember(reader), joining: reader.boolean('joining') }
    case 'promote':
    case 'demote':
    case 'suspend':
    case 'remove':
      return { kind, id: reader.positive('id of a member') }
    case 'setLease':
      return { kind, leaseMs: reader.u32('duration of leases') }
    case undefined:
      throw new WireError(`${number} is not the number of a step`)
    default:
      return unreachable(kind)
  }
}

export function writeJoinRequest(body: ByteWriter, { requestId, id, peer, client, voter }: JoinRequest): void {
  body.u48(requestId)
  body.u48(id)
  body.text(peer)
  body.text(client)
  body.u8(voter === undefined ? asBefore : voter ? 1 : 0)
}

export function readJoinRequest(reader: ByteReader): JoinRequest {
  return {
    kind: 'JoinRequest',
    requestId: reader.u48('request id'),
    id: reader.positive('id of a node'),
    peer: reader.text('peer address'),
    client: reader.text('client address'),
    voter: readVoter(reader),
  }
}

/** Of a `JoinRequest`, in place of 0 or 1: the role that the cluster has for this id, a voter's where it is new. */
const asBefore = 2

function readVoter(reader: ByteReader): boolean | undefined {
  const value = reader.u8('voter')
  if (value > asBefore) throw new WireError(`voter is ${value}, neither 0, 1 nor ${asBefore}`)
  return value === asBefore ? undefined : value === 1
}

function writeAdminRefused(body: ByteWriter, refused: AdminRefused | undefined): void {
  writeRefused(body, refused)
  if (refused !== undefined) body.text(refused.reason ?? '')
}

/** A reason that only a newer server knows is none: code and message say enough. */
function readAdminRefused(reader: ByteReader): AdminRefused | undefined {
  // Not a refusal of which nothing is known but its name: the change may have been made.
  const refused = readRefused(reader, 'OUTCOME_UNKNOWN')
  if (refused === undefined) return undefined
  const reason = reader.text('reason')
  return { ...refused, reason: isReason(reason) ? reason : undefined }
}

export function writeAdminReply(body: ByteWriter, { requestId, refused, members }: AdminReply): void {
  body.u48(requestId)
  writeAdminRefused(body, refused)
  body.u8(members === undefined ? 0 : 1)
  if (members === undefined) return
  body.u48(members.leader)
  body.u48(members.term)
  body.u48(members.commitIndex)
  writeConf(body, members.conf)
  body.u32(members.progress.length)
  for (const progress of members.progress) writeProgress(body, progress)
  body.u48(members.electionTimeoutMs)
}

export function readAdminReply(reader: ByteReader): AdminReply {
  const requestId = reader.u48('request id')
  const refused = readAdminRefused(reader)
  return { kind: 'AdminReply', requestId, refused, members: readMembers(reader) }
}

function readMembers(reader: ByteReader): AdminReply['members'] {
  if (!reader.boolean('members')) return undefined
  return {
    leader: reader.positive('leader'),
    term: reader.u48('term'),
    commitIndex: reader.u48('commit index'),
    conf: readConf(reader),
    progress: readProgresses(reader),
    electionTimeoutMs: reader.u48('election timeout'),
  }
}

function writeProgress(body: ByteWriter, { id, state, isActive, isCaughtUp, matchIndex }: MemberProgress): void {
  body.u48(id)
  body.u8(progressStates.indexOf(state))
  body.u8(isActive ? 1 : 0)
  body.u8(isCaughtUp ? 1 : 0)
  body.u48(matchIndex)
}

function readProgresses(reader: ByteReader): readonly MemberProgress[] {
  const count = reader.count(15, 'members')
  if (count > confMembersMax) throw new WireError(`the progress of ${count} members is told, at most ${confMembersMax} are allowed`)
  const read: MemberProgress[] = []
  for (let i = 0; i < count; i++) read.push(readProgress(reader))
  return read
}

function readProgress(reader: ByteReader): MemberProgress {
  const id = reader.positive('id of a member')
  const state = progressStates[reader.u8('state of a member')]
  if (state === undefined) throw new WireError(`member ${id} is in an unknown state`)
  return { id, state, isActive: reader.boolean('active'), isCaughtUp: reader.boolean('caught up'), matchIndex: reader.u48('match index') }
}

export function writeJoinReply(body: ByteWriter, { requestId, refused, clusterId, incarnation, conf, minIndex }: JoinReply): void {
  body.u48(requestId)
  writeAdminRefused(body, refused)
  body.text(clusterId)
  body.u48(incarnation)
  body.u8(conf === undefined ? 0 : 1)
  if (conf !== undefined) writeConf(body, conf)
  body.u48(minIndex)
}

export function readJoinReply(reader: ByteReader): JoinReply {
  return {
    kind: 'JoinReply',
    requestId: reader.u48('request id'),
    refused: readAdminRefused(reader),
    clusterId: reader.text('cluster id'),
    incarnation: reader.u48('incarnation'),
    conf: reader.boolean('conf') ? readConf(reader) : undefined,
    minIndex: reader.u48('least index'),
  }
}
