// Hands leadership over (§3.10): no new entries, the target gets all there are, then it is told to start an election at once. It is given up
// after an election timeout, and the leader goes on.
import type { TransferRefusalReason } from './api.ts'
import type { NodeContext } from './node-context.ts'
import type { Progress } from './progress.ts'
import { Stopwatch } from './stopwatch.ts'
import type { NodeId, Term } from './types.ts'

interface TransferRefusal {
  readonly reason: TransferRefusalReason
  readonly message: string
}

export class Transfer {
  readonly #ctx: NodeContext
  readonly #term: Term
  readonly #progress: ReadonlyMap<NodeId, Progress>
  #target: { readonly id: NodeId; readonly since: Stopwatch; isAsked: boolean } | undefined

  constructor(ctx: NodeContext, { term, progress }: { readonly term: Term; readonly progress: ReadonlyMap<NodeId, Progress> }) {
    this.#ctx = ctx
    this.#term = term
    this.#progress = progress
  }

  get transferee(): NodeId | undefined {
    return this.#target?.id
  }

  /** `undefined` when it has begun. */
  begin(to: NodeId | undefined): TransferRefusal | undefined {
    const { log, id } = this.#ctx
    const { voters } = log.conf
    if (this.#target !== undefined)
      return { reason: 'transferPending', message: `leadership is being handed to node ${this.#target.id} already` }
    if (to === id) return { reason: 'transferToSelf', message: `node ${id} leads already` }
    if (to !== undefined && !voters.includes(to))
      return { reason: 'notVoter', message: `node ${to} is not a voter; ${voters.join(', ')} are` }
    const target = to ?? this.best()
    if (target === undefined) return { reason: 'noTarget', message: `node ${id} heard from no other voter within an election timeout` }
    this.#target = { id: target, since: new Stopwatch(undefined), isAsked: false }
    return undefined
  }

  /** The voter that has most of the log, of those that are there; one whose disk is nearly full only where there is no other. */
  best(): NodeId | undefined {
    const { log, id, now } = this.#ctx
    let best: Progress | undefined
    for (const voter of log.conf.voters) {
      const progress = voter === id ? undefined : this.#progress.get(voter)
      if (progress?.isActive(now) && (best === undefined || isBetter(progress, best))) best = progress
    }
    return best?.id
  }

  tick(): void {
    if (this.#target === undefined) return
    const { now, timing, log } = this.#ctx
    this.#target.since.tick(now)
    const isOver = this.#target.since.elapsedMs(now) >= timing.electionTimeoutMs
    if (isOver || !log.conf.voters.includes(this.#target.id)) this.#target = undefined
  }

  /** True when the target has all entries, and was asked to take over for the first time now. */
  maybeAsk(): boolean {
    if (this.#target === undefined || this.#target.isAsked) return false
    if (this.#progress.get(this.#target.id)?.matchIndex !== this.#ctx.log.lastIndex) return false
    this.#target.isAsked = true
    this.ask(this.#target.id)
    return true
  }

  /** Once more, about every heartbeat: it may be lost. */
  askAgain(): void {
    if (this.#target?.isAsked) this.ask(this.#target.id)
  }

  ask(to: NodeId): void {
    this.#ctx.outbox.send({ kind: 'TimeoutNow', from: this.#ctx.id, to, term: this.#term })
  }
}

const isBetter = (one: Progress, best: Progress): boolean => (one.isFull === best.isFull ? one.matchIndex > best.matchIndex : best.isFull)
