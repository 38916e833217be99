// What Raft promises (figure 3.2) and what a node may promise (§3.8), checked over the whole cluster after every step. It sees what a node
// writes, what its disk holds, what it sends, and what it says of itself.
import { voteResult } from '../../core/quorum.ts'
import type { ConfState, Entry, Index, LogSummary, Message, NodeId, Persist, SoftState, Term } from '../../core/types.ts'
import type { NodeStatus } from '../../wire/client-messages.ts'
import type { Verdict } from '../violation.ts'
import { Entries } from './entries.ts'
import { LogShadow } from './log-shadow.ts'

interface Watched {
  /** What is on the disk. */
  readonly durable: LogShadow
  /** What this life of the node has handed to its disk. */
  readonly written: LogShadow
  /** Handed over, not on the disk. */
  underWay: Persist[]
  /** By term. Over all lives. */
  readonly votes: Map<Term, NodeId>
  term: Term
  commitIndex: Index
  lastApplied: Index
  /** Up to here its committed entries were compared with those of others. */
  comparedIndex: Index
  role: SoftState['role']
  /** The term that it led at the end of its last turn. */
  ledTerm: Term | undefined
}
export interface Committed {
  readonly entry: Entry
  /** Term of the first node that knew, at that time. */
  readonly inTerm: Term
}

export class Safety {
  readonly #verdict: Verdict
  readonly #conf: ConfState
  readonly #entries: Entries
  readonly #watched = new Map<NodeId, Watched>()
  readonly #leaders = new Map<Term, NodeId>()
  /** What any node ever knew to be committed, by index; position 0 is before the first entry. */
  readonly #committed: (Committed | undefined)[] = [undefined]

  constructor(verdict: Verdict, conf: ConfState) {
    this.#verdict = verdict
    this.#conf = conf
    this.#entries = new Entries(verdict)
    for (const { id } of conf.members) {
      const logs = { durable: new LogShadow(), written: new LogShadow(), underWay: [], votes: new Map() }
      this.#watched.set(id, { ...logs, term: 0, commitIndex: 0, lastApplied: 0, comparedIndex: 0, role: 'follower', ledTerm: undefined })
    }
  }

  get commitIndex(): Index {
    return this.#committed.length - 1
  }

  /** Elections that were won. */
  get elections(): number {
    return this.#leaders.size
  }

  committed(index: Index): Entry | undefined {
    return this.#committed[index]?.entry
  }

  durableIndex(id: NodeId): Index {
    return this.#of(id).durable.lastIndex
  }

  /** A process has read its log. */
  onRecovered(id: NodeId, summary: LogSummary): void {
    const node = this.#of(id)
    const difference = node.durable.differenceTo(summary)
    this.#verdict.check(difference === undefined, 'durability (§3.8)', () => `node ${id} comes back with ${difference}`)
    node.underWay = []
    node.written.copyOf(node.durable)
    Object.assign(node, {
      term: summary.hardState.term,
      commitIndex: 0,
      lastApplied: 0,
      comparedIndex: 0,
      role: 'follower',
      ledTerm: undefined,
    })
  }

  /** A node asks for a write. */
  onWrite(id: NodeId, persist: Persist): void {
    const node = this.#of(id)
    const { hardState, truncateFrom, entries } = persist
    if (truncateFrom !== undefined) this.#onTruncate(id, truncateFrom, hardState.term)
    const prevIndex = truncateFrom === undefined ? node.written.lastIndex : truncateFrom - 1
    this.#entries.note(node.written.termAt(prevIndex) ?? 0, entries)
    node.written.write(persist)
    node.underWay.push(persist)
  }

  /** The oldest write under way is on the disk. */
  onStored(id: NodeId): void {
    const node = this.#of(id)
    const persist = node.underWay.shift()
    if (persist === undefined) return
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
  }

