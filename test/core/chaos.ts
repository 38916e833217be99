// A cluster of cores and everything that can happen to it, one small action after another. What happens to whom is chosen by the test.
import fc from 'fast-check'
import { type ConfStep, type NodeId, type Term } from '../../src/core/index.ts'
import { confOf, CoreCluster, type CoreNode, memberOf, type Snapshot } from './core-cluster.ts'
import { Oracle } from './oracle.ts'

const weights = {
  deliver: 30,
  tick: 12,
  write: 12,
  propose: 10,
  deliverOutOfOrder: 5,
  duplicate: 3,
  lose: 3,
  silence: 6,
  read: 7,
  crash: 2,
  cut: 2,
  heal: 2,
  unreachable: 2,
  peerDown: 2,
  peerUp: 2,
  fetch: 3,
  flood: 4,
  coup: 3,
  change: 8,
  transfer: 3,
  snapshot: 4,
  fetchSnapshot: 3,
  installSnapshot: 3,
  calm: 6,
} as const
type What = keyof typeof weights
const isWhat = (name: string): name is What => name in weights

/** What happens next, and to whom; the meaning of `pick` depends on it. */
export const actionArbitrary = fc.record({
  what: fc.oneof(...Object.entries(weights).flatMap(([name, weight]) => (isWhat(name) ? [{ weight, arbitrary: fc.constant(name) }] : []))),
  node: fc.nat({ max: 8 }),
  pick: fc.nat({ max: 1_000 }),
})
export type Action = typeof actionArbitrary extends fc.Arbitrary<infer A> ? A : never

export const setupArbitrary = fc.record({
  voters: fc.integer({ min: 1, max: 5 }),
  learner: fc.boolean(),
  joint: fc.boolean(),
  seed: fc.nat(),
  pageBytes: fc.integer({ min: 1, max: 20 }),
  messageBytesMax: fc.constantFrom(70, 200, 1_048_576),
  inflightMessagesMax: fc.integer({ min: 1, max: 4 }),
  cacheBytesMax: fc.constantFrom(1, 300, 1_048_576),
  pinnedEntriesMax: fc.constantFrom(1, 10, 1_000),
  /** 0: each node has a time of its own. Else they share one, up to drift, and leases are a setting that may change. */
  leaseMs: fc.constantFrom(0, 0, 700, 1_500),
})
export type Setup = typeof setupArbitrary extends fc.Arbitrary<infer S> ? S : never

/** They run from the start and know whom to dial; a change may let them in. */
const joiners: readonly NodeId[] = [8, 9]

interface Fetched {
  readonly target: NodeId
  readonly snapshot: Snapshot
  readonly term: Term
}

export class Chaos {
  readonly oracle = new Oracle()
  readonly cluster: CoreCluster
  readonly #ids: readonly NodeId[]
  readonly #sharesTime: boolean
  /** Where it is shared. */
  #timeMs = 0
  #proposed = 0
  #reads = 0
  /** Snapshots on their way. */
  #fetched: Fetched[] = []

