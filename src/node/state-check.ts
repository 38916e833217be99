// Replicas compare what they add up to: after each check entry all members learn what every voter had there. Where they differ, the majority is
// right, whoever leads; who is not of it answers and votes no more, and without a majority nobody answers.
import type { Digest, DigestMessage, DigestReport, DigestsChunk, DigestsRequest, Entry, Index, Ms, NodeId, Raft } from '../core/index.ts'
import { unreachable } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { Log } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'
import type { StateDivergence } from '../wire/client-messages.ts'
import { decodeEnvelope } from '../wire/envelope-codec.ts'
import { type Difference, DifferenceSearch, digestsOf } from './difference-search.ts'
import type { Unsure } from './command-door.ts'
import type { NodeEvent, NodeLimits } from './options.ts'
import { stateUnsound } from './refusals.ts'
import { judgeState, type StateVerdict } from './state-verdict.ts'

/** Checks that are remembered, and may still be judged when a slow member gets there. */
const comparisonsMax = 16
/** While something is applied, there is a check at least so often, however little it is. Milliseconds. */
const checkEveryMs = 10_000
/** A proposal that was not applied after so many election timeouts is made again. */
const proposeAgainTimeouts = 4
/** A member that does not tell its digests is asked so often, once an election timeout. */
const questionsMax = 20

export interface StateCheckPorts {
  readonly id: NodeId
  readonly raft: Raft
  readonly replica: Replica
  readonly net: Net
  readonly log: Pick<Log, 'entries'>
  readonly limits: Pick<NodeLimits, 'digestEntries'>
  readonly electionTimeoutMs: Ms
  /** Whether this node leads, and may propose something of its own. */
  mayPropose(): boolean
  propose(envelope: { readonly kind: 'check'; readonly isEvidence: boolean }): void
  /** Between two entries: a snapshot of the state as it is now is to be kept. */
  takeEvidence(): void
  /** The state is wrong, since some entry from `index` on: no later life of this node is to begin with it. */
  distrust(index: Index): void
  wake(): void
  report(event: NodeEvent): void
}

/** After one check entry. `own`: `undefined` until it is applied here. */
interface Comparison {
  own: Digest | undefined
  readonly reports: Map<NodeId, Digest>
  isComplete: boolean
}

export type Standing = StateDivergence['standing']

export class StateCheck {
  readonly #ports: StateCheckPorts
  readonly #comparisons = new Map<Index, Comparison>()
  /** Something was said since they were judged. */
  readonly #dirty = new Set<Index>()
  #now: Ms = 0
  #standing: Standing = 'sound'
  /** Of a standing that is not sound: since when, and after which check. */
  #since: Ms = 0
  #at: Index = 0
  /** A majority had what this node had after this check, and all that it knew before is settled by that. */
  #agreedAt: Index = 0
  /** Of the verdict that counts at present. */
  #others: readonly NodeId[] = []
  /** Those of them, while this node is sound, that there is evidence against already. */
  #evident: readonly NodeId[] = []
  /** All voters were equal after this one. */
  #equalAt: Index = 0
  #checkedAt: Index = 0
  #checkedSince: Ms | undefined
  #proposedSince: Ms | undefined
  #askedSince: Ms = 0
  #toReport: Index[] = []
  #search: DifferenceSearch | undefined
  #questions = 0
  #difference: (Difference & { readonly command: string | undefined }) | undefined

  constructor(ports: StateCheckPorts) {
    this.#ports = ports
  }

  get standing(): Standing {
    return this.#standing
  }

