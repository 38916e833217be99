// What Raft promises (figure 3.2) and what a node may promise (§3.8), checked over the whole cluster after every step. It sees what a node
// writes, what its disk holds, what it sends, and what it says of itself.
import type { ConfState, Entry, EntryId, Index, LogBase, NodeId, PeerMessage, Persist, SoftState, Term } from '../../core/types.ts'
import type { NodeStatus } from '../../wire/client-messages.ts'
import type { Verdict } from '../violation.ts'
import { checkAppendedConfs } from './appended-confs.ts'
import { checkDamaged } from './damaged.ts'
import { Confs, describe, isQuorum } from './confs.ts'
import { Disks } from './disks.ts'
import { Elections } from './elections.ts'
import { Entries } from './entries.ts'
import { Proven } from './proven.ts'
import { freshLife, type RecoveredLog, type Watched } from './watched.ts'

export interface Committed {
  readonly entry: Entry
  /** Term of the first node that knew, at that time. */
  readonly inTerm: Term
}

export class Safety {
  readonly confs: Confs
  readonly disks: Disks
  readonly proven: Proven
  readonly #verdict: Verdict
  readonly #entries: Entries
  readonly #elections: Elections
  /** What any node ever knew to be committed, by index; position 0 is before the first entry. */
  readonly #committed: (Committed | undefined)[] = [undefined]

  constructor(verdict: Verdict, conf: ConfState) {
    this.#verdict = verdict
    this.proven = new Proven(verdict)
    this.#entries = new Entries(verdict)
    this.#elections = new Elections(verdict)
    this.confs = new Confs(verdict, conf)
    this.disks = new Disks(this.confs)
  }

  get commitIndex(): Index {
    return this.#committed.length - 1
  }

  /** Elections that were won. */
  get elections(): number {
    return this.#elections.count
  }

  committed(index: Index): Entry | undefined {
    return this.#committed[index]?.entry
  }

  /** A process has read its log, and its state from a snapshot of `lastApplied`. `isRead`: nothing has struck the disk since it began to. */
  onRecovered(id: NodeId, { summary, lastApplied, isDamaged, isRead, snapshots }: RecoveredLog): void {
    const node = this.disks.of(id)
    if (isDamaged && node.isDamaged) {
      this.disks.onLost(id)
      checkDamaged(node, { summary, verdict: this.#verdict })
    }
    const difference = node.durable.differenceTo(summary)
    this.#verdict.check(difference === undefined, 'durability (§3.8)', () => `node ${id} comes back with ${difference}`)
    this.#verdict.check(
      lastApplied <= summary.lastIndex,
      'applied <= commit <= last, and applied is durable',
      () => `node ${id} comes back with a state of ${lastApplied}, its log ends at ${summary.lastIndex}`,
    )
    if (isRead) node.isDamaged = false
    node.fence.opened(summary.fence)
    this.proven.onRecovered(id, Math.max(lastApplied, summary.base.id.index, ...snapshots.map((one) => one.id.index)))
    node.written.copyOf(node.durable)
    Object.assign(node, {
      ...freshLife,
      underWay: [],
      appendedConfs: [],
      term: summary.hardState.term,
      lastApplied,
      conf: node.durable.conf,
    })
  }

  /** A node asks for a write. */
  onWrite(id: NodeId, persist: Persist): void {
    const node = this.disks.of(id)
    const { hardState, reset, truncateFrom, entries } = persist
    if (reset !== undefined) this.#onReset(node, reset)
    if (truncateFrom !== undefined) this.#onTruncate(node, truncateFrom, hardState.term)
    const prevIndex = reset?.id.index ?? (truncateFrom === undefined ? node.written.lastIndex : truncateFrom - 1)
    this.#entries.note(reset?.id.term ?? node.written.termAt(prevIndex) ?? 0, entries)
    for (const { index, term, conf } of entries) {
      // What it led with once it may get back after its disk has lost it.
      if (conf === undefined || node.role !== 'leader') continue
      if (this.#elections.leaderOf(term) === id && term === hardState.term) node.appendedConfs.push(index)
    }
    this.#elections.onWritesVote(node, persist)
    node.written.write(persist)
    node.underWay.push({ kind: 'write', persist })
    node.fence.writes(persist)
  }

  /** The oldest write under way is on the disk. */
  onStored(id: NodeId): void {
    const node = this.disks.of(id)
    const stored = node.underWay.shift()
    if (stored?.kind !== 'write') return
    const { persist } = stored
    const { term, votedFor } = node.durable.hardState
    const next = persist.hardState
    this.#verdict.check(next.term >= term, 'terms never fall', () => `the disk of node ${id} goes from term ${term} to ${next.term}`)
    const keeps = next.term > term || votedFor === undefined || next.votedFor === votedFor
    this.#verdict.check(
      keeps,
      'one vote a term (§3.4)',
      () => `node ${id} changes its vote in term ${term} from ${votedFor} to ${next.votedFor}`,
    )
    node.durable.write(persist)
    node.fence.stored(node.durable.last)
    // What a later leader replaced was not committed.
    if (!node.durable.holds(node.promised)) node.promised = node.durable.last
  }

  /** So is all else that comes with the write: its node may promise it. */
  onWritten(id: NodeId): void {
    const { durable, fence } = this.disks.of(id)
    fence.written(durable.last)
  }

  /** Others remember what `id` had acknowledged, or may have. */
  onFloor(id: NodeId): void {
    this.disks.of(id).fence.raised()
  }

  /** After a turn: `id` says that its log holds all that it has promised. */
  onWhole(id: NodeId): void {
    const { fence } = this.disks.of(id)
    this.#verdict.check(
      fence.isGone || !fence.isSettled,
      'a fence that is gone is gone from the disk',
      () => `node ${id} is whole, its disk is fenced at ${JSON.stringify(fence.present)}`,
    )
  }