  constructor({ voters, learner, joint, seed, pageBytes, leaseMs, ...limits }: Setup) {
    const ids = Array.from({ length: voters }, (_, i) => i + 1)
    const votersOutgoing = joint ? [...new Set([1, Math.min(2, voters), 6])] : []
    const conf = confOf({ voters: ids, votersOutgoing, learners: learner ? [7] : [], leaseMs })
    this.#ids = [...conf.members.map(({ id }) => id), ...joiners]
    this.#sharesTime = leaseMs > 0
    // Clocks run apart by 10 % at most.
    const clock = (id: NodeId) => this.#timeMs * (0.9 + (((id * 7 + seed) % 11) / 10) * 0.1)
    this.cluster = new CoreCluster(
      { conf, seed, limits: { ...limits, uncommittedBytesMax: 600, readsMax: 4 }, ...(this.#sharesTime ? { clock } : {}) },
      this.oracle,
    )
    this.oracle.watch(this.cluster)
    this.cluster.start()
    for (const id of joiners) this.cluster.join(id, conf.members)
    for (let i = 0; i < 30 && this.cluster.leaders().length === 0; i++) this.#run(200, 200)
    for (const node of this.cluster.nodes.values()) Object.assign(node, { holdsWrites: true, holdsFetches: true, pageBytes })
  }

  act({ what, node: at, pick }: Action): void {
    const { cluster } = this
    const node = this.#node(at)
    if (node.raft === undefined) {
      cluster.start(node.id)
      return
    }
    switch (what) {
      case 'deliver':
        for (let i = 0; i <= pick % 4; i++) cluster.deliverAt(0)
        break
      case 'deliverOutOfOrder':
        cluster.deliverAt(pick % Math.max(1, cluster.network.length))
        break
      case 'duplicate':
        cluster.deliverAt(pick % Math.max(1, cluster.network.length), { keep: true })
        break
      case 'lose':
        cluster.network.splice(pick % Math.max(1, cluster.network.length), 1)
        break
      case 'tick':
        this.#pass(node, 10 + (pick % 150))
        break
      case 'silence':
        this.#pass(node, 1_000 + pick, 500)
        break
      case 'write':
        for (const each of cluster.nodes.values()) if (pick % 3 > 0 || each === node) this.#finishWrite(each)
        break
      case 'fetch':
        if (node.fetches.length > 0) cluster.answerFetch(node.id)
        break
      case 'propose':
        this.#propose(cluster.leaders()[0] ?? node.id, 1 + (pick % 3))
        break
      case 'flood':
        for (const leader of cluster.leaders()) this.#propose(leader, 1 + (pick % 12))
        break
      case 'coup':
        this.#coup(node, pick)
        break
      case 'read':
        this.#read(node, pick)
        break
      case 'crash':
        cluster.crash((pick % 3 === 0 ? cluster.leaders()[0] : undefined) ?? node.id, { keepWrite: pick % 2 === 0 })
        break
      case 'cut':
        cluster.isolate(node.id)
        break
      case 'heal':
        cluster.heal()
        break
      case 'unreachable':
        cluster.input(node.id, { kind: 'unreachable', peer: this.#node(pick).id })
        break
      case 'peerDown':
        // True or not: it may do no harm.
        cluster.input(node.id, { kind: 'peerDown', peer: cluster.leaders()[0] ?? this.#node(pick).id, incarnation: 1 })
        this.#pass(node, 10 + (pick % 60))
        break
      case 'peerUp':
        // So with this.
        cluster.input(cluster.leaders()[0] ?? node.id, { kind: 'peerUp', peer: this.#node(pick).id })
        break
      case 'change':
        this.#change(node, pick)
        break
      case 'transfer':
        for (const leader of cluster.leaders()) {
          cluster.input(leader, { kind: 'transfer', ticket: 0, to: pick % 2 === 0 ? undefined : node.id })
        }
        break
      case 'snapshot':
        this.#snapshot(node, pick)
        break
      case 'fetchSnapshot':
        this.#fetchSnapshot(node, pick)
        break
      case 'installSnapshot':
        this.#installSnapshot(pick)
        break
      case 'calm':
        this.#calm(pick % 400)
        break
    }
  }

  /** Peace: everything runs, nothing is lost. True when the members of the cluster agree on everything, in time. */
  settle(): boolean {
    this.cluster.heal()
    if (!this.#converges()) return false
    for (const leader of this.cluster.leaders()) this.cluster.propose(leader, 'last')
    return this.#converges()
  }

  /** Who is in the configuration of the leader. */
  get members(): readonly CoreNode[] {
    const [leader] = this.cluster.leaders()
    if (leader === undefined) return []
    return this.cluster.node(leader).core.status.conf.members.map(({ id }) => this.cluster.node(id))
  }

  #converges(): boolean {
    const { cluster } = this
    // Election timeouts to find out and to elect, splits, leases, rounds of catching up: all of it takes less than this.
    for (let i = 0; i < 60; i++) {
      for (const node of cluster.nodes.values()) {
        Object.assign(node, { holdsWrites: false, holdsFetches: false })
        if (node.raft === undefined) cluster.start(node.id)
        this.#finishWrite(node)
        while (node.fetches.length > 0) cluster.answerFetch(node.id)
      }
      this.#run(500, 50)
      this.#serveSnapshots()
      if (this.#isSettled) return true
    }
    return false
  }

  get #isSettled(): boolean {
    const leaders = this.cluster.leaders()
    const [leader = 0] = leaders
    if (leaders.length !== 1) return false
    const { conf, isConfPending, lastIndex } = this.cluster.node(leader).core.status
    if (isConfPending || conf.joining.length > 0) return false
    return this.members.every(({ core }) => core.status.lastApplied === lastIndex && core.status.hasState)
  }

  /** What the nodes do by themselves: they fetch what they need from whoever has it. */
  #serveSnapshots(): void {
    for (const { id, snapshotWanted = 1, core } of this.cluster.nodes.values()) {
      const { hasState, commitIndex } = core.status
      if (hasState && snapshotWanted <= Math.max(1, commitIndex)) continue
      const source = [...this.cluster.nodes.values()].find((each) => each.id !== id && this.#canServe(each, snapshotWanted))
      if (source !== undefined) this.cluster.fetchSnapshot({ source: source.id, target: id, minIndex: snapshotWanted })
    }
  }

  #canServe(node: CoreNode, minIndex: number): boolean {
    return node.raft?.status.hasState === true && node.stateBase.id.index >= minIndex
  }

  /** A leader is cut off and goes on appending, while another node finds out: the shape of every conflict. */
  #coup(heir: CoreNode, pick: number): void {
    const { cluster } = this
    for (const leader of cluster.leaders()) {
      cluster.heal()
      cluster.isolate(leader)
      this.#propose(leader, 1 + (pick % 5))
      if (pick % 4 === 0) this.#change(heir, pick >> 2)
    }
    for (const node of cluster.nodes.values()) {
      if (node.raft !== undefined && node.core.softState.role !== 'leader') this.#pass(node, node === heir ? 2_100 : 1_010, 500)
    }
    for (let i = 0; i < pick % 12; i++) {
      cluster.deliverAt(0)
      if (i % 3 === 0) this.#finishWrite(heir)
    }
  }

  /** A while in which everything works: else nothing is ever committed. */
  #calm(ms: number): void {
    for (const node of this.cluster.nodes.values()) this.#finishWrite(node)
    this.#run(ms, 40)
    for (const node of this.cluster.nodes.values()) {
      this.#finishWrite(node)
      while (node.raft !== undefined && node.fetches.length > 0) this.cluster.answerFetch(node.id)
    }
    this.cluster.deliver()
  }

  /** Of everyone who thinks it leads: the deposed one must not answer. And of somebody else. */
  #read(node: CoreNode, pick: number): void {
    for (const id of new Set([...this.cluster.leaders(), node.id])) {
      this.oracle.asked(++this.#reads)
      this.cluster.read(id, this.#reads, { lease: pick % 2 === 0 })
    }
  }

  #change(node: CoreNode, pick: number): void {
    for (const leader of this.cluster.leaders()) {
      const steps = this.#stepsOf(node.id, { leader, pick })
      // Whoever forces an empty node into a majority may never get it back.
      const force = pick % 3 === 0 && !steps.some(({ kind }) => kind === 'promote')
      this.cluster.input(leader, { kind: 'changeConf', ticket: 0, steps, force })
    }
  }

  #stepsOf(id: NodeId, { leader, pick }: { readonly leader: NodeId; readonly pick: number }): readonly ConfStep[] {
    const { voters, learners } = this.cluster.node(leader).core.status.conf
    const joiner = joiners[pick % joiners.length] ?? 8
    const add: ConfStep = { kind: 'addLearner', member: memberOf(joiner), joining: pick % 4 > 0 }
    const learner = learners[pick % Math.max(1, learners.length)] ?? joiner
    switch (pick % 9) {
      case 0:
      case 1:
      case 2:
        return [add]
      case 3:
        return [{ kind: 'promote', id: learner }]
      case 4:
        return voters.length > 2 ? [{ kind: 'demote', id }] : [{ kind: 'promote', id }]
      case 5:
        return voters.length > 3 ? [{ kind: 'remove', id: pick % 2 === 0 ? leader : id }] : [add, { kind: 'demote', id }]
      case 6:
        return [{ kind: 'update', member: { ...memberOf(id), peer: `peer-${id}-${pick}` }, joining: true }]
      case 7:
        return [
          { kind: 'demote', id: leader },
          { kind: 'promote', id: learner },
        ]
      default:
        return [{ kind: 'setLease', leaseMs: this.#sharesTime ? (pick % 4) * 500 : 0 }]
    }
  }

  /** Keeps what the contract allows: the log may go up to what is in a durable snapshot. */
  #snapshot(node: CoreNode, pick: number): void {
    if (!node.core.status.hasState || node.stateBase.id.index === 0) return
    // The newest may be damaged one day: usually the log goes on from the one before it.
    const { base } = pick % 3 === 0 ? node.takeSnapshot() : (node.disk.snapshots[0] ?? node.takeSnapshot())
    if (pick % 3 === 1) node.takeSnapshot()
    this.cluster.snapshot(node.id, { compactIndex: Math.max(0, Math.min(base.id.index, node.core.status.lastApplied) - (pick % 5)) })
  }

  #fetchSnapshot(target: CoreNode, pick: number): void {
    const source = this.#node(pick)
    if (source === target || !this.#canServe(source, 1)) return
    const snapshot = (pick % 2 === 0 ? source.disk.snapshots[0] : undefined) ?? source.takeSnapshot()
    this.#fetched.push({ target: target.id, snapshot, term: source.core.status.term })
    if (pick % 3 > 0) this.#installSnapshot(this.#fetched.length - 1)
  }

  #installSnapshot(pick: number): void {
    const [fetched] = this.#fetched.splice(pick % Math.max(1, this.#fetched.length), 1)
    if (fetched !== undefined && this.cluster.node(fetched.target).raft !== undefined) this.cluster.install(fetched.target, fetched)
  }

  #node(at: number): CoreNode {
    return this.cluster.node(this.#ids[at % this.#ids.length] ?? 1)
  }

  #finishWrite(node: CoreNode): void {
    if (node.writing !== undefined) this.cluster.finishWrite(node.id)
  }

  #propose(id: NodeId, count: number): void {
    if (this.cluster.node(id).raft === undefined) return
    this.cluster.propose(id, ...Array.from({ length: count }, () => `c${this.#proposed++}`))
  }

  /** Time passes, and `node` notices. */
  #pass(node: CoreNode, ms: number, stepMs = 10): void {
    if (!this.#sharesTime) {
      this.cluster.tick(node.id, ms, { stepMs })
      return
    }
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.#timeMs += Math.min(stepMs, ms - passed)
      this.cluster.now(node.id)
    }
  }

  /** Time passes, everyone notices, and the network delivers. */
  #run(ms: number, stepMs: number): void {
    if (!this.#sharesTime) {
      this.cluster.run(ms, { stepMs })
      return
    }
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.#timeMs += stepMs
      for (const { id, raft } of this.cluster.nodes.values()) if (raft !== undefined) this.cluster.now(id)
      this.cluster.deliver()
    }
  }
}
