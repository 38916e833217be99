import { RaftgenError } from '../errors.ts'
import type { AdminRefused } from '../wire/client-messages.ts'

export type ChangeRefusalReason = Exclude<AdminRefused['reason'], undefined>

/** Whether the cluster may do the same later: because a change ends, a leader settles in, or nodes come back. The others are for good. */
const passing: Readonly<Record<ChangeRefusalReason, boolean>> = {
  notCommittedInTerm: true,
  confPending: true,
  transferPending: true,
  quorumUnreachable: true,
  notCaughtUp: true,
  noTarget: true,
  noSteps: false,
  unknownId: false,
  duplicateId: false,
  removedId: false,
  notLearner: false,
  notVoter: false,
  badIncarnation: false,
  noVoters: false,
  membersMax: false,
  badLease: false,
  transferToSelf: false,
  notHalted: false,
  quorumNotHalted: true,
  versionUnknown: false,
  membersLackVersion: true,
  migrationFailed: false,
}

/** What has no reason for programs passes when somebody does what the sentence says. */
export const mayPass = (reason: ChangeRefusalReason | undefined): boolean => reason === undefined || passing[reason]

/** CHANGE_REFUSED, with what a program can act on; `retryable` where the cluster may do the same later. */
export class ChangeRefused extends RaftgenError {
  /** Why; `undefined` where the sentence says all there is. */
  readonly reason: ChangeRefusalReason | undefined

  constructor(message: string, reason: ChangeRefusalReason | undefined) {
    super('CHANGE_REFUSED', message, { retryable: mayPass(reason) })
    this.reason = reason
  }
}

/** A refusal that came over the wire, as what is thrown. */
export function refusalError({ code, message, reason }: AdminRefused): RaftgenError {
  if (code === 'CHANGE_REFUSED') return new ChangeRefused(message, reason)
  // These two are for clients to resolve; what is left of them at a deadline is that nobody did it.
  if (code === 'NOT_LEADER' || code === 'RETRY') return new RaftgenError('UNAVAILABLE', message)
  return new RaftgenError(code, message)
}
