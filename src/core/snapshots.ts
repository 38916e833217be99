// Snapshots and compaction (§5): a snapshot that takes the place of the log, and a log that gives way to snapshots.
import type { Input } from './api.ts'
import { confProblem } from './conf-change.ts'
import type { Elections } from './elections.ts'
import { broken } from './invariant.ts'
import { termMax } from './limits.ts'
import type { NodeContext } from './node-context.ts'
import { Stopwatch } from './stopwatch.ts'
import type { Index } from './types.ts'

type InputOf<Kind extends Input['kind']> = Extract<Input, { readonly kind: Kind }>

export class Snapshots {
  readonly #ctx: NodeContext
  readonly #elections: Elections
  /** Since a snapshot was last wanted for a state that is missing. */
  readonly #stateWanted = new Stopwatch(Number.NEGATIVE_INFINITY)
  /** Up to here the log may be compacted, for all the driver knows. */
  #compactable: Index = 0

  constructor(ctx: NodeContext, elections: Elections) {
    this.#ctx = ctx
    this.#elections = elections
  }

  tick(): void {
    // A follower that fetched a snapshot may not need any more what was kept for it.
    if (this.#compactable > this.#ctx.log.base.index) this.#maybeCompact()
    this.#maybeWantState()
  }

  received({ base, term }: InputOf<'snapshotReceived'>): void {
    const { log } = this.#ctx
    if (!log.isNews(base.id)) return
    const problem = confProblem(base.conf)
    if (problem !== undefined) broken(`the configuration of the snapshot at ${base.id.index} cannot be: ${problem}`)
    if (Math.max(term, base.id.index) >= termMax) broken(`the snapshot at ${base.id.index} of term ${term} is beyond ${termMax}`)
    // What was committed in a later term may contradict a leader of an earlier one: from now on that one is not followed.
    const newest = Math.max(term, base.id.term)
    if (newest > this.#elections.term) this.#elections.becomeFollower({ term: newest, leader: undefined })
    // A leader has all that is committed up to its term (§3.6.3), and learns by counting what of it is.
    if (this.#elections.role.kind === 'leader') return
    if (log.restoreFrom(base)) this.#elections.endCandidacy()
  }

  compact({ index }: InputOf<'compact'>): void {
    const { lastApplied } = this.#ctx.log
    if (index > lastApplied) broken(`compacts up to ${index}, but only ${lastApplied} is applied`)
    this.#compactable = Math.max(this.#compactable, index)
    this.#maybeCompact()
  }

  #maybeCompact(): void {
    const { log, limits, outbox } = this.#ctx
    const { role } = this.#elections
    const pinned = role.kind === 'leader' ? role.pinnedIndex : Number.POSITIVE_INFINITY
    // Whoever fetches may do so for ever: what is kept for it has an end.
    const index = Math.min(this.#compactable, Math.max(pinned, this.#compactable - limits.pinnedEntriesMax))
    if (index <= log.base.index) return
    outbox.compact(log.compactTo(index))
    if (role.kind === 'leader') role.onCompacted()
  }

  /** The log may be as it should, so that no leader can know that the state behind it is missing. */
  #maybeWantState(): void {
    const { now, timing, log, outbox } = this.#ctx
    const index = log.stateWanted
    if (index === undefined || this.#stateWanted.elapsedMs(now) < timing.heartbeatMs) return
    this.#stateWanted.startAt(now)
    outbox.wantSnapshot(index)
  }
}
