// Several cores in one process, driven by hand: every message, write, fetch and tick happens when the test says so. No clock, no disk, no
// network; a run is the list of its calls.
import { assert } from '../../src/core/index.ts'
import {
  type ConfState,
  type CoreLimits,
  type Entry,
  type Fetch,
  type HardState,
  type Index,
  type Input,
  type LogBase,
  type Member,
  type Message,
  type Ms,
  noConf,
  type NodeId,
  type Persist,
  Raft,
  type ReadGrant,
  type Ready,
  type Refusal,
  type Accepted,
  type SoftState,
  type Term,
  type Timing,
} from '../../src/core/index.ts'
import { ModelDisk, type Snapshot } from './model-disk.ts'

export { ModelDisk, type Snapshot } from './model-disk.ts'

const noData = new Uint8Array(0)
const text = { encoder: new TextEncoder(), decoder: new TextDecoder() }

export const commandOf = (word: string): Uint8Array => text.encoder.encode(word)
export const wordOf = (entry: Entry): string => (entry.kind === 'command' ? text.decoder.decode(entry.data) : entry.kind)

export function entryOf({ term, index, word }: { readonly term: Term; readonly index: Index; readonly word?: string }): Entry {
  return { term, index, kind: 'command', data: word === undefined ? noData : commandOf(word), conf: undefined }
}

/** Entries 1, 2, ... with these terms. */
export function entriesOf(terms: readonly Term[]): readonly Entry[] {
  return terms.map((term, i) => entryOf({ term, index: i + 1, word: `t${term}i${i + 1}` }))
}

export const memberOf = (id: NodeId, incarnation = 1): Member => ({ id, incarnation, peer: `peer-${id}`, client: `client-${id}` })

export function confOf(given: {
  readonly voters: readonly NodeId[]
  readonly votersOutgoing?: readonly NodeId[]
  readonly learners?: readonly NodeId[]
  readonly joining?: readonly NodeId[]
  readonly removed?: readonly NodeId[]
  readonly leaseMs?: Ms
}): ConfState {
  const { voters, votersOutgoing = [], learners = [], joining = [], removed = [], leaseMs = 0 } = given
  const ids = [...new Set([...voters, ...votersOutgoing, ...learners])].sort((a, b) => a - b)
  return { members: ids.map((id) => memberOf(id)), voters, votersOutgoing, learners, joining, removed, leaseMs }
}

interface Writing {
  readonly persist: Persist
  readonly promises: readonly Message[]
}

/** One node: what survives a crash (`disk`, and the record of what it ever did), and what does not. */
export class CoreNode {
  readonly id: NodeId
  disk: ModelDisk
  raft: Raft | undefined
  /** Its own monotonic clock. */
  now: Ms = 0
  writing: Writing | undefined
  /** Writes wait for `finishWrite`; fetches for `answerFetch`. */
  holdsWrites = false
  holdsFetches = false
  fetches: Fetch[] = []
  /** Bytes applied at once. */
  pageBytes = Number.MAX_SAFE_INTEGER
  /** In this life, in order, after the state was last read from a snapshot. */
  applied: Entry[] = []
  /** What the state machine holds: all that it was given since the cluster began, of its own or in a snapshot. */
  state: string
  stateBase: LogBase
  /** A snapshot that a leader said is needed, and that has not come. */
  snapshotWanted: Index | undefined
  /** The disk forgets the entries up to this once its write is finished. */
  compacting: LogBase | undefined
  grants: ReadGrant[] = []
  accepted: Accepted[] = []
  refused: Refusal[] = []
  /** Of all lives. */
  softStates: SoftState[] = []

  constructor(id: NodeId, disk: ModelDisk) {
    this.id = id
    this.disk = disk
    this.stateBase = disk.base
    this.state = ''
  }

  /** Of a node that runs. */
  get core(): Raft {
    assert(this.raft !== undefined, `node ${this.id} does not run`)
    return this.raft
  }

