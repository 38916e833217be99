// Changes of a cluster as operators write them, checked and turned into what travels.
import { unreachable } from '../core/invariant.ts'
import { leaseMsMax, nodeIdMax } from '../core/limits.ts'
import type { ConfStep, Member, Ms, NodeId } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { ClusterMember } from './cluster-view.ts'
import { checkAddress } from './options.ts'

/** A member as an operator names it. */
export interface MemberAddresses {
  readonly id: NodeId
  /** `host:port` for the other members. */
  readonly peer: string
  /** `host:port` for clients. */
  readonly client: string
}

/** One step of a change; the steps of one change take effect together. */
export type ChangeStep =
  /** Gets the log, and never votes until it is promoted. */
  | { readonly kind: 'addLearner'; readonly member: MemberAddresses }
  /** Begins as a learner; the leader makes it a voter as soon as it has caught up. */
  | { readonly kind: 'addVoter'; readonly member: MemberAddresses }
  | { readonly kind: 'promote'; readonly id: NodeId }
  | { readonly kind: 'demote'; readonly id: NodeId }
  /** For good: the id is never used again. */
  | { readonly kind: 'remove'; readonly id: NodeId }
  /** New addresses of a member. */
  | { readonly kind: 'update'; readonly member: MemberAddresses }

/** Steps of one change: more members than any cluster has. */
const stepsMax = 256

/** Throws BAD_OPTIONS that names the first thing that is wrong. */
export function checkSteps(steps: readonly ChangeStep[]): void {
  if (!Array.isArray(steps) || steps.length === 0 || steps.length > stepsMax)
    throw bad(`a change has 1 to ${stepsMax} steps, not ${Array.isArray(steps) ? steps.length : show(steps)}`)
  for (const step of steps) checkStep(step)
}

export function checkId(id: NodeId, what: string): void {
  if (!Number.isInteger(id) || id < 1 || id > nodeIdMax)
    throw bad(`${what} is ${show(id)}, not the id of a node: ids are whole numbers from 1`)
}

export function leaseMsOf(lease: { readonly durationMs: Ms } | 'off'): Ms {
  if (lease === 'off') return 0
  const durationMs = typeof lease === 'object' && lease !== null ? lease.durationMs : lease
  if (Number.isInteger(durationMs) && durationMs >= 1 && durationMs <= leaseMsMax) return durationMs
  throw bad(
    `the duration of leases is ${show(durationMs)}, not whole milliseconds from 1 to ${leaseMsMax}: write { durationMs: 1_000 }, or 'off'`,
  )
}

/** `members`: those of now. An update leaves their incarnations as they are; who is not there yet begins with 1. */
export function confSteps(steps: readonly ChangeStep[], members: readonly ClusterMember[]): readonly ConfStep[] {
  return steps.map((step) => {
    switch (step.kind) {
      case 'addLearner':
        return { kind: 'addLearner', member: memberOf(step.member, 1), joining: false }
      case 'addVoter':
        return { kind: 'addLearner', member: memberOf(step.member, 1), joining: true }
      case 'update': {
        const known = members.find(({ id }) => id === step.member.id)
        return { kind: 'update', member: memberOf(step.member, known?.incarnation ?? 1), joining: known?.role === 'joining' }
      }
      case 'promote':
      case 'demote':
      case 'remove':
        return { kind: step.kind, id: step.id }
      default:
        return unreachable(step)
    }
  })
}

function checkStep(step: ChangeStep): void {
  if (typeof step !== 'object' || step === null) throw bad(`a step is ${show(step)}, not an object`)
  switch (step.kind) {
    case 'addLearner':
    case 'addVoter':
    case 'update':
      return checkMember(step.member, `the member of ${step.kind}`)
    case 'promote':
    case 'demote':
    case 'remove':
      return checkId(step.id, `the id of ${step.kind}`)
    default:
      throw bad(`a step is ${show(step)}: its kind is one of addLearner, addVoter, promote, demote, remove, update`)
  }
}

function checkMember(member: MemberAddresses, what: string): void {
  if (typeof member !== 'object' || member === null) throw bad(`${what} is ${show(member)}, not { id, peer, client }`)
  checkId(member.id, `the id in ${what}`)
  checkAddress(member.peer, 'peer')
  checkAddress(member.client, 'client')
}

const memberOf = ({ id, peer, client }: MemberAddresses, incarnation: number): Member => ({ id, incarnation, peer, client })

const bad = (message: string): RaftgenError => new RaftgenError('BAD_OPTIONS', message)

const show = (value: unknown): string => JSON.stringify(value) ?? String(value)
