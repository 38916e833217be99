// All of the core at once, by seed: members come, go, lose their disks and return; snapshots, compaction, transfers, reads of any replica and
// leases, over a network that loses, doubles and reorders, on disks that are slow and in processes that die. Clocks differ by up to 10 %.
import { expect, test } from 'vitest'
import {
  assert,
  type ConfStep,
  type Entry,
  type Index,
  type Ms,
  type NodeId,
  Random,
  type ReadGrant,
  type Term,
} from '../../src/core/index.ts'
import { confOf, CoreCluster, type CoreNode, memberOf, type Snapshot } from './core-cluster.ts'

class Turmoil {
  readonly cluster: CoreCluster
  readonly #random: Random
  #time: Ms = 0
  readonly #rates = new Map<NodeId, number>()
  /** What anybody ever applied, by index: the entry, and the state after it. */
  readonly #entries = new Map<Index, string>()
  readonly #states = new Map<Index, string>()
  readonly #leaders = new Map<Term, NodeId>()
  readonly #committed = new Map<Index, { readonly term: Term; readonly inTerm: Term }>()
  #maxCommitted: Index = 0
  readonly #floors = new Map<number, Index>()
  /** Nodes whose disk is gone, and the index from which on the cluster knows of their new incarnation. */
  readonly #wiped = new Map<NodeId, Index | undefined>()
  #reads = 0
  #words = 0
  readonly counts: Record<string, number> = {}