  /** For people: `undefined` while no difference is known. */
  get divergence(): StateDivergence | undefined {
    if (this.#standing === 'sound' && this.#others.length === 0) return undefined
    const { index, isFirst, command } = this.#difference ?? {}
    return { standing: this.#standing, checkedIndex: this.#at, others: this.#others, index, isFirst: isFirst ?? false, command }
  }

  /** Why nothing that comes from the state may be told. In doubt clients wait for a moment, since there may be a majority soon. */
  get whyUnsure(): Unsure | undefined {
    if (this.#standing === 'sound') return undefined
    const isNew = this.#now - this.#since < this.#ports.electionTimeoutMs
    return this.#standing === 'doubtful' && isNew ? 'wait' : stateUnsound(this.#ports.id, this.divergence)
  }

  /** A check entry was applied, and nothing after it. Where it does not count, those that differ learn that from the log, and nobody is to doubt itself. */
  applied(index: Index, { isEvidence, counts }: { readonly isEvidence: boolean; readonly counts: boolean }): void {
    this.#proposedSince = undefined
    if (counts) this.#compareAt(index)
    if (!isEvidence) return
    this.#evident = this.#others
    this.#ports.takeEvidence()
  }

  #compareAt(index: Index): void {
    const own = this.#ports.replica.digests.at(index)
    if (own === undefined) return
    this.#comparison(index).own = own
    this.#dirty.add(index)
    this.#checkedAt = index
    this.#checkedSince = undefined
    this.#toReport.push(index)
  }

  receive(message: DigestMessage): void {
    switch (message.kind) {
      case 'DigestReport':
        return this.#onReport(message)
      case 'DigestsRequest':
        return this.#onRequest(message)
      case 'DigestsChunk':
        return this.#onDigests(message)
      default:
        unreachable(message)
    }
  }

  /** The state is given up, whatever others still say of it. Where it was known to differ, that stays so until another has come. */
  abandoned(): void {
    this.#comparisons.clear()
    this.#dirty.clear()
    this.#toReport = []
  }

  /** The state is that of another replica now: what was known of the one before means nothing. */
  restored(): void {
    this.abandoned()
    this.#settle()
    this.#others = []
    this.#forgetDifference()
    this.#ports.raft.step({ kind: 'sound', isSound: true })
  }

  turn(now: Ms): void {
    this.#now = now
    this.#checkedSince ??= now
    this.#sendReports()
    if (this.#dirty.size > 0) {
      for (const index of this.#dirty) this.#judge(index, now)
      this.#dirty.clear()
    }
    if (now - this.#askedSince >= this.#ports.electionTimeoutMs) {
      this.#askedSince = now
      // Who votes may have changed.
      for (const [index, { isComplete }] of this.#comparisons) if (!isComplete) this.#dirty.add(index)
      this.#askThoseThatAreSilent()
      this.#askForDifference()
    }
    this.#maybePropose(now)
  }

  #onReport({ from, index, digest, asks }: DigestReport): void {
    const own = this.#ports.replica.digests.at(index)
    if (asks && own !== undefined) this.#send([from], index, own, false)
    if (!this.#isWorthKnowing(index)) return
    const comparison = this.#comparison(index)
    comparison.reports.set(from, digest)
    this.#dirty.add(index)
    this.#ports.wake()
  }

  /** Members may be ahead of this one, by as much as they like; a number of checks is remembered, the newest. */
  #isWorthKnowing(index: Index): boolean {
    if (this.#comparisons.has(index) || this.#comparisons.size < comparisonsMax) return true
    return index > Math.min(...this.#comparisons.keys())
  }

  #comparison(index: Index): Comparison {
    const known = this.#comparisons.get(index)
    if (known !== undefined) return known
    const fresh: Comparison = { own: undefined, reports: new Map(), isComplete: false }
    this.#comparisons.set(index, fresh)
    if (this.#comparisons.size > comparisonsMax) this.#comparisons.delete(Math.min(...this.#comparisons.keys()))
    return fresh
  }

  #judge(index: Index, now: Ms): void {
    const comparison = this.#comparisons.get(index)
    const own = comparison?.own
    // What an earlier check has left open a later one has settled.
    if (comparison === undefined || own === undefined || index < this.#agreedAt || this.#standing === 'fenced') return
    const verdict = judgeState(this.#ports.raft.conf, { id: this.#ports.id, own }, comparison.reports)
    comparison.isComplete = verdict.isComplete
    switch (verdict.standing) {
      case 'agrees':
        return this.#onAgrees(index, verdict)
      case 'differs':
        return this.#become('fenced', { index, now, others: verdict.others })
      case 'split':
        if (index < this.#at) return
        return this.#become('doubtful', { index, now, others: verdict.others })
      case 'unknown':
        return
      default:
        unreachable(verdict.standing)
    }
  }

  #onAgrees(index: Index, { others, isComplete }: StateVerdict): void {
    this.#agreedAt = index
    const wasDoubtful = this.#standing === 'doubtful'
    if (wasDoubtful && index >= this.#at) {
      this.#others = others
      this.#settle()
    }
    if (others.length > 0) return this.#onDissent(index, others)
    if (!isComplete) return
    this.#equalAt = Math.max(this.#equalAt, index)
    if (this.#others.length === 0 || index < this.#at) return
    this.#others = []
    this.#evident = []
    this.#forgetDifference()
    this.#ports.report({ kind: 'statesAgree', index })
  }

  /** Others are wrong: that they find out by themselves. */
  #onDissent(index: Index, others: readonly NodeId[]): void {
    const isNew = others.some((id) => !this.#others.includes(id))
    this.#others = others
    this.#at = index
    if (!isNew) return
    this.#ports.report({ kind: 'stateDiverged', standing: 'sound', index, others })
    this.#beginSearch(index, others)
  }

  #become(
    standing: 'doubtful' | 'fenced',
    { index, now, others }: { readonly index: Index; readonly now: Ms; readonly others: readonly NodeId[] },
  ): void {
    this.#others = others
    this.#at = index
    if (standing === this.#standing) return
    this.#standing = standing
    this.#since = now
    if (standing === 'fenced') {
      this.#ports.raft.step({ kind: 'sound', isSound: false })
      this.#ports.distrust(this.#equalAt + 1)
    }
    this.#ports.report({ kind: 'stateDiverged', standing, index, others })
    this.#beginSearch(index, others)
    this.#ports.wake()
  }

  #settle(): void {
    this.#standing = 'sound'
    this.#evident = []
    this.#ports.wake()
  }

  // --- What is said and asked

  #sendReports(): void {
    if (this.#toReport.length === 0) return
    const to = this.#ports.raft.conf.members.map(({ id }) => id)
    for (const index of this.#toReport) {
      const own = this.#comparisons.get(index)?.own
      if (own !== undefined) this.#send(to, index, own, false)
    }
    this.#toReport = []
  }

  /** A report may be lost: the newest check is asked for until all have told theirs, which they do once they have got there. */
  #askThoseThatAreSilent(): void {
    const comparison = this.#comparisons.get(this.#checkedAt)
    if (comparison?.own === undefined || comparison.isComplete) return
    const { voters, votersOutgoing } = this.#ports.raft.conf
    const silent = new Set([...voters, ...votersOutgoing].filter((id) => !comparison.reports.has(id)))
    this.#send([...silent], this.#checkedAt, comparison.own, true)
  }

  #send(to: readonly NodeId[], index: Index, digest: Digest, asks: boolean): void {
    const { id: from, raft, net } = this.#ports
    const { term } = raft.softState
    const others = to.filter((peer) => peer !== from)
    if (others.length > 0) net.send(others.map((peer) => ({ kind: 'DigestReport', from, to: peer, term, index, digest, asks })))
  }

  // --- Where it began

  #beginSearch(index: Index, [peer]: readonly NodeId[]): void {
    if (peer === undefined || this.#difference !== undefined || this.#search !== undefined) return
    const equalAt = this.#equalAt < index ? this.#equalAt : 0
    this.#search = new DifferenceSearch(this.#ports.replica.digests, { peer, equalAt, differsAt: index })
    this.#questions = 0
    this.#followSearch()
  }

  #followSearch(): void {
    const search = this.#search
    if (search?.result !== undefined) this.#found(search.result)
    else this.#askForDifference()
  }

  #askForDifference(): void {
    const search = this.#search
    if (search === undefined) return
    this.#questions += 1
    if (this.#questions > questionsMax) search.giveUp()
    if (search.result !== undefined) return this.#found(search.result)
    const { id: from, raft, net } = this.#ports
    net.send([{ kind: 'DigestsRequest', from, to: search.peer, term: raft.softState.term, ...search.question }])
  }

  #onRequest({ from: to, firstIndex, lastIndex, stride }: DigestsRequest): void {
    const { id: from, raft, net, replica } = this.#ports
    const answer = digestsOf(replica.digests, { firstIndex, lastIndex, stride })
    net.send([{ kind: 'DigestsChunk', from, to, term: raft.softState.term, ...answer }])
  }

  #onDigests(message: DigestsChunk): void {
    if (message.from !== this.#search?.peer) return
    this.#search.receive(message)
    this.#followSearch()
  }

  /** Reads which command that was, where the log still has it. */
  #found(difference: Difference): void {
    const { log, replica, report } = this.#ports
    const search = this.#search
    this.#search = undefined
    const { index } = difference
    const tell = (entry: Entry | undefined): void => {
      const command = entry === undefined ? undefined : commandOf(entry, replica)
      this.#difference = { ...difference, command }
      report({ kind: 'differenceFound', ...difference, command, from: search?.peer ?? 0 })
    }
    log.entries({ firstIndex: index, lastIndex: index, bytesMax: 1 }, (error, entries) =>
      tell(error === undefined ? entries[0] : undefined),
    )
  }

  #forgetDifference(): void {
    this.#difference = undefined
    this.#search = undefined
  }

  // --- Of a leader

  #maybePropose(now: Ms): void {
    const { mayPropose, propose, electionTimeoutMs } = this.#ports
    if (this.#proposedSince !== undefined && now - this.#proposedSince < proposeAgainTimeouts * electionTimeoutMs) return
    const isEvidence = this.#others.some((id) => !this.#evident.includes(id))
    if (!(isEvidence || this.#isDue(now)) || !mayPropose()) return
    this.#proposedSince = now
    propose({ kind: 'check', isEvidence })
  }

  #isDue(now: Ms): boolean {
    const { raft, replica, limits } = this.#ports
    if (limits.digestEntries === 0 || raft.conf.members.length < 2) return false
    const count = replica.lastApplied - this.#checkedAt
    return count >= limits.digestEntries || (count > 0 && now - (this.#checkedSince ?? now) >= checkEveryMs)
  }
}

function commandOf({ kind, data }: Entry, { machine }: Replica): string | undefined {
  if (kind !== 'command') return undefined
  const envelope = decodeEnvelope(data)
  if (envelope.kind !== 'command') return envelope.kind
  try {
    return machine.nameOf?.(envelope.command)
  } catch {
    return undefined
  }
}