  onSend(id: NodeId, message: Message): void {
    const { hardState, lastIndex } = this.#of(id).durable
    switch (message.kind) {
      case 'PreVote':
      case 'PreVoteReply':
        return // promises nothing
      case 'RequestVote':
        this.#onVote({ voter: id, candidate: id, term: message.term })
        break
      case 'RequestVoteReply':
        if (message.granted) this.#onVote({ voter: id, candidate: message.to, term: message.term })
        break
      case 'AppendEntries':
        this.#onLeads(id, message.term)
        this.#entries.note(message.prev.term, message.entries)
        break
      case 'Heartbeat':
        this.#onLeads(id, message.term)
        break
      case 'AppendEntriesReply':
        this.#verdict.check(
          !message.ok || message.matchIndex <= lastIndex,
          'promises only what is durable (§3.8)',
          () => `node ${id} acknowledges ${message.ok ? message.matchIndex : 0}, its disk ends at ${lastIndex}`,
        )
        break
      default:
    }
    this.#verdict.check(
      hardState.term >= message.term,
      'promises only what is durable (§3.8)',
      () => `node ${id} sends ${message.kind} of term ${message.term}, its disk is in term ${hardState.term}`,
    )
  }

  onRole(id: NodeId, { role, term }: SoftState): void {
    const node = this.#of(id)
    if (role === 'leader' && node.role !== 'leader') {
      this.#onLeads(id, term)
      this.#checkCompleteness(id, term)
    }
    node.role = role
  }

  /** After each turn of a node. */
  onTurn(id: NodeId, { role, term, commitIndex, lastApplied, lastIndex }: NodeStatus): void {
    const node = this.#of(id)
    this.#checkCounted(id, { term, commitIndex })
    node.ledTerm = role === 'leader' ? term : undefined
    if (term === node.term && commitIndex === node.comparedIndex && lastApplied === node.lastApplied && commitIndex === node.commitIndex)
      return
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
    this.#onCommit(id, node)
  }

  /** What a leader commits by counting ends with an entry of its own term (§3.6.2). */
  #checkCounted(id: NodeId, { term, commitIndex }: Pick<NodeStatus, 'term' | 'commitIndex'>): void {
    const node = this.#of(id)
    if (node.ledTerm !== term || commitIndex === node.commitIndex) return
    // What is not written yet is its own.
    const entryTerm = node.written.termAt(commitIndex) ?? term
    this.#verdict.check(
      entryTerm === term,
      'commits by counting in its own term only (§3.6.2)',
      () => `node ${id}, leader of term ${term}, commits up to entry ${commitIndex} of term ${entryTerm}`,
    )
  }

  /**
   * A leader has written what it has in memory, up to some entries at the end: those are looked at once it has. A follower may have begun to
   * replace what it has written, so only what it has applied is surely the same in both.
   */
  #onCommit(id: NodeId, node: Watched): void {
    const known = Math.min(node.ledTerm === undefined ? node.lastApplied : node.commitIndex, node.written.lastIndex)
    if (known <= node.comparedIndex) return
    const first = this.commitIndex + 1
    for (let index = node.comparedIndex + 1; index <= known; index++) {
      const term = node.written.termAt(index) ?? 0
      const before = this.#committed[index]
      if (before === undefined) this.#commit(id, { index, term, inTerm: node.term })
      else {
        this.#verdict.check(
          before.entry.term === term,
          'state machine safety (figure 3.2)',
          () => `entry ${index} is committed with term ${before.entry.term}, on node ${id} with term ${term}`,
        )
      }
    }
    node.comparedIndex = known
    if (known >= first) this.#checkQuorum(known)
  }

  #commit(id: NodeId, { index, term, inTerm }: { readonly index: Index; readonly term: Term; readonly inTerm: Term }): void {
    const entry = this.#entries.find({ index, term })
    if (entry === undefined)
      this.#verdict.violate('log matching (figure 3.2)', `node ${id} commits entry ${index} of term ${term}, which nobody wrote`)
    else this.#committed[index] = { entry, inTerm }
  }

  /** By log matching whoever has the last of them has all. */
  #checkQuorum(index: Index): void {
    const term = this.#committed[index]?.entry.term
    const holders = new Map<NodeId, boolean>()
    for (const [id, { durable }] of this.#watched) holders.set(id, durable.termAt(index) === term)
    this.#verdict.check(
      voteResult(this.#conf, holders) === 'won',
      'committed is what a majority has on its disks',
      () =>
        `entry ${index} of term ${term} is committed, on the disks of ${[...holders].flatMap(([id, has]) => (has ? [id] : [])).join(', ')} only`,
    )
  }

  #onTruncate(id: NodeId, truncateFrom: Index, term: Term): void {
    const node = this.#of(id)
    this.#verdict.check(
      node.role !== 'leader' || this.#leaders.get(term) !== id,
      'leader append-only (figure 3.2)',
      () => `node ${id}, leader of term ${term}, deletes from entry ${truncateFrom}`,
    )
    const committed = this.#committed[truncateFrom]?.entry
    this.#verdict.check(
      committed === undefined || node.written.termAt(truncateFrom) !== committed.term,
      'state machine safety (figure 3.2)',
      () => `node ${id} deletes from entry ${truncateFrom}, which is committed`,
    )
  }

  /** Whatever was committed in earlier terms is in the log of every later leader. */
  #checkCompleteness(id: NodeId, term: Term): void {
    let index = this.commitIndex
    while ((this.#committed[index]?.inTerm ?? 0) >= term) index -= 1
    const expected = this.#committed[index]?.entry.term ?? 0
    const found = this.#of(id).written.termAt(index)
    this.#verdict.check(
      found === expected,
      'leader completeness (figure 3.2)',
      () =>
        `node ${id} leads term ${term} with ${found === undefined ? 'no' : 'another'} entry ${index}, which was committed with term ${expected}`,
    )
  }

  #onLeads(id: NodeId, term: Term): void {
    const leader = this.#leaders.get(term) ?? id
    this.#leaders.set(term, leader)
    this.#verdict.check(leader === id, 'election safety (figure 3.2)', () => `nodes ${leader} and ${id} both lead term ${term}`)
  }

  #onVote({ voter, candidate, term }: { readonly voter: NodeId; readonly candidate: NodeId; readonly term: Term }): void {
    const { votes, durable } = this.#of(voter)
    const before = votes.get(term) ?? candidate
    votes.set(term, candidate)
    this.#verdict.check(
      before === candidate,
      'one vote a term (§3.4)',
      () => `node ${voter} votes for ${before} and ${candidate} in term ${term}`,
    )
    const { hardState } = durable
    this.#verdict.check(
      hardState.term > term || (hardState.term === term && hardState.votedFor === candidate),
      'promises only what is durable (§3.8)',
      () => `node ${voter} votes for ${candidate} in term ${term}, its disk has a vote for ${hardState.votedFor} in term ${hardState.term}`,
    )
  }

  #of(id: NodeId): Watched {
    const node = this.#watched.get(id)
    if (node === undefined) throw new Error(`there is no node ${id}`)
    return node
  }
}
