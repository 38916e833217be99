// One attempt to become leader, or to find out whether an attempt would succeed. It ends with its term.
import type { NodeContext } from './node-context.ts'
import { type VoteResult, voteResult, votersOf } from './quorum.ts'
import type { NodeId, Term } from './types.ts'

/** Asks whether an election could be won before any term is raised: a node that was cut off disrupts nobody (§9.6). */
export class PreCandidate {
  readonly kind = 'preCandidate'
  readonly #ctx: NodeContext
  readonly #votes = new Map<NodeId, boolean>()

  constructor(ctx: NodeContext, term: Term) {
    this.#ctx = ctx
    this.#votes.set(ctx.id, true)
    const { last } = ctx.log
    for (const to of othersOf(ctx)) ctx.outbox.send({ kind: 'PreVote', from: ctx.id, to, term: term + 1, last })
  }

  get result(): VoteResult {
    return voteResult(this.#ctx.log.conf, this.#votes)
  }

  count({ from, granted }: { readonly from: NodeId; readonly granted: boolean }): void {
    if (!this.#votes.has(from)) this.#votes.set(from, granted)
  }
}

/** Its own vote is counted, and others are asked, only once that vote is durable: a promise like any other (§3.8). */
export class Candidate {
  readonly kind = 'candidate'
  readonly #ctx: NodeContext
  readonly #votes = new Map<NodeId, boolean>()

  /** `transfer`: the leader asked for this election. */
  constructor(ctx: NodeContext, { term, transfer }: { readonly term: Term; readonly transfer: boolean }) {
    this.#ctx = ctx
    const { last } = ctx.log
    for (const to of othersOf(ctx)) {
      ctx.outbox.promise({ kind: 'RequestVote', from: ctx.id, to, term, last, transfer })
    }
  }

  /** Without our own vote no majority counts: it would lead a term that a crash makes it forget. */
  get result(): VoteResult {
    const result = voteResult(this.#ctx.log.conf, this.#votes)
    return result === 'won' && !this.#votes.has(this.#ctx.id) ? 'pending' : result
  }

  count({ from, granted }: { readonly from: NodeId; readonly granted: boolean }): void {
    if (!this.#votes.has(from)) this.#votes.set(from, granted)
  }

  countOwn(): void {
    this.#votes.set(this.#ctx.id, true)
  }
}

function othersOf({ id, log }: NodeContext): readonly NodeId[] {
  return votersOf(log.conf).filter((voter) => voter !== id)
}