  onSend(id: NodeId, message: PeerMessage): void {
    const node = this.disks.of(id)
    const { hardState, lastIndex } = node.durable
    switch (message.kind) {
      case 'PreVote':
      case 'PreVoteReply':
      case 'SnapshotRequest':
      case 'ReadIndex':
      case 'SnapshotChunk':
      case 'Recall':
      case 'RecallReply':
      case 'EntriesRequest':
      case 'EntriesChunk':
      case 'Halted':
      case 'VersionsKnown':
      case 'DigestReport':
      case 'DigestsRequest':
      case 'DigestsChunk':
        return // promises nothing
      case 'RequestVote':
        this.#elections.onAsks(node, message)
        this.#elections.onVote({ voter: node, candidate: id, term: message.term }, hardState)
        break
      case 'RequestVoteReply':
        if (message.granted) this.#elections.onVote({ voter: node, candidate: message.to, term: message.term }, hardState)
        break
      case 'AppendEntries':
        this.#elections.onLeads(node, message.term)
        this.#entries.note(message.prev.term, message.entries)
        break
      case 'Heartbeat':
      case 'InstallSnapshot':
      case 'TimeoutNow':
        this.#elections.onLeads(node, message.term)
        break
      case 'InstallSnapshotReply':
        this.#checkCommitted(`node ${id} names`, message.hint)
        break
      case 'AppendEntriesReply':
        this.#verdict.check(
          !message.ok || message.matchIndex <= lastIndex,
          'promises only what is durable (§3.8)',
          () => `node ${id} acknowledges ${message.ok ? message.matchIndex : 0}, its disk ends at ${lastIndex}`,
        )
        if (message.ok) this.proven.onAcknowledges(node, this.disks.find(message.to), message)
        break
      default:
    }
    node.promisedTerm = Math.max(node.promisedTerm, message.term)
    this.#verdict.check(
      hardState.term >= message.term,
      'promises only what is durable (§3.8)',
      () => `node ${id} sends ${message.kind} of term ${message.term}, its disk is in term ${hardState.term}`,
    )
  }

  onRole(id: NodeId, { role, term }: SoftState): void {
    const node = this.disks.of(id)
    if (role === 'leader' && node.role !== 'leader') {
      this.#elections.onLeads(node, term)
      this.#elections.onWon({ leader: node, term, conf: node.written.conf, disk: node.durable.hardState })
      this.#checkCompleteness(node, term)
    }
    node.role = role
  }

  /** A snapshot is on the disk of `id`, taken or fetched. */
  onSnapshot(id: NodeId, { id: at, conf }: LogBase): void {
    this.#checkCommitted(`node ${id} has a snapshot of`, at)
    if (at.index <= this.commitIndex) this.confs.checkAt(`node ${id}: a snapshot`, at, conf)
  }

  /** `id` drops its log up to `base`. */
  onCompact(id: NodeId, base: LogBase): void {
    const { id: at, conf } = base
    const node = this.disks.of(id)
    this.#verdict.check(
      at.index <= node.lastApplied || at.index <= this.commitIndex,
      'only what is committed is compacted (§5.1)',
      () => `node ${id} compacts up to ${at.index}, committed is ${this.commitIndex}`,
    )
    this.#checkCommitted(`node ${id} compacts up to`, at)
    this.confs.checkAt(`node ${id}: the base`, at, conf)
    node.underWay.push({ kind: 'compaction', base })
  }

  /** It has, or there was nothing to drop. */
  onCompacted(id: NodeId, base: LogBase): void {
    const { underWay } = this.disks.of(id)
    const first = underWay[0]
    if (first?.kind === 'compaction' && first.base === base) underWay.shift()
  }

  /** After each turn of a node. */
  onTurn(id: NodeId, status: Pick<NodeStatus, 'role' | 'term' | 'commitIndex' | 'lastApplied' | 'lastIndex' | 'conf'>): void {
    const { role, term, commitIndex, lastApplied, lastIndex, conf } = status
    const node = this.disks.of(id)
    this.#checkCounted(node, { term, commitIndex })
    this.proven.onTurn(id, { role, commitIndex, hasLed: node.ledTerm !== undefined })
    node.ledTerm = role === 'leader' ? term : undefined
    const isSame = term === node.term && commitIndex === node.comparedIndex && lastApplied === node.lastApplied && conf === node.conf
    if (isSame && commitIndex === node.commitIndex && node.appendedConfs.length === 0) return
    const rises = term >= node.term && commitIndex >= node.commitIndex && lastApplied >= node.lastApplied
    this.#verdict.check(
      rises,
      'term, commit and applied never fall',
      () =>
        `node ${id} goes from term ${node.term}, commit ${node.commitIndex}, applied ${node.lastApplied} to ${term}, ${commitIndex}, ${lastApplied}`,
    )
    this.#verdict.check(
      lastApplied <= commitIndex && commitIndex <= lastIndex && lastApplied <= node.durable.lastIndex,
      'applied <= commit <= last, and applied is durable',
      () => `node ${id} has applied ${lastApplied}, commit ${commitIndex}, last ${lastIndex}, durable ${node.durable.lastIndex}`,
    )
    node.term = term
    node.commitIndex = commitIndex
    node.lastApplied = lastApplied
    this.#onCommit(node, conf)
    checkAppendedConfs(node, { verdict: this.#verdict, confs: this.confs, disks: this.disks })
    node.conf = conf
  }

  /** What a leader commits by counting ends with an entry of its own term (§3.6.2). */
  #checkCounted(node: Watched, { term, commitIndex }: Pick<NodeStatus, 'term' | 'commitIndex'>): void {
    if (node.ledTerm !== term || commitIndex === node.commitIndex) return
    // What is not written yet is its own.
    const entryTerm = node.written.termAt(commitIndex) ?? term
    this.#verdict.check(
      entryTerm === term,
      'commits by counting in its own term only (§3.6.2)',
      () => `node ${node.id}, leader of term ${term}, commits up to entry ${commitIndex} of term ${entryTerm}`,
    )
  }

  /**
   * A leader has written what it has in memory, up to some entries at the end: those are looked at once it has. A follower may have begun to
   * replace what it has written, so only what it has applied is surely the same in both.
   */
  #onCommit(node: Watched, conf: ConfState): void {
    const known = Math.min(node.ledTerm === undefined ? node.lastApplied : node.commitIndex, node.written.lastIndex)
    const first = this.commitIndex + 1
    for (let index = Math.max(node.comparedIndex + 1, node.written.base.index, 1); index <= known; index++) {
      const term = node.written.termAt(index) ?? 0
      const before = this.#committed[index]
      if (before === undefined) this.#commit(node, { index, term })
      else {
        this.#verdict.check(
          before.entry.term === term,
          'state machine safety (figure 3.2)',
          () => `entry ${index} is committed with term ${before.entry.term}, on node ${node.id} with term ${term}`,
        )
      }
    }
    node.comparedIndex = Math.max(node.comparedIndex, known)
    if (known >= first) this.#checkQuorum(known, node, conf)
  }

  #commit({ id, term: inTerm }: Watched, at: EntryId): void {
    const { index, term } = at
    const entry = this.#entries.find(at)
    if (entry === undefined) {
      this.#verdict.violate('log matching (figure 3.2)', `node ${id} commits entry ${index} of term ${term}, which nobody wrote`)
      return
    }
    this.#verdict.check(
      index === this.#committed.length,
      'commits without a gap',
      () => `node ${id} is the first to commit entry ${index}, before it ${this.commitIndex} was committed`,
    )
    this.#committed[index] = { entry, inTerm }
    if (entry.conf !== undefined) this.confs.onCommitted(index, entry.conf)
  }

  /**
   * By log matching whoever has the last of them has all. Who counts depends on what the leader that counted had in its log: it is the node
   * that knows it now, as it was before this turn or after it, or the leader of its term.
   */
  #checkQuorum(index: Index, node: Watched, conf: ConfState): void {
    const term = this.#committed[index]?.entry.term ?? 0
    const disks = this.disks.everSeen
    const holds = (id: NodeId, incarnation: number): boolean =>
      disks.some((disk) => disk.id === id && disk.incarnation === incarnation && disk.durable.holds({ index, term }))
    const leader = this.disks.find(this.#elections.leaderOf(node.term) ?? node.id)
    const possible = [conf, node.conf, leader?.conf, leader?.written.conf].filter((one) => one !== undefined)
    this.#verdict.check(
      possible.some((one) => isQuorum(one, holds)),
      'committed is what a majority has on its disks',
      () => {
        const holders = disks.filter(({ id, incarnation }) => holds(id, incarnation))
        return `entry ${index} of term ${term} is committed, on the disks of ${holders.map(({ id }) => id).join(', ')} only, with ${describe(conf)}`
      },
    )
  }

  /** A snapshot replaces the log: then nothing of what follows it there was committed. */
  #onReset(node: Watched, { id: base, conf }: LogBase): void {
    this.#checkCommitted(`node ${node.id} begins anew after`, base)
    if (base.index <= this.commitIndex) this.confs.checkAt(`node ${node.id}: a new log`, base, conf)
    for (let index = base.index + 1; index <= node.written.lastIndex; index++) {
      const committed = this.#committed[index]?.entry
      this.#verdict.check(
        committed === undefined || node.written.termAt(index) !== committed.term,
        'state machine safety (figure 3.2)',
        () => `node ${node.id} drops entry ${index}, which is committed, for a snapshot of ${base.index}`,
      )
    }
  }

  #onTruncate(node: Watched, truncateFrom: Index, term: Term): void {
    const { id, role, written } = node
    this.#verdict.check(
      role !== 'leader' || this.#elections.leaderOf(term) !== id,
      'leader append-only (figure 3.2)',
      () => `node ${id}, leader of term ${term}, deletes from entry ${truncateFrom}`,
    )
    const committed = this.#committed[truncateFrom]?.entry
    this.#verdict.check(
      committed === undefined || written.termAt(truncateFrom) !== committed.term,
      'state machine safety (figure 3.2)',
      () => `node ${id} deletes from entry ${truncateFrom}, which is committed`,
    )
  }

  /** Whatever was committed in earlier terms is in the log of every later leader. */
  #checkCompleteness(node: Watched, term: Term): void {
    let index = this.commitIndex
    while ((this.#committed[index]?.inTerm ?? 0) >= term) index -= 1
    const expected = this.#committed[index]?.entry.term ?? 0
    this.#verdict.check(
      node.written.holds({ index, term: expected }),
      'leader completeness (figure 3.2)',
      () => `node ${node.id} leads term ${term} without entry ${index}, which was committed with term ${expected}`,
    )
  }

  #checkCommitted(what: string, { index, term }: EntryId): void {
    const committed = this.#committed[index]?.entry
    this.#verdict.check(
      committed === undefined || committed.term === term,
      'state machine safety (figure 3.2)',
      () => `${what} entry ${index} of term ${term}, committed is one of term ${committed?.term}`,
    )
  }
}