  /** The log as the core has it, what is not durable yet included. */
  get log(): readonly Entry[] {
    const { firstIndex, lastIndex } = this.core.status
    const entries: Entry[] = []
    for (let index = firstIndex; index <= lastIndex; index++) {
      const inMemory = this.core.entriesInMemory({ firstIndex: index, lastIndex: index, bytesMax: 1 })
      const entry = inMemory?.[0] ?? this.disk.entry(index)
      assert(entry !== undefined, `entry ${index} of node ${this.id} is neither in memory nor on its disk`)
      entries.push(entry)
    }
    return entries
  }

  /** The state as it is now becomes a snapshot on the disk. */
  takeSnapshot(): Snapshot {
    const snapshot = { base: this.stateBase, state: this.state }
    this.disk.keep(snapshot)
    return snapshot
  }

  /** What the state machine holds changes. */
  applyAll(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { term, index } = entry
      this.applied.push(entry)
      this.state = nextState(this.state, entry)
      this.stateBase = { id: { term, index }, conf: entry.conf ?? this.stateBase.conf }
    }
  }

  /** All that there was before is gone; the state is that of a snapshot, or that before the first entry. */
  readState(snapshot: Snapshot | undefined): void {
    this.applied = []
    this.state = snapshot?.state ?? ''
    this.stateBase = snapshot?.base ?? this.disk.base
  }
}

/** A state machine that forgets nothing, in few characters: two differ if they were given different entries. */
function nextState(state: string, entry: Entry): string {
  let hash = 2_166_136_261
  for (const character of `${state} ${entry.term}.${entry.index} ${wordOf(entry)}`)
    hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619)
  return (hash >>> 0).toString(16)
}

export interface ClusterOptions {
  readonly conf: ConfState
  readonly base?: LogBase
  /** Servers beside the members of `conf`: they know `conf` too, or not even that. */
  readonly outsiders?: readonly NodeId[]
  readonly timing?: Partial<Timing>
  readonly limits?: Partial<CoreLimits>
  readonly seed?: number
  /** The time of each node, where all of them have one: each turn then ends with a tick, as a driver's does. */
  readonly clock?: (id: NodeId) => Ms
}

/** Told of everything that leaves a core, in order. */
export interface ClusterEvents {
  ready?(node: CoreNode, ready: Ready): void
  sent?(message: Message): void
  lost?(message: Message): void
  written?(node: CoreNode, persist: Persist): void
  applied?(node: CoreNode, entries: readonly Entry[]): void
  /** The state was read from a snapshot. */
  restored?(node: CoreNode, snapshot: Snapshot): void
  /** An input was taken, and all that came of it was done. */
  stepped?(node: CoreNode): void
}

export class CoreCluster {
  readonly nodes = new Map<NodeId, CoreNode>()
  readonly #options: ClusterOptions
  readonly events: ClusterEvents
  /** On their way, oldest first. */
  network: Message[] = []
  /** Links `source>target` on which everything is lost. */
  readonly cutLinks = new Set<string>()
  /** How often a node was started; each life has its own seed and nonce. */
  #starts = 0

  constructor(options: ClusterOptions, events: ClusterEvents = {}) {
    this.#options = options
    this.events = events
    const ids = [...options.conf.members.map(({ id }) => id), ...(options.outsiders ?? [])]
    const base = options.base ?? { id: { term: 0, index: 0 }, conf: options.conf }
    for (const id of ids) this.nodes.set(id, new CoreNode(id, new ModelDisk(base)))
  }

  node(id: NodeId): CoreNode {
    const node = this.nodes.get(id)
    assert(node !== undefined, `there is no node ${id}`)
    return node
  }

  /** Puts a history on the disk of a node that does not run. */
  plant(id: NodeId, { terms, hardState }: { readonly terms: readonly Term[]; readonly hardState?: HardState }): void {
    const { disk } = this.node(id)
    disk.entries = [...entriesOf(terms)]
    disk.hardState = hardState ?? { term: terms[terms.length - 1] ?? 0, votedFor: undefined }
  }