  constructor(seed: number) {
    this.#random = new Random(seed)
    const voters = Array.from({ length: 1 + this.#below(4) }, (_, i) => i + 1)
    const leaseMs = this.#below(3) === 0 ? 500 + this.#below(2_000) : 0
    this.cluster = new CoreCluster(
      {
        conf: confOf({ voters, leaseMs }),
        seed,
        clock: (id) => this.#clock(id),
        limits: {
          cacheBytesMax: this.#below(2) === 0 ? 1 : 4_000,
          inflightMessagesMax: 1 + this.#below(4),
          messageBytesMax: this.#below(2) === 0 ? 200 : 10_000,
          uncommittedBytesMax: 2_000,
          readsMax: 8,
          pinnedEntriesMax: 1 + this.#below(60),
        },
      },
      {
        applied: (node, entries) => this.#applied(node, entries),
        restored: (node, snapshot) => this.#restored(node, snapshot),
        ready: (node, { reads }) => this.#grantedReads(node, reads),
        stepped: (node) => this.#stepped(node),
      },
    )
    this.cluster.start()
    for (const node of this.cluster.nodes.values()) this.#unsettle(node)
  }

  act(): void {
    const at = this.#below(100)
    const node = this.#any()
    if (at < 45) for (let i = this.#below(5); i >= 0; i--) this.cluster.deliverAt(0)
    else if (at < 49) this.cluster.deliverAt(this.#below(Math.max(1, this.cluster.network.length)))
    else if (at < 51) this.cluster.deliverAt(this.#below(Math.max(1, this.cluster.network.length)), { keep: true })
    else if (at < 53) this.cluster.network.splice(this.#below(Math.max(1, this.cluster.network.length)), 1)
    else if (at < 68) this.#pass(1 + this.#below(60))
    else if (at < 69 && this.#below(4) > 0) this.#pass(this.#below(3_000))
    else if (at < 69) this.#duel()
    else if (at < 80) for (const each of this.cluster.nodes.values()) this.#finish(each)
    else if (at < 85) this.#propose()
    else if (at < 88) this.#read(node)
    else if (at < 90) this.#change()
    else if (at < 91) this.#transfer()
    else if (at < 93) this.#snapshot(node)
    else if (at < 96) this.#fetchSnapshots()
    else if (at < 97) this.#crash(node)
    else if (at < 98) this.#restart()
    else if (at < 99) this.#cut(node)
    else this.#bring()
  }

  /** A spell in which the cluster gets somewhere. */
  calm(): void {
    if (this.#below(3) === 0) return
    if (this.#below(2) === 0) this.cluster.heal()
    if (this.#below(2) === 0) this.#restart()
    for (let ms = 0; ms < 2_000; ms += 40) {
      this.#pass(40)
      for (let i = 0; i < 60; i++) this.cluster.deliverAt(0)
      for (const node of this.cluster.nodes.values()) this.#finish(node)
    }
  }

  /** A leader is cut off, others go on without it, and both are asked all the time. */
  #duel(): void {
    const [leader] = this.cluster.leaders()
    if (leader === undefined) return
    this.cluster.heal()
    if (this.#below(2) === 0) this.cluster.input(leader, { kind: 'transfer', ticket: 4, to: undefined })
    // The last thing that leaves may be the word that another should lead.
    this.cluster.deliverOnly(({ kind, from }) => from !== leader || kind === 'TimeoutNow')
    this.cluster.isolate(leader)
    for (let ms = 0; ms < 4_000; ms += 25) {
      this.#pass(25)
      for (let i = 0; i < 30; i++) this.cluster.deliverAt(0)
      for (const node of this.cluster.nodes.values()) {
        this.#finish(node)
        if (this.#below(3) === 0) this.#read(node)
      }
      if (this.#below(3) === 0) this.#propose()
      if (this.#below(20) === 0) this.#change()
    }
    this.cluster.heal()
  }

  /** Peace: everything that can run runs, nothing is lost. */
  settle(): void {
    const { cluster } = this
    cluster.heal()
    for (const node of cluster.nodes.values()) {
      Object.assign(node, { holdsWrites: false, holdsFetches: false })
      if (node.raft === undefined && !this.#wiped.has(node.id)) cluster.start(node.id)
      this.#finish(node)
    }
    for (let ms = 0; ms < 30_000; ms += 50) {
      this.#pass(50)
      cluster.deliver()
      this.#fetchSnapshots()
      this.#mend()
    }
    this.#propose()
    for (let ms = 0; ms < 2_000; ms += 50) {
      this.#pass(50)
      cluster.deliver()
      this.#fetchSnapshots()
    }
  }

  check(): void {
    const leaders = this.cluster.leaders()
    expect(leaders).toHaveLength(1)
    const { conf, isConfPending, lastIndex, uncommittedBytes, hasState } = this.cluster.node(leaders[0] ?? 0).core.status
    expect({ isConfPending, uncommittedBytes, hasState, joining: conf.joining }).toEqual({
      isConfPending: false,
      uncommittedBytes: 0,
      hasState: true,
      joining: [],
    })
    for (const { id } of conf.members) {
      const { stateBase, core } = this.cluster.node(id)
      expect({ id, applied: core.status.lastApplied, state: stateBase.id.index }).toEqual({ id, applied: lastIndex, state: lastIndex })
    }
  }

  // --- What may never happen

  #applied(node: CoreNode, entries: readonly Entry[]): void {
    for (const { index, term, kind } of entries) {
      const is = `${term} ${kind}`
      assert((this.#entries.get(index) ?? is) === is, `node ${node.id} applies ${is} at ${index}, another ${this.#entries.get(index)}`)
      this.#entries.set(index, is)
    }
    this.#checkState(node)
  }

  #restored(node: CoreNode, { base }: Snapshot): void {
    this.#count('restored')
    assert(node.stateBase.id.index === base.id.index, 'another snapshot')
    this.#checkState(node)
  }

  #checkState({ id, state, stateBase }: CoreNode): void {
    const { index } = stateBase.id
    const known = this.#states.get(index) ?? state
    assert(known === state, `node ${id} has state ${state} at ${index}, another ${known}`)
    this.#states.set(index, state)
  }

  #grantedReads(node: CoreNode, reads: readonly ReadGrant[]): void {
    for (const { id, index } of reads) {
      this.#count(node.core.softState.role === 'leader' ? 'grants' : 'grantsOfFollowers')
      const floor = this.#floors.get(id)
      assert(floor !== undefined && index >= floor, `read ${id} of node ${node.id} is granted at ${index}, but ${floor} was committed`)
    }
  }

  #stepped(node: CoreNode): void {
    const { id, core } = node
    if (this.#below(10) === 0) this.#checkConf(node)
    const { role, term } = core.softState
    const { commitIndex, firstIndex } = core.status
    if (role === 'leader') this.#checkLeader({ id, term })
    for (let index = Math.max(firstIndex, this.#maxCommitted + 1 - 40); index <= commitIndex; index++) {
      const entryTerm = this.#termAt(id, index)
      const known = this.#committed.get(index)
      if (entryTerm === undefined) continue
      if (known === undefined) this.#committed.set(index, { term: entryTerm, inTerm: term })
      else assert(known.term === entryTerm, `node ${id} commits term ${entryTerm} at ${index}, another ${known.term}`)
    }
    this.#maxCommitted = Math.max(this.#maxCommitted, commitIndex)
  }

  #checkLeader({ id, term }: { readonly id: NodeId; readonly term: Term }): void {
    const known = this.#leaders.get(term)
    assert((known ?? id) === id, `nodes ${known} and ${id} lead term ${term}`)
    if (known !== undefined) return
    this.#leaders.set(term, id)
    this.#count('leaders')
    const { firstIndex } = this.cluster.node(id).core.status
    for (const [index, committed] of this.#committed) {
      if (committed.inTerm >= term || index < firstIndex) continue
      assert(this.#termAt(id, index) === committed.term, `node ${id} leads term ${term} without the committed entry ${index}`)
    }
  }

  /** In force is the newest in the log, or that of its base (§4.1). */
  #checkConf({ id, core, log }: CoreNode): void {
    const { conf, firstIndex } = core.status
    const newest = log.findLast((entry) => entry.conf !== undefined)?.conf
    if (newest !== undefined) assert(newest === conf, `node ${id} follows another configuration than the newest in its log`)
    else assert(core.committedConf === conf, `node ${id} follows a configuration that is neither in its log nor before ${firstIndex}`)
  }

  #termAt(id: NodeId, index: Index): Term | undefined {
    const node = this.cluster.node(id)
    if (index > node.core.status.lastIndex) return undefined
    return (node.core.entriesInMemory({ firstIndex: index, lastIndex: index, bytesMax: 1 })?.[0] ?? node.disk.entry(index))?.term
  }

  // --- What happens

  #pass(ms: Ms): void {
    this.#time += ms
    for (const node of this.cluster.nodes.values()) {
      if (node.raft !== undefined && this.#clock(node.id) > node.now)
        this.cluster.tick(node.id, this.#clock(node.id) - node.now, { stepMs: 1e9 })
    }
  }

  #clock(id: NodeId): Ms {
    const rate = this.#rates.get(id) ?? 1 - 0.09 * this.#random.next()
    this.#rates.set(id, rate)
    return Math.floor(this.#time * rate)
  }

  #finish(node: CoreNode): void {
    if (node.writing !== undefined && (!node.holdsWrites || this.#below(3) > 0)) this.cluster.finishWrite(node.id)
    if (node.fetches.length > 0) this.cluster.answerFetch(node.id)
  }

  #propose(): void {
    for (const leader of this.cluster.leaders()) {
      const words = Array.from({ length: 1 + this.#below(8) }, () => `w${this.#words++}`)
      this.cluster.propose(leader, ...words)
    }
  }

  #read(node: CoreNode): void {
    if (node.raft === undefined) return
    const id = ++this.#reads
    this.#floors.set(id, this.#maxCommitted)
    this.cluster.read(node.id, id, { lease: this.#below(2) === 0 })
  }

  #change(): void {
    if (this.#wiped.size > 0) return
    for (const leader of this.cluster.leaders()) {
      const { conf } = this.cluster.node(leader).core.status
      const { accepted } = this.cluster.node(leader)
      const before = accepted.length
      for (let attempt = 0; attempt < 8 && accepted.length === before; attempt++) {
        const steps = Array.from({ length: 1 + this.#below(3) }, () => this.#step(conf.members.map(({ id }) => id)))
        this.cluster.input(leader, { kind: 'changeConf', ticket: 1, steps, force: this.#below(8) === 0 })
      }
      if (accepted.length > before) this.#count('changes')
    }
  }

  #step(members: readonly NodeId[]): ConfStep {
    const id = members[this.#below(members.length)] ?? 1
    switch (this.#below(7)) {
      case 0:
      case 1:
        return { kind: 'addLearner', member: memberOf(1 + Math.max(...this.cluster.nodes.keys())), joining: this.#below(4) > 0 }
      case 2:
        return { kind: 'promote', id }
      case 3:
        return { kind: 'demote', id }
      case 4:
        return { kind: 'remove', id }
      case 5:
        return { kind: 'setLease', leaseMs: this.#below(2) * (300 + this.#below(1_500)) }
      default:
        return { kind: 'update', member: { ...memberOf(id), client: `elsewhere-${id}` }, joining: false }
    }
  }

  /** Members that nobody has started yet start; a learner may lose its disk. */
  #bring(): void {
    if (this.#isSilent) return
    const conf = this.#committedConf()
    for (const { id } of conf.members) if (!this.cluster.nodes.has(id)) this.#join(id)
    if (this.#below(3) > 0) return
    if ([...this.cluster.nodes.values()].some(({ raft }) => raft === undefined)) return
    const lost = [...this.cluster.nodes.keys()][this.#below(this.cluster.nodes.size)] ?? 1
    // A disk that a majority cannot do without is lost for good, whatever anybody does.
    const confs = [...this.cluster.nodes.values()].flatMap(({ raft }) => raft?.status.conf ?? [])
    const halves = confs.flatMap(({ voters, votersOutgoing }) => [voters, votersOutgoing])
    if (!conf.members.some(({ id }) => id === lost) || halves.some((ids) => ids.includes(lost) && ids.length < 3)) return
    if (confs.some(({ voters, joining }) => joining.includes(lost) && voters.length < 3)) return
    this.#count('wiped')
    if (this.cluster.node(lost).raft !== undefined) this.cluster.crash(lost)
    this.#wiped.set(lost, undefined)
  }

  /** Whoever is missing comes, or comes back: with a new incarnation, once the cluster knows of it. */
  #mend(): void {
    const conf = this.#committedConf()
    for (const { id, incarnation } of conf.members) {
      if (!this.cluster.nodes.has(id)) this.#join(id)
      if (!this.#wiped.has(id)) continue
      const [leader] = this.cluster.leaders()
      if (leader === undefined) continue
      const member = { ...memberOf(id), incarnation: incarnation + 1 }
      const node = this.cluster.node(leader)
      const before = node.accepted.length
      const isLearner = conf.learners.includes(id) && !conf.votersOutgoing.includes(id)
      const step = isLearner ? ({ kind: 'update', member, joining: true } as const) : ({ kind: 'demote', id } as const)
      this.cluster.input(leader, { kind: 'changeConf', ticket: 2, steps: [step], force: false })
      if (!isLearner) continue
      const accepted = node.accepted[before]
      if (accepted === undefined) continue
      for (let i = 0; i < 40 && node.raft !== undefined && node.core.status.commitIndex < accepted.first.index; i++) {
        this.#pass(50)
        this.cluster.deliver()
      }
      this.#wiped.delete(id)
      this.#count('returned')
      this.#join(id)
    }
  }

  #join(id: NodeId): void {
    this.#count('joined')
    this.cluster.join(id, this.#committedConf().members)
  }

  #committedConf() {
    const nodes = [...this.cluster.nodes.values()].filter(({ raft }) => raft !== undefined)
    const best = nodes.sort((a, b) => b.core.status.commitIndex - a.core.status.commitIndex)[0]
    assert(best !== undefined, 'nobody runs')
    return best.core.status.committedConf
  }

  get #isSilent(): boolean {
    return [...this.cluster.nodes.values()].every(({ raft }) => raft === undefined)
  }

  #transfer(): void {
    for (const leader of this.cluster.leaders()) {
      const to = this.#below(2) === 0 ? undefined : this.#any().id
      this.cluster.input(leader, { kind: 'transfer', ticket: 3, to })
      if (this.cluster.node(leader).core.transferee !== undefined) this.#count('transfers')
    }
  }

  #snapshot(node: CoreNode): void {
    if (node.raft === undefined || !node.core.status.hasState || node.stateBase.id.index === 0) return
    const index = node.stateBase.id.index
    node.takeSnapshot()
    const older = node.disk.snapshots[1]?.base.id.index ?? index
    const compactIndex = Math.min(this.#below(2) === 0 ? older : index, node.core.status.lastApplied)
    this.cluster.input(node.id, { kind: 'compact', index: compactIndex })
  }

  #fetchSnapshots(): void {
    for (const node of this.cluster.nodes.values()) {
      if (node.raft === undefined) continue
      const { hasState, firstIndex, commitIndex } = node.core.status
      const wanted = node.snapshotWanted ?? 0
      if (hasState && wanted <= commitIndex) continue
      const minIndex = Math.max(1, hasState ? wanted : firstIndex - 1, wanted)
      const sources = [...this.cluster.nodes.values()].filter(
        ({ raft, stateBase }) => raft?.status.hasState && stateBase.id.index >= minIndex,
      )
      const source = sources[this.#below(Math.max(1, sources.length))]
      if (source === undefined || source === node) continue
      this.#count('fetched')
      this.cluster.fetchSnapshot({ source: source.id, target: node.id, minIndex })
    }
  }

  #crash(node: CoreNode): void {
    if (node.raft === undefined) return
    this.cluster.crash(node.id, { keepWrite: this.#below(2) === 0 })
    const [incarnation] = this.#committedConfOf(node.id)
    if (incarnation === undefined || this.#below(2) === 0) return
    for (const each of this.cluster.nodes.values()) {
      if (each.raft !== undefined) this.cluster.input(each.id, { kind: 'peerDown', peer: node.id, incarnation })
    }
  }

  #committedConfOf(id: NodeId): readonly number[] {
    if (this.#isSilent) return []
    return this.#committedConf().members.flatMap((member) => (member.id === id ? [member.incarnation] : []))
  }

  #restart(): void {
    for (const node of this.cluster.nodes.values()) {
      if (node.raft === undefined && !this.#wiped.has(node.id)) {
        this.cluster.start(node.id)
        this.#unsettle(node)
      }
    }
  }

  #cut(node: CoreNode): void {
    if (this.#below(3) > 0) this.cluster.heal()
    else this.cluster.isolate(node.id)
  }

  #unsettle(node: CoreNode): void {
    Object.assign(node, { holdsWrites: true, holdsFetches: true })
  }

  #any(): CoreNode {
    const ids = [...this.cluster.nodes.keys()]
    return this.cluster.node(ids[this.#below(ids.length)] ?? 1)
  }

  #below(count: number): number {
    return Math.floor(this.#random.next() * count)
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }
}

test('figure 3.2 holds through changes, snapshots, transfers and leases, and the cluster goes on after it', () => {
  const totals: Record<string, number> = {}
  // `SEED=1000 COUNT=500 npx vitest run test/core/turmoil.test.ts` for others.
  const first = Number(process.env['SEED'] ?? 1)
  const count = Number(process.env['COUNT'] ?? 20)
  for (let seed = first; seed < first + count; seed++) {
    try {
      const turmoil = new Turmoil(seed)
      for (let i = 0; i < 2_000; i++) {
        turmoil.act()
        if (i % 100 === 0) turmoil.calm()
      }
      turmoil.settle()
      turmoil.check()
      for (const [name, times] of Object.entries(turmoil.counts)) totals[name] = (totals[name] ?? 0) + times
    } catch (error) {
      throw new Error(`seed ${seed} fails: SEED=${seed} COUNT=1 npx vitest run test/core/turmoil.test.ts`, { cause: error })
    }
  }
  // What never happened was not tested.
  const names = ['leaders', 'changes', 'transfers', 'joined', 'wiped', 'returned', 'restored', 'grants', 'grantsOfFollowers']
  if (count >= 20) for (const name of names) expect(totals[name] ?? 0, name).toBeGreaterThan(5)
}, 600_000)
