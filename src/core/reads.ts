// Linearizable reads without the log (§6.4): a read may be served at the commit index of its arrival, once a round of heartbeats that
// began after it was answered by a quorum. All reads that wait share a round, those of this node and those that followers ask for.
import type { Index, NodeId, ReadIndex } from './types.ts'

interface ReadBatch {
  readonly round: number
  readonly index: Index
  readonly ids: readonly number[]
  readonly questions: readonly ReadIndex[]
}
/** What becomes of reads whose round is confirmed. */
export interface ReadsConfirmed {
  grant(id: number, index: Index): void
  answer(question: ReadIndex, index: Index): void
}

export class Reads {
  #waiting: number[] = []
  #questions: ReadIndex[] = []
  /** In rounds that are not confirmed yet, ascending. */
  #batches: ReadBatch[] = []
  #count = 0

  /** All that were added and neither granted nor taken back. */
  get count(): number {
    return this.#count
  }

  /** Whether some have no round yet. */
  get areWaiting(): boolean {
    return this.#waiting.length > 0 || this.#questions.length > 0
  }

  /** The followers whose questions have no round yet. */
  get askers(): readonly NodeId[] {
    return this.#questions.map(({ from }) => from)
  }

  /** Whether some are in a round. */
  get areInRound(): boolean {
    return this.#batches.length > 0
  }

  add(id: number): void {
    this.#waiting.push(id)
    this.#count++
  }

  /** A follower's newest question covers its older ones: one of each waits at most. */
  addQuestion(question: ReadIndex): void {
    const known = this.#questions.findIndex(({ from }) => from === question.from)
    if (known === -1) {
      this.#questions.push(question)
      this.#count++
    } else this.#questions[known] = question
  }

  /** All that wait join `round`, which has just begun. `index` is the commit index now: what a read must see was committed before. */
  join({ round, index }: { readonly round: number; readonly index: Index }): void {
    if (!this.areWaiting) return
    this.#batches.push({ round, index, ids: this.#waiting, questions: this.#questions })
    this.#waiting = []
    this.#questions = []
  }

  /** A quorum answered `round`, and so every one before it. */
  confirm(round: number, confirmed: ReadsConfirmed): void {
    while (this.#batches.length > 0) {
      const first = this.#batches[0]
      if (first === undefined || first.round > round) return
      this.#batches.shift()
      this.#count -= first.ids.length + first.questions.length
      for (const id of first.ids) confirmed.grant(id, first.index)
      for (const question of first.questions) confirmed.answer(question, first.index)
    }
  }

  /** The ids of all of them, which nobody will confirm any more. Questions of followers end too: these ask the next leader. */
  takeAll(): readonly number[] {
    const ids = [...this.#batches.flatMap((batch) => batch.ids), ...this.#waiting]
    this.#batches = []
    this.#waiting = []
    this.#questions = []
    this.#count = 0
    return ids
  }
}