  start(...ids: readonly NodeId[]): this {
    for (const id of ids.length === 0 ? this.nodes.keys() : ids) {
      const node = this.node(id)
      assert(node.raft === undefined, `node ${id} runs already`)
      const { timing, limits, seed = 1, clock } = this.#options
      const { summary, restorable } = node.disk
      const isWhole = restorable !== undefined || summary.base.id.index === 0
      node.now = clock?.(id) ?? node.now
      node.readState(restorable)
      node.raft = new Raft({
        id,
        log: summary,
        ...(restorable === undefined ? {} : { lastApplied: restorable.base.id.index }),
        ...(isWhole ? {} : { hasState: false }),
        now: node.now,
        seed: seed + 1_000 * this.#starts,
        nonce: this.#starts++,
        ...(timing === undefined ? {} : { timing }),
        ...(limits === undefined ? {} : { limits }),
      })
    }
    return this
  }

  /** The process ends. The write in flight reached the disk, or it did not: nobody knows before the restart. */
  crash(id: NodeId, { keepWrite = false }: { readonly keepWrite?: boolean } = {}): void {
    const node = this.node(id)
    if (node.writing !== undefined && keepWrite) node.disk.perform(node.writing.persist)
    node.raft = undefined
    node.writing = undefined
    node.fetches = []
    node.applied = []
    node.snapshotWanted = undefined
    node.compacting = undefined
  }

  /** A node that knows whom to dial, and no more: what joins, or comes back without its disk. */
  join(id: NodeId, members: readonly Member[]): this {
    const known = this.nodes.get(id)
    if (known?.raft !== undefined) this.crash(id)
    // It has never been heard of: nothing that was said to its former incarnation reaches it.
    this.network = this.network.filter(({ from, to }) => from !== id && to !== id)
    const disk = new ModelDisk({ id: { term: 0, index: 0 }, conf: { ...noConf, members } })
    if (known === undefined) this.nodes.set(id, new CoreNode(id, disk))
    else known.disk = disk
    return this.start(id)
  }

  /** A turn of the driver: what came in, then the time, then what is to be done. */
  input(id: NodeId, input: Input): void {
    const node = this.node(id)
    node.core.step(input)
    const now = this.#options.clock?.(id)
    if (now !== undefined && input.kind !== 'tick') {
      node.now = now
      node.core.step({ kind: 'tick', now })
    }
    this.#perform(node)
    this.events.stepped?.(node)
  }

  /** It is as late as the clock of the cluster says. */
  now(id: NodeId): void {
    const node = this.node(id)
    node.now = this.#options.clock?.(id) ?? node.now
    this.input(id, { kind: 'tick', now: node.now })
  }

  /** Advances the clock of one node, in steps of at most `stepMs`. */
  tick(id: NodeId, ms: Ms, { stepMs = 10 }: { readonly stepMs?: Ms } = {}): void {
    const node = this.node(id)
    const until = node.now + ms
    while (node.now < until) {
      node.now = Math.min(node.now + stepMs, until)
      this.input(id, { kind: 'tick', now: node.now })
    }
  }

  /** Lets time pass for every node that runs, and the network deliver in between. */
  run(ms: Ms, { stepMs = 10 }: { readonly stepMs?: Ms } = {}): void {
    for (let passed = 0; passed < ms; passed += stepMs) {
      for (const { id, raft } of this.nodes.values()) if (raft !== undefined) this.tick(id, Math.min(stepMs, ms - passed), { stepMs })
      this.deliver()
    }
  }

  /** Silence until the election timer of `id` fires, however it was drawn. */
  campaign(id: NodeId): void {
    const node = this.node(id)
    const { role, term } = node.core.softState
    for (let ms = 0; ms < 10_000; ms += 10) {
      const sent = this.network.length
      this.tick(id, 10)
      const now = node.core.softState
      const hasAsked = this.network.slice(sent).some(({ kind }) => kind === 'PreVote')
      if (hasAsked || now.term !== term || (now.role !== role && now.role !== 'follower')) return
    }
    throw new Error(`node ${id} does not campaign`)
  }

