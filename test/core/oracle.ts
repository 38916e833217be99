// Watches a whole cluster and knows what may never happen (figure 3.2, §3.8). It sees everything; the nodes do not know of it.
import { assert, type Entry, type EntryId, type Index, type Message, type NodeId, type Term } from '../../src/core/index.ts'
import { type ClusterEvents, type CoreCluster, type CoreNode, wordOf } from './core-cluster.ts'

interface Fact {
  readonly previousTerm: Term
  readonly word: string
}
interface Committed {
  readonly term: Term
  /** Term of the node that knew it first. */
  readonly inTerm: Term
}

export class Oracle implements ClusterEvents {
  readonly #leaders = new Map<Term, NodeId>()
  readonly #votes = new Map<string, NodeId>()
  /** Of each (index, term) that was ever in a log. */
  readonly #facts = new Map<string, Fact>()
  readonly #committed: Committed[] = []
  readonly #applied = new Map<Index, string>()
  /** Logs of leaders as they were last seen. */
  readonly #leaderLogs = new Map<Term, readonly Entry[]>()
  readonly #readFloors = new Map<number, Index>()
  readonly #durableTerms = new Map<NodeId, Term>()
  /** How often it looked: a check that never ran proves nothing. */
  readonly counts = { leaders: 0, commits: 0, applies: 0, votes: 0, acknowledgements: 0, truncations: 0, fetches: 0, grants: 0 }
  #cluster: CoreCluster | undefined

  watch(cluster: CoreCluster): void {
    this.#cluster = cluster
  }

  get committedCount(): number {
    return this.#committed.length
  }

  ready(_node: CoreNode, ready: Parameters<NonNullable<ClusterEvents['ready']>>[1]): void {
    if (ready.persist?.truncateFrom !== undefined) this.counts.truncations++
    this.counts.fetches += ready.fetches.length
    for (const { id, index } of ready.reads) {
      this.counts.grants++
      const floor = this.#readFloors.get(id)
      assert(
        floor !== undefined && index >= floor,
        `read ${id} is granted at ${index}, but ${floor} was committed when it was asked (§6.4)`,
      )
    }
  }

  /** A read is asked for now: what anyone has committed by now, it must see. */
  asked(readId: number): void {
    this.#readFloors.set(readId, (this.#cluster?.node(1).disk.base.id.index ?? 0) + this.#committed.length)
  }

  sent(message: Message): void {
    const disk = this.#cluster?.node(message.from).disk
    assert(disk !== undefined, 'the oracle watches no cluster')
    if (message.kind === 'RequestVote') {
      const { term, votedFor } = disk.hardState
      assert(
        term === message.term && votedFor === message.from,
        `node ${message.from} asks for votes in term ${message.term} before its own is durable`,
      )
    }
    if (message.kind === 'RequestVoteReply' && message.granted) {
      this.counts.votes++
      const { term, votedFor } = disk.hardState
      assert(
        term === message.term && votedFor === message.to,
        `node ${message.from} gives a vote in term ${message.term} that is not durable`,
      )
      const key = `${message.from} in term ${message.term}`
      assert((this.#votes.get(key) ?? message.to) === message.to, `a second vote of ${key}`)
      this.#votes.set(key, message.to)
    }
    if (message.kind === 'AppendEntriesReply' && message.ok) {
      this.counts.acknowledgements++
      assert(
        disk.hardState.term === message.term,
        `node ${message.from} acknowledges in term ${message.term}, its disk is in ${disk.hardState.term}`,
      )
      assert(
        disk.lastIndex >= message.matchIndex,
        `node ${message.from} acknowledges ${message.matchIndex}, its disk ends at ${disk.lastIndex}`,
      )
    }
  }

  written(node: CoreNode): void {
    const { term } = node.disk.hardState
    assert(term >= (this.#durableTerms.get(node.id) ?? 0), `the term on the disk of node ${node.id} falls`)
    this.#durableTerms.set(node.id, term)
  }

  applied(node: CoreNode, entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.counts.applies++
      assert(entry.index <= node.disk.lastIndex, `node ${node.id} applies ${entry.index}, its disk ends at ${node.disk.lastIndex}`)
      const is = nameOf(entry)
      const was = this.#applied.get(entry.index) ?? is
      assert(was === is, `state machine safety: node ${node.id} applies ${is} at ${entry.index}, another applied ${was}`)
      this.#applied.set(entry.index, is)
    }
    // Each once, in order, none left out.
    assert(
      node.applied.every((entry, i) => entry.index === node.disk.base.id.index + i + 1),
      `node ${node.id} applies out of order`,
    )
  }

  stepped(node: CoreNode): void {
    const { log } = node
    this.#checkLogMatching(node, log)
    if (node.core.softState.role === 'leader') this.#checkLeader(node, log)
    this.#recordCommits(node, log)
  }

  #checkLogMatching(node: CoreNode, log: readonly Entry[]): void {
    let previousTerm = node.disk.base.id.term
    for (const entry of log) {
      const key = `${entry.index} of term ${entry.term}`
      const fact = this.#facts.get(key)
      if (fact === undefined) this.#facts.set(key, { previousTerm, word: wordOf(entry) })
      else {
        assert(
          fact.previousTerm === previousTerm,
          `log matching: before entry ${key}, node ${node.id} has term ${previousTerm}, another ${fact.previousTerm}`,
        )
        assert(fact.word === wordOf(entry), `log matching: entry ${key} is ${wordOf(entry)} on node ${node.id} and ${fact.word} on another`)
      }
      previousTerm = entry.term
    }
  }

  #checkLeader(node: CoreNode, log: readonly Entry[]): void {
    const { term } = node.core.softState
    const known = this.#leaders.get(term)
    if (known === undefined) this.counts.leaders++
    assert((known ?? node.id) === node.id, `election safety: nodes ${known} and ${node.id} lead term ${term}`)
    this.#leaders.set(term, node.id)

    const before = this.#leaderLogs.get(term) ?? []
    assert(
      before.every((entry, i) => isSame(entry, log[i])),
      `leader append-only: node ${node.id} changed its log in term ${term}`,
    )
    this.#leaderLogs.set(term, log)

    for (const [i, committed] of this.#committed.entries()) {
      if (committed.inTerm > term) continue
      const index = node.disk.base.id.index + i + 1
      assert(
        log[i]?.term === committed.term,
        `leader completeness: node ${node.id} leads term ${term} without entry ${index} of term ${committed.term}`,
      )
    }
  }

  #recordCommits(node: CoreNode, log: readonly Entry[]): void {
    const { commitIndex, term } = node.core.status
    for (let i = 0; i < commitIndex - node.disk.base.id.index; i++) {
      const entry = log[i]
      const known = this.#committed[i]
      assert(entry !== undefined, `node ${node.id} commits beyond its log`)
      if (known === undefined) {
        this.counts.commits++
        this.#committed.push({ term: entry.term, inTerm: term })
      } else {
        assert(
          known.term === entry.term,
          `node ${node.id} commits entry ${entry.index} of term ${entry.term}, another of term ${known.term}`,
        )
        if (term < known.inTerm) this.#committed[i] = { term: known.term, inTerm: term }
      }
    }
  }
}

function nameOf(entry: Entry): string {
  return `${wordOf(entry)} of term ${entry.term}`
}

function isSame(a: EntryId, b: EntryId | undefined): boolean {
  return b !== undefined && a.term === b.term && a.index === b.index
}
