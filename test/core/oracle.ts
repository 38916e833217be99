// Watches a whole cluster and knows what may never happen (figure 3.2, §3.8, §4.1, §6.4). It sees everything; the nodes do not know of it.
import { assert, type ConfState, type Entry, type Index, type LogBase, type Message, type NodeId, type Term } from '../../src/core/index.ts'
import { type ClusterEvents, type CoreCluster, type CoreNode, type Snapshot, wordOf } from './core-cluster.ts'

interface Fact {
  /** `undefined` where it was only ever the first of a log. */
  previousTerm: Term | undefined
  readonly word: string
}
interface Committed {
  readonly term: Term
  /** Term of the leader that knew it first. */
  readonly inTerm: Term
}
/** What was seen of a leader's log. */
interface LeaderLog {
  readonly firstIndex: Index
  readonly terms: readonly Term[]
}

export class Oracle implements ClusterEvents {
  readonly #leaders = new Map<Term, NodeId>()
  readonly #votes = new Map<string, NodeId>()
  /** Of each (index, term) that was ever in a log. */
  readonly #facts = new Map<string, Fact>()
  readonly #committed = new Map<Index, Committed>()
  #committedIndex: Index = 0
  readonly #applied = new Map<Index, string>()
  /** What every state machine holds after an index. */
  readonly #states = new Map<Index, string>()
  /** Logs of leaders as they were last seen. */
  readonly #leaderLogs = new Map<Term, LeaderLog>()
  readonly #readFloors = new Map<number, Index>()
  readonly #durableTerms = new Map<NodeId, Term>()
  /** Of each node, what its log looked like when it was last read. */
  readonly #seen = new Map<NodeId, string>()
  readonly #sharing = new Map<string, boolean>()
  /** How often it looked: a check that never ran proves nothing. */
  readonly counts = {
    leaders: 0,
    commits: 0,
    applies: 0,
    votes: 0,
    acknowledgements: 0,
    truncations: 0,
    fetches: 0,
    grants: 0,
    followerGrants: 0,
    confs: 0,
    joints: 0,
    resets: 0,
    restores: 0,
    compactions: 0,
    transfers: 0,
    transferred: 0,
  }
  #cluster: CoreCluster | undefined

  watch(cluster: CoreCluster): void {
    this.#cluster = cluster
    for (const { disk } of cluster.nodes.values()) this.#committedIndex = Math.max(this.#committedIndex, disk.base.id.index)
  }

  /** The newest index that any leader has committed. */
  get committedIndex(): Index {
    return this.#committedIndex
  }

  ready(node: CoreNode, ready: Parameters<NonNullable<ClusterEvents['ready']>>[1]): void {
    const { persist, compact, reads, fetches } = ready
    if (persist?.truncateFrom !== undefined) this.counts.truncations++
    if (persist?.reset !== undefined) this.counts.resets++
    if (compact !== undefined) this.counts.compactions++
    this.counts.fetches += fetches.length
    for (const { id, index } of reads) {
      this.counts.grants++
      if (node.core.softState.role === 'follower') this.counts.followerGrants++
      const floor = this.#readFloors.get(id)
      assert(
        floor !== undefined && index >= floor,
        `read ${id} is granted at ${index}, but ${floor} was committed when it was asked (§6.4)`,
      )
    }
  }

  /** A read is asked for now: what anyone has committed by now, it must see. */
  asked(readId: number): void {
    this.#readFloors.set(readId, this.#committedIndex)
  }