  /** Makes `id` leader, with the votes of everyone it reaches; the others are silent meanwhile. */
  elect(id: NodeId): void {
    for (const { core } of this.#running())
      assert(core.softState.role !== 'leader' || this.node(id).core === core, 'there is a leader already')
    // Others that still hear a leader would ignore the candidate (§4.2.3).
    for (const node of this.#running()) if (node.id !== id) this.forgetLeader(node.id)
    this.campaign(id)
    this.deliver()
    assert(this.node(id).core.softState.role === 'leader', `node ${id} was not elected`)
  }

  /** Lets just so much time pass for `id` that it would vote for another. */
  forgetLeader(id: NodeId): void {
    const node = this.node(id)
    if (node.core.softState.leader === undefined) return
    // The first tick dates what came before it.
    this.tick(id, 1)
    const silenceMs = Math.max(this.#options.timing?.electionTimeoutMs ?? 1_000, node.core.status.conf.leaseMs)
    this.tick(id, silenceMs, { stepMs: Number.MAX_SAFE_INTEGER })
    assert(node.core.softState.role === 'follower', `node ${id} campaigns already`)
  }

  propose(id: NodeId, ...words: readonly string[]): void {
    this.input(id, { kind: 'propose', ticket: 0, commands: words.map(commandOf) })
  }

  read(id: NodeId, readId: number, { lease = false }: { readonly lease?: boolean } = {}): void {
    this.input(id, { kind: 'read', id: readId, lease })
  }

  /** The node takes a snapshot of its state; entries up to `compactIndex`, of its older snapshots too, may go from its log. */
  snapshot(id: NodeId, { compactIndex }: { readonly compactIndex?: Index | undefined } = {}): Snapshot {
    const snapshot = this.node(id).takeSnapshot()
    if (compactIndex !== undefined) this.input(id, { kind: 'compact', index: compactIndex })
    return snapshot
  }

  /** A snapshot arrives, is durable, and the core is told. `term`: of who sent it. */
  install(id: NodeId, { snapshot, term }: { readonly snapshot: Snapshot; readonly term: Term }): void {
    const node = this.node(id)
    node.disk.keep(snapshot)
    this.input(id, { kind: 'snapshotReceived', base: snapshot.base, term })
  }

  /** `target` fetches a snapshot from `source`, which takes one for it if it has none of that index. */
  fetchSnapshot({ source, target, minIndex = 1 }: { readonly source: NodeId; readonly target: NodeId; readonly minIndex?: Index }): void {
    const node = this.node(source)
    const newest = node.disk.snapshots[0]
    const snapshot = newest !== undefined && newest.base.id.index >= minIndex ? newest : node.takeSnapshot()
    this.install(target, { snapshot, term: node.core.status.term })
  }

  /** Delivers everything, and what it causes, until nothing is on its way. */
  deliver(): void {
    for (let count = 0; this.network.length > 0; count++) {
      assert(count < 10_000, 'the network never falls silent')
      this.deliverAt(0)
    }
  }

  /** Delivers those on their way now that match; not what they cause. */
  deliverOnly(matches: (message: Message) => boolean): void {
    for (const message of this.network.filter(matches)) this.deliverAt(this.network.indexOf(message))
  }

  /** Delivers the message at this position, with `keep` a copy of it. */
  deliverAt(position: number, { keep = false }: { readonly keep?: boolean } = {}): void {
    const message = this.network[position]
    if (message === undefined) return
    if (!keep) this.network.splice(position, 1)
    this.receive(message)
  }

  receive(message: Message): void {
    const node = this.nodes.get(message.to)
    if (node?.raft === undefined || this.cutLinks.has(`${message.from}>${message.to}`)) {
      this.events.lost?.(message)
      return
    }
    this.input(message.to, { kind: 'receive', message })
  }

  drop(matches: (message: Message) => boolean): void {
    for (const message of this.network.filter(matches)) this.events.lost?.(message)
    this.network = this.network.filter((message) => !matches(message))
  }

  /** Cuts `ids` off from all others, both ways. */
  isolate(...ids: readonly NodeId[]): void {
    for (const inside of ids) {
      for (const outside of this.nodes.keys()) {
        if (ids.includes(outside)) continue
        this.cutLinks.add(`${inside}>${outside}`)
        this.cutLinks.add(`${outside}>${inside}`)
      }
    }
  }

  heal(): void {
    this.cutLinks.clear()
  }

  finishWrite(id: NodeId): void {
    const node = this.node(id)
    const { writing } = node
    assert(writing !== undefined, `no write of node ${id} is in flight`)
    node.writing = undefined
    node.disk.perform(writing.persist)
    if (node.compacting !== undefined) node.disk.compact(node.compacting)
    node.compacting = undefined
    this.events.written?.(node, writing.persist)
    this.#send(writing.promises)
    this.input(id, { kind: 'persisted', seq: writing.persist.seq })
  }

  answerFetch(id: NodeId): void {
    const node = this.node(id)
    const fetch = node.fetches.shift()
    assert(fetch !== undefined, `no fetch of node ${id} is open`)
    this.input(id, { kind: 'fetched', peer: fetch.peer, firstIndex: fetch.firstIndex, entries: node.disk.read(fetch) })
  }

  leaders(): readonly NodeId[] {
    return this.#running().flatMap(({ id, core }) => (core.softState.role === 'leader' ? [id] : []))
  }

  #running(): readonly CoreNode[] {
    return [...this.nodes.values()].filter(({ raft }) => raft !== undefined)
  }

  /** The driver: performs what the core wants until it wants nothing more. */
  #perform(node: CoreNode): void {
    for (let rounds = 0; ; rounds++) {
      assert(rounds < 1_000, `node ${node.id} is never done`)
      const ready = node.core.ready({ write: node.writing === undefined })
      if (ready === undefined) return
      this.events.ready?.(node, ready)
      if (ready.softState !== undefined) node.softStates.push(ready.softState)
      node.grants.push(...ready.reads)
      node.accepted.push(...ready.accepted)
      node.refused.push(...ready.refused)
      this.#send(ready.send)
      this.#write(node, ready)
      this.#restore(node, ready)
      this.#apply(node, ready.applyThrough)
      node.fetches.push(...ready.fetches)
      while (!node.holdsFetches && node.fetches.length > 0) this.answerFetch(node.id)
    }
  }

  #write(node: CoreNode, { persist, sendAfterPersist }: Ready): void {
    if (persist === undefined) {
      assert(sendAfterPersist.length === 0 || node.writing === undefined, 'a promise leaves while a write is in flight')
      this.#send(sendAfterPersist)
      return
    }
    assert(node.writing === undefined, 'two writes are in flight')
    node.writing = { persist, promises: sendAfterPersist }
    if (!node.holdsWrites) this.finishWrite(node.id)
  }

