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
  type LogSummary,
  type Message,
  type Ms,
  type NodeId,
  type Persist,
  Raft,
  type ReadGrant,
  type Ready,
  type Refusal,
  type Accepted,
  type SoftState,
  type Term,
  type TermRun,
  type Timing,
} from '../../src/core/index.ts'

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

export function confOf(given: {
  readonly voters: readonly NodeId[]
  readonly votersOutgoing?: readonly NodeId[]
  readonly learners?: readonly NodeId[]
}): ConfState {
  const { voters, votersOutgoing = [], learners = [] } = given
  const ids = [...new Set([...voters, ...votersOutgoing, ...learners])].sort((a, b) => a - b)
  return {
    members: ids.map((id) => ({ id, incarnation: 1, peer: `peer-${id}`, client: `client-${id}` })),
    voters,
    votersOutgoing,
    learners,
  }
}

/** What a disk has after the writes that were completed. */
export class ModelDisk {
  readonly base: LogBase
  hardState: HardState
  entries: Entry[] = []

  constructor(base: LogBase) {
    this.base = base
    this.hardState = { term: base.id.term, votedFor: undefined }
  }

  get lastIndex(): Index {
    return this.base.id.index + this.entries.length
  }

  get summary(): LogSummary {
    const terms: TermRun[] = []
    for (const { term, index } of this.entries) {
      if (terms[terms.length - 1]?.term !== term) terms.push({ term, firstIndex: index })
    }
    const confs = this.entries.flatMap(({ index, conf }) => (conf === undefined ? [] : [{ index, conf }]))
    return { hardState: this.hardState, base: this.base, lastIndex: this.lastIndex, terms, confs }
  }

  /** All of it or nothing, as a `Log` must. */
  perform({ hardState, truncateFrom, entries }: Persist): void {
    this.hardState = hardState
    if (truncateFrom !== undefined) {
      assert(truncateFrom <= this.lastIndex, `the disk is told to truncate from ${truncateFrom}, but ends at ${this.lastIndex}`)
      this.entries.length = truncateFrom - 1 - this.base.id.index
    }
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, `the disk is given entry ${entry.index} after ${this.lastIndex}`)
      this.entries.push(entry)
    }
  }

  /** Stops before `bytesMax` bytes of data, but gives one entry at least if there is one. */
  read({
    firstIndex,
    lastIndex,
    bytesMax,
  }: {
    readonly firstIndex: Index
    readonly lastIndex: Index
    readonly bytesMax: number
  }): readonly Entry[] {
    const read: Entry[] = []
    let bytes = 0
    for (const entry of this.entries) {
      if (entry.index < firstIndex || entry.index > lastIndex) continue
      bytes += entry.data.length
      if (bytes > bytesMax && read.length > 0) break
      read.push(entry)
    }
    return read
  }
}

interface Writing {
  readonly persist: Persist
  readonly promises: readonly Message[]
}

/** One node: what survives a crash (`disk`, and the record of what it ever did), and what does not. */
export class CoreNode {
  readonly id: NodeId
  readonly disk: ModelDisk
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
  /** In this life, in order. */
  applied: Entry[] = []
  grants: ReadGrant[] = []
  accepted: Accepted[] = []
  refused: Refusal[] = []
  /** Of all lives. */
  softStates: SoftState[] = []

  constructor(id: NodeId, disk: ModelDisk) {
    this.id = id
    this.disk = disk
  }

  /** Of a node that runs. */
  get core(): Raft {
    assert(this.raft !== undefined, `node ${this.id} does not run`)
    return this.raft
  }

  /** The log as the core has it, what is not durable yet included. */
  get log(): readonly Entry[] {
    const { lastIndex } = this.core.status
    const entries: Entry[] = []
    for (let index = this.disk.base.id.index + 1; index <= lastIndex; index++) {
      const inMemory = this.core.entriesInMemory({ firstIndex: index, lastIndex: index, bytesMax: 1 })
      const entry = inMemory?.[0] ?? this.disk.entries[index - 1 - this.disk.base.id.index]
      assert(entry !== undefined, `entry ${index} of node ${this.id} is neither in memory nor on its disk`)
      entries.push(entry)
    }
    return entries
  }
}

export interface ClusterOptions {
  readonly conf: ConfState
  readonly base?: LogBase
  /** Servers beside the members of `conf`: they know `conf` too, or not even that. */
  readonly outsiders?: readonly NodeId[]
  readonly timing?: Partial<Timing>
  readonly limits?: Partial<CoreLimits>
  readonly seed?: number
}

/** Told of everything that leaves a core, in order. */
export interface ClusterEvents {
  ready?(node: CoreNode, ready: Ready): void
  sent?(message: Message): void
  lost?(message: Message): void
  written?(node: CoreNode, persist: Persist): void
  applied?(node: CoreNode, entries: readonly Entry[]): void
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
  /** How often a node was started; each life has its own seed. */
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
      const { timing, limits, seed = 1 } = this.#options
      node.raft = new Raft({
        id,
        log: node.disk.summary,
        now: node.now,
        seed: seed + 1_000 * this.#starts++,
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
  }

  input(id: NodeId, input: Input): void {
    const node = this.node(id)
    node.core.step(input)
    this.#perform(node)
    this.events.stepped?.(node)
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
    this.tick(id, this.#options.timing?.electionTimeoutMs ?? 1_000, { stepMs: Number.MAX_SAFE_INTEGER })
    assert(node.core.softState.role === 'follower', `node ${id} campaigns already`)
  }

  propose(id: NodeId, ...words: readonly string[]): void {
    this.input(id, { kind: 'propose', ticket: 0, commands: words.map(commandOf) })
  }

  read(id: NodeId, readId: number): void {
    this.input(id, { kind: 'read', id: readId })
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

  #apply(node: CoreNode, applyThrough: Index): void {
    const { base } = node.disk
    let index = node.core.status.lastApplied
    while (index < applyThrough) {
      const range = { firstIndex: index + 1, lastIndex: applyThrough, bytesMax: node.pageBytes }
      const page = node.core.entriesInMemory(range) ?? node.disk.read(range)
      const last = page[page.length - 1]
      assert(last !== undefined && page[0]?.index === index + 1, `entry ${index + 1} of node ${node.id}, from ${base.id.index}, is gone`)
      index = last.index
      node.applied.push(...page)
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
