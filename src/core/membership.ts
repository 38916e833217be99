// The leader's part in changes of the configuration (§4): whether now is the time for one, leaving a joint one, promoting who has caught
// up. What a change makes of a configuration is in `conf-change.ts`.
import type { ConfRefusalReason } from './api.ts'
import { leaveJoint, planChange } from './conf-change.ts'
import { broken } from './invariant.ts'
import type { NodeContext } from './node-context.ts'
import type { Replication } from './replication.ts'
import type { ConfState, ConfStep, NodeId } from './types.ts'

export interface Change {
  readonly steps: readonly ConfStep[]
  readonly force: boolean
}
export type Decision =
  | { readonly kind: 'append'; readonly conf: ConfState }
  | { readonly kind: 'refused'; readonly reason: ConfRefusalReason; readonly message: string }

export class Membership {
  readonly #ctx: NodeContext
  readonly #replication: Replication

  constructor(ctx: NodeContext, replication: Replication) {
    this.#ctx = ctx
    this.#replication = replication
  }

  /** What a change that is asked for comes to. */
  decide({ steps, force }: Change, { committedInTerm }: { readonly committedInTerm: boolean }): Decision {
    const { log, id } = this.#ctx
    // Another leader's change, which this one does not know of, may be committed or in force somewhere (the erratum of 2015 to §4.1).
    if (!committedInTerm) return refused('notCommittedInTerm', `node ${id} has not committed an entry of its own term yet`)
    if (log.isConfPending) return refused('confPending', `the change at index ${log.confIndex} is not settled yet`)
    const plan = planChange(log.conf, steps)
    if (plan.kind === 'refused') return plan
    return (force ? undefined : this.#danger(steps, plan.conf)) ?? { kind: 'append', conf: plan.conf }
  }

  /** The configuration that a leader appends by itself, if any. Asked only of one that has committed in its term. */
  get due(): ConfState | undefined {
    const { conf, isConfCommitted } = this.#ctx.log
    if (!isConfCommitted) return undefined
    if (conf.votersOutgoing.length > 0) return leaveJoint(conf)
    return conf.joining.length > 0 ? this.#promotion(conf) : undefined
  }

  /** It led the cluster out of a configuration in which it voted, and that is committed: others lead from now on (§4.2.2). */
  get isOver(): boolean {
    const { log, id } = this.#ctx
    return !log.conf.voters.includes(id) && !log.isConfPending
  }

  /** All that have caught up, at once: each change of voters costs two entries. */
  #promotion(conf: ConfState): ConfState | undefined {
    const ready = conf.joining.filter((id) => this.#isCaughtUp(id) && this.#holdsLog(id))
    if (ready.length === 0) return undefined
    const steps = ready.map((id) => ({ kind: 'promote', id }) as const)
    const plan = planChange(conf, steps)
    if (plan.kind === 'refused') broken(`learners ${ready.join(', ')} cannot be promoted: ${plan.message}`)
    return this.#danger(steps, plan.conf) === undefined ? plan.conf : undefined
  }

  /** Why the cluster might stop by this change, for a while or for good. */
  #danger(steps: readonly ConfStep[], { voters, votersOutgoing }: ConfState): Decision | undefined {
    if (votersOutgoing.length === 0) return undefined
    const { electionTimeoutMs } = this.#ctx.timing
    const lagging = steps.find((step) => step.kind === 'promote' && !this.#isCaughtUp(step.id))
    if (lagging?.kind === 'promote') {
      return refused('notCaughtUp', `learner ${lagging.id} is silent, or lags by more than it fetches within ${electionTimeoutMs} ms`)
    }
    const present = voters.filter((id) => this.#holdsLog(id))
    if (2 * present.length > voters.length) return undefined
    const who = present.length === 0 ? 'none' : present.join(', ')
    return refused(
      'quorumUnreachable',
      `of the new voters ${voters.join(', ')} only ${who} hold the log and were heard from within ${electionTimeoutMs} ms`,
    )
  }

  #isCaughtUp(id: NodeId): boolean {
    const progress = this.#replication.progress.get(id)
    return progress?.isCaughtUp === true && progress.isActive(this.#ctx.now)
  }

  /** It is there, and needs no snapshot first. */
  #holdsLog(id: NodeId): boolean {
    const { log, id: self, now } = this.#ctx
    if (id === self) return true
    const progress = this.#replication.progress.get(id)
    if (progress === undefined || !progress.isActive(now)) return false
    return progress.state !== 'snapshot' && progress.matchIndex > 0 && progress.matchIndex >= log.base.index
  }
}

function refused(reason: ConfRefusalReason, message: string): Decision {
  return { kind: 'refused', reason, message }
}