  #restore(node: CoreNode, { snapshotWanted, restore, compact }: Ready): void {
    if (snapshotWanted !== undefined) node.snapshotWanted = snapshotWanted
    // It takes its turn among the writes.
    if (compact !== undefined && node.writing !== undefined) node.compacting = compact
    else if (compact !== undefined) node.disk.compact(compact)
    if (restore === undefined) return
    assert(node.disk.lastIndex >= restore, `node ${node.id} is to read the snapshot of ${restore}, its log ends at ${node.disk.lastIndex}`)
    const snapshot = node.disk.snapshots.find(({ base }) => base.id.index === restore)
    assert(snapshot !== undefined, `node ${node.id} has no snapshot of ${restore}`)
    node.readState(snapshot)
    this.events.restored?.(node, snapshot)
    node.core.step({ kind: 'applied', index: restore })
  }

  #apply(node: CoreNode, applyThrough: Index): void {
    let index = node.core.status.lastApplied
    while (index < applyThrough) {
      const range = { firstIndex: index + 1, lastIndex: applyThrough, bytesMax: node.pageBytes }
      const page = node.core.entriesInMemory(range) ?? node.disk.read(range)
      const last = page[page.length - 1]
      assert(last !== undefined && page[0]?.index === index + 1, `entry ${index + 1} of node ${node.id} is gone`)
      index = last.index
      node.applyAll(page)
      this.events.applied?.(node, page)
      node.core.step({ kind: 'applied', index })
    }
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      this.events.sent?.(message)
      this.network.push(message)
    }
  }
}