  sent(message: Message): void {
    const disk = this.#cluster?.node(message.from).disk
    assert(disk !== undefined, 'the oracle watches no cluster')
    const { from, to, term, kind } = message
    if (kind === 'TimeoutNow') this.counts.transfers++
    if (kind === 'RequestVote') {
      if (message.transfer) this.counts.transferred++
      const { hardState } = disk
      const isDurable = hardState.term === term && hardState.votedFor === from
      assert(isDurable, `node ${from} asks for votes in term ${term} before its own is durable`)
    }
    if (kind === 'RequestVoteReply' && message.granted) {
      this.counts.votes++
      const { hardState } = disk
      assert(hardState.term === term && hardState.votedFor === to, `node ${from} gives a vote in term ${term} that is not durable`)
      const key = `${from} in term ${term}`
      assert((this.#votes.get(key) ?? to) === to, `a second vote of ${key}`)
      this.#votes.set(key, to)
    }
    if (kind === 'AppendEntriesReply' && message.ok) {
      this.counts.acknowledgements++
      const { matchIndex } = message
      assert(disk.hardState.term === term, `node ${from} acknowledges in term ${term}, its disk is in ${disk.hardState.term}`)
      assert(disk.lastIndex >= matchIndex, `node ${from} acknowledges ${matchIndex}, its disk ends at ${disk.lastIndex}`)
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
      const is = `${wordOf(entry)} of term ${entry.term}`
      const was = this.#applied.get(entry.index) ?? is
      assert(was === is, `state machine safety: node ${node.id} applies ${is} at ${entry.index}, another applied ${was}`)
      this.#applied.set(entry.index, is)
    }
    // Each once, in order, none left out.
    const first = node.stateBase.id.index - node.applied.length
    assert(
      node.applied.every(({ index }, i) => index === first + i + 1),
      `node ${node.id} applies out of order`,
    )
    this.#checkState(node.stateBase, node)
  }

  restored(node: CoreNode, { base }: Snapshot): void {
    this.counts.restores++
    this.#checkState(base, node)
  }

  stepped(node: CoreNode): void {
    const { role, term, leader, firstIndex, lastIndex, lastTerm, commitIndex, lastApplied, hasState } = node.core.status
    assert(lastApplied <= commitIndex && commitIndex <= lastIndex, `node ${node.id}: applied ${lastApplied}, committed ${commitIndex}`)
    assert(role !== 'leader' || hasState, `node ${node.id} leads without a state`)
    const looks = [role, term, leader, firstIndex, lastIndex, lastTerm, commitIndex].join(' ')
    if (this.#seen.get(node.id) === looks) return
    this.#seen.set(node.id, looks)
    const { log } = node
    this.#checkLogMatching(node, log)
    this.#recordCommits(node, log)
    if (role === 'leader') this.#checkLeader(node, log)
  }

  #checkState({ id: { index } }: LogBase, node: CoreNode): void {
    const was = this.#states.get(index) ?? node.state
    assert(was === node.state, `state machine safety: node ${node.id} holds ${node.state} after ${index}, another ${was}`)
    this.#states.set(index, was)
  }

  #checkLogMatching(node: CoreNode, log: readonly Entry[]): void {
    const { base } = node.disk
    const isAfterBase = base.id.index === (log[0]?.index ?? 0) - 1
    let previousTerm = isAfterBase ? base.id.term : undefined
    let conf = isAfterBase ? base.conf : undefined
    for (const entry of log) {
      const key = `${entry.index} of term ${entry.term}`
      const fact = this.#facts.get(key)
      if (fact === undefined) {
        this.#facts.set(key, { previousTerm, word: wordOf(entry) })
        if (entry.conf !== undefined && conf !== undefined) this.#checkChange(conf, entry.conf)
      } else {
        assert(
          previousTerm === undefined || fact.previousTerm === undefined || fact.previousTerm === previousTerm,
          `log matching: before entry ${key}, node ${node.id} has term ${previousTerm}, another ${fact.previousTerm}`,
        )
        fact.previousTerm ??= previousTerm
        assert(fact.word === wordOf(entry), `log matching: entry ${key} is ${wordOf(entry)} on node ${node.id} and ${fact.word} on another`)
      }
      previousTerm = entry.term
      conf = entry.conf ?? conf
    }
  }

  /** Decisions of one configuration are known to the next (§4.1, §4.3). */
  #checkChange(before: ConfState, after: ConfState): void {
    this.counts.confs++
    if (after.votersOutgoing.length > 0) this.counts.joints++
    const names = JSON.stringify([before, after])
    assert(shareServers({ before, after, known: this.#sharing }), `two quorums that share no server: ${names}`)
    assert(!after.members.some(({ id }) => before.removed.includes(id)), `an id is used again: ${names}`)
    assert(
      before.removed.every((id) => after.removed.includes(id)),
      `a removed id is forgotten: ${names}`,
    )
  }

  #checkLeader(node: CoreNode, log: readonly Entry[]): void {
    const { term, firstIndex, lastIndex } = node.core.status
    const known = this.#leaders.get(term)
    if (known === undefined) this.counts.leaders++
    assert((known ?? node.id) === node.id, `election safety: nodes ${known} and ${node.id} lead term ${term}`)
    this.#leaders.set(term, node.id)

    const termAt = (index: Index) => log[index - firstIndex]?.term
    const before = this.#leaderLogs.get(term)
    if (before !== undefined) {
      const kept = before.terms.every((was, i) => before.firstIndex + i < firstIndex || termAt(before.firstIndex + i) === was)
      assert(kept, `leader append-only: node ${node.id} changed its log in term ${term}`)
    }
    this.#leaderLogs.set(term, { firstIndex, terms: log.map((entry) => entry.term) })

    for (const [index, committed] of this.#committed) {
      if (committed.inTerm > term || index < firstIndex) continue
      const has = termAt(index) === committed.term
      assert(has, `leader completeness: node ${node.id} leads term ${term} without entry ${index} of term ${committed.term}`)
    }
    const unsettled = log.filter(({ index, conf }) => conf !== undefined && index > this.#committedIndex)
    assert(unsettled.length <= 1, `${unsettled.length} changes of the configuration are unsettled at ${lastIndex} (§4.1)`)
  }

  #recordCommits(node: CoreNode, log: readonly Entry[]): void {
    const { commitIndex, term, role } = node.core.status
    for (const entry of log) {
      if (entry.index > commitIndex) break
      const known = this.#committed.get(entry.index)
      if (known === undefined) {
        this.counts.commits++
        this.#committed.set(entry.index, { term: entry.term, inTerm: term })
        this.#committedIndex = Math.max(this.#committedIndex, entry.index)
      } else {
        const isSame = known.term === entry.term
        assert(isSame, `node ${node.id} commits entry ${entry.index} of term ${entry.term}, another of term ${known.term}`)
        if (role === 'leader' && term < known.inTerm) this.#committed.set(entry.index, { term: known.term, inTerm: term })
      }
    }
  }
}

/** Whether every quorum of the one shares a server with every quorum of the other: all of them tried. */
function shareServers({ before, after, known }: { before: ConfState; after: ConfState; known: Map<string, boolean> }): boolean {
  const sets = [before.voters, before.votersOutgoing, after.voters, after.votersOutgoing]
  const key = sets.join('|')
  const answer = known.get(key) ?? quorumsOf(before).every((one) => quorumsOf(after).every((other) => (one & other) !== 0))
  known.set(key, answer)
  return answer
}

/** By definition: more than half of each half, one bit a server. */
function quorumsOf({ voters, votersOutgoing }: ConfState): readonly number[] {
  const ids = [...new Set([...voters, ...votersOutgoing])]
  const isMajority = (of: readonly NodeId[], mask: number) => of.length === 0 || 2 * of.filter((id) => mask & (1 << id)).length > of.length
  const masks = Array.from({ length: 1 << ids.length }, (_, bits) =>
    ids.reduce((mask, id, i) => ((bits >> i) & 1 ? mask | (1 << id) : mask), 0),
  )
  return masks.filter((mask) => isMajority(voters, mask) && isMajority(votersOutgoing, mask))
}
