// Reads of a follower (§6.4): it asks its leader for a read index. One question is out at a time and covers all reads that were there when
// it was asked; it is asked again about each heartbeat, for it may be lost. It ends with the leader: whoever waits then is refused.
import { broken } from './invariant.ts'
import type { NodeContext } from './node-context.ts'
import { Reads } from './reads.ts'
import { Stopwatch } from './stopwatch.ts'
import type { NodeId, ReadIndexReply, Term } from './types.ts'

export class FollowerReads {
  readonly #ctx: NodeContext
  readonly #leader: NodeId
  readonly #term: Term
  /** Its rounds are our questions. */
  readonly #reads = new Reads()
  /** Since the last question. */
  readonly #asked = new Stopwatch(undefined)
  /** Since the leader answered, or the first question that it has not answered. */
  readonly #unanswered = new Stopwatch(undefined)

  constructor(ctx: NodeContext, { leader, term }: { readonly leader: NodeId; readonly term: Term }) {
    this.#ctx = ctx
    this.#leader = leader
    this.#term = term
  }

  add(id: number): void {
    const { limits, outbox } = this.#ctx
    if (this.#reads.count < limits.readsMax) this.#reads.add(id)
    else outbox.refuse({ of: 'read', id, from: 0, reason: 'readsMax', message: undefined, leader: this.#leader })
  }

  tick(): void {
    if (!this.#reads.areInRound) return
    const { now, timing } = this.#ctx
    this.#asked.tick(now)
    this.#unanswered.tick(now)
    if (this.#unanswered.elapsedMs(now) >= timing.electionTimeoutMs) this.abandon(this.#leader)
    else if (this.#asked.elapsedMs(now) >= timing.heartbeatMs) this.#ask()
  }

  /** Asks for those that were added since the last question, unless one is out. */
  flush(): void {
    if (!this.#reads.areWaiting || this.#reads.areInRound) return
    this.#unanswered.start()
    this.#ask()
  }

  /** An answer to an earlier question serves all that were there when it was asked. */
  onReply({ from, nonce, counter, index }: ReadIndexReply): void {
    if (from !== this.#leader || nonce !== this.#ctx.nonce || counter > this.#ctx.question) return
    this.#unanswered.start()
    this.#reads.confirm(counter, {
      grant: (id) => this.#ctx.outbox.grant({ id, index }),
      answer: ({ from: asker }) => broken(`${asker} asked a follower for a read index`),
    })
  }

  /** Nobody will answer any more. */
  abandon(leader: NodeId | undefined): void {
    for (const id of this.#reads.takeAll()) {
      this.#ctx.outbox.refuse({ of: 'read', id, from: 0, reason: 'leadershipLost', message: undefined, leader })
    }
  }

  /** With a new counter: whatever answers it was decided after this. */
  #ask(): void {
    const { outbox, id, nonce } = this.#ctx
    const counter = ++this.#ctx.question
    this.#reads.join({ round: counter, index: 0 })
    this.#asked.start()
    outbox.send({ kind: 'ReadIndex', from: id, to: this.#leader, term: this.#term, nonce, counter })
  }
}
