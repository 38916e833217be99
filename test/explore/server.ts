// One server of an exploration: a core, its disk and the write in flight, driven by one thing that happens at a time. It is a value in disguise: what
// has happened since it started, on the disk that it started with, decides all of it, so it can be made anew wherever another thing might happen.
import {
  assert,
  type ConfStep,
  type Entry,
  type Index,
  type Input,
  type LogBase,
  type Message,
  type NodeId,
  type Persist,
  type Raft,
} from '../../src/core/index.ts'
import { type CoreView, Refinement } from '../../src/sim/reference/index.ts'
import { ModelDisk, type Snapshot } from '../core/model-disk.ts'
import type { CoreMaker } from './glass.ts'

/** What may happen to a server. Time passes only here: with two ticks, so that what came between two is dated by the first, as in the core. */
export type Happening =
  /** `late`: an election timeout after it last heard from its leader; before that it takes no part in elections (§4.2.3). */
  | { readonly kind: 'deliver'; readonly message: Message; readonly late: boolean }
  /** Its election timer expires, however it was drawn. */
  | { readonly kind: 'timeout' }
  /** A leader hears from nobody for an election timeout (§6.2). */
  | { readonly kind: 'lapse' }
  | { readonly kind: 'heartbeat' }
  /** The write in flight is durable. */
  | { readonly kind: 'written' }
  | { readonly kind: 'propose'; readonly word: string }
  | { readonly kind: 'read'; readonly id: number }
  | { readonly kind: 'transfer'; readonly to: NodeId }
  | { readonly kind: 'change'; readonly step: ConfStep }
  /** It takes a snapshot of its state, and the log may go up to there. */
  | { readonly kind: 'compact' }
  /** The snapshot that it was told to fetch is durable here. */
  | { readonly kind: 'install'; readonly snapshot: Snapshot; readonly term: number }
  /** The process ends and is started again. The write in flight was done, or not. */
  | { readonly kind: 'restart'; readonly keepsWrite: boolean }

/** What came of it. */
export interface Result {
  readonly sent: readonly Message[]
  readonly grants: readonly { readonly id: number; readonly index: Index }[]
}

/** What a life begins with. */
export interface Birth {
  readonly id: NodeId
  readonly disk: ModelDisk
  readonly nonce: number
}

const electionTimeoutMs = 1_000
const heartbeatMs = 100
/** Timeouts are waited out, so it does not matter how they are drawn. */
const seed = 1

const fromLeaders: ReadonlySet<Message['kind']> = new Set(['AppendEntries', 'Heartbeat', 'InstallSnapshot', 'TimeoutNow'])

export interface Circumstances {
  /** Writes are done at once: there is no moment between. */
  readonly isPrompt: boolean
  /** Each life has a nonce of its own, as it should. Where nobody reads nothing depends on it, and lives are alike. */
  readonly hasNonces: boolean
  /** An AppendEntries holds one entry at most. */
  readonly isPiecemeal: boolean
}

export class Server {
  readonly id: NodeId
  readonly disk: ModelDisk
  readonly nonce: number
  readonly raft: Raft
  readonly refinement: Refinement
  /** In flight, with the promises that wait for it. */
  writing: { readonly persist: Persist; readonly promises: readonly Message[] } | undefined
  /** The index that a snapshot must have at least. */
  snapshotWanted: Index | undefined
  /** The disk forgets the entries up to this once its write is done. */
  #compacting: LogBase | undefined
  #now = 0
  #sent: Message[] = []
  #grants: { readonly id: number; readonly index: Index }[] = []
  #isHearing = false
  readonly #circumstances: Circumstances

  constructor(make: CoreMaker, { id, disk, nonce }: Birth, circumstances: Circumstances) {
    this.id = id
    this.disk = copyOf(disk)
    this.nonce = nonce
    this.#circumstances = circumstances
    const { summary, restorable } = this.disk
    const lastApplied = restorable?.base.id.index
    const limits = circumstances.isPiecemeal ? { messageBytesMax: 1 } : {}
    this.raft = make({ id, log: summary, now: 0, seed, nonce, limits, ...(lastApplied === undefined ? {} : { lastApplied }) })
    const { base, hardState } = summary
    const commitIndex = Math.max(base.id.index, lastApplied ?? 0)
    this.refinement = new Refinement({ id, hardState, base, entries: [...this.disk.entries], commitIndex })
  }

  /** Throws what the core throws; what no rule of the reference allows is in `refinement`. A restart is a new server: see `rebirth`. */
  happen(happening: Exclude<Happening, { readonly kind: 'restart' }>): Result {
    this.#sent = []
    this.#grants = []
    this.#happen(happening)
    return { sent: this.#sent, grants: this.#grants }
  }

  /** What its next life begins with. */
  rebirth({ keepsWrite }: { readonly keepsWrite: boolean }): Birth {
    const disk = copyOf(this.disk)
    if (keepsWrite && this.writing !== undefined) disk.perform(this.writing.persist)
    return { id: this.id, disk, nonce: this.nonce + Number(this.#circumstances.hasNonces) }
  }

  /** It has heard from the leader that it follows, and an election timeout has not passed since. */
  get hearsLeader(): boolean {
    const { role, leader } = this.raft.softState
    return role === 'follower' && leader !== undefined && this.#isHearing
  }

  /** The entry at `index`, wherever it is. */
  entry(index: Index): Entry | undefined {
    return this.raft.entriesInMemory({ firstIndex: index, lastIndex: index, bytesMax: 1 })?.[0] ?? this.disk.entry(index)
  }

  /** Its state as it would be kept: the state itself is the entries that led to it, so their names will do. */
  get snapshot(): Snapshot {
    const { lastApplied } = this.raft.status
    const known = this.disk.snapshots.find(({ base }) => base.id.index === lastApplied)
    if (known !== undefined) return known
    const term = this.raft.termAt(lastApplied) ?? 0
    let { conf } = this.disk.base
    for (let index = this.disk.base.id.index + 1; index <= lastApplied; index++) conf = this.disk.entry(index)?.conf ?? conf
    return { base: { id: { term, index: lastApplied }, conf }, state: '' }
  }

  #happen(happening: Exclude<Happening, { readonly kind: 'restart' }>): void {
    switch (happening.kind) {
      case 'deliver':
        if (happening.late) this.#pass(electionTimeoutMs)
        this.#step({ kind: 'receive', message: happening.message })
        if (fromLeaders.has(happening.message.kind) && this.raft.softState.leader === happening.message.from) this.#isHearing = true
        return
      case 'timeout':
        return this.#pass(2 * electionTimeoutMs)
      case 'lapse':
        return this.#pass(electionTimeoutMs)
      case 'heartbeat':
        return this.#pass(heartbeatMs)
      case 'written':
        return this.#finishWrite()
      case 'propose':
        return this.#step({ kind: 'propose', ticket: 0, commands: [new TextEncoder().encode(happening.word)] })
      case 'read':
        return this.#step({ kind: 'read', id: happening.id, lease: false })
      case 'transfer':
        return this.#step({ kind: 'transfer', ticket: 0, to: happening.to })
      case 'change':
        return this.#step({ kind: 'changeConf', ticket: 0, steps: [happening.step], force: true })
      case 'compact':
        this.disk.keep(this.snapshot)
        return this.#step({ kind: 'compact', index: this.raft.status.lastApplied })
      case 'install':
        this.snapshotWanted = undefined
        this.disk.keep(happening.snapshot)
        return this.#step({ kind: 'snapshotReceived', base: happening.snapshot.base, term: happening.term })
    }
  }

  #pass(ms: number): void {
    this.#step({ kind: 'tick', now: this.#now })
    this.#now += ms
    if (ms >= electionTimeoutMs) this.#isHearing = false
    this.#step({ kind: 'tick', now: this.#now })
  }

  #step(input: Input): void {
    this.raft.step(input)
    this.refinement.stepped(input, this.#view)
    for (let rounds = 0; ; rounds++) {
      assert(rounds < 100, `node ${this.id} is never done`)
      const ready = this.raft.ready({ write: this.writing === undefined })
      if (ready === undefined) return
      this.refinement.readied(ready)
      this.#sent.push(...ready.send)
      this.#grants.push(...ready.reads)
      const { persist, sendAfterPersist, snapshotWanted, restore, compact, fetches } = ready
      if (persist === undefined) this.#sent.push(...sendAfterPersist)
      else this.writing = { persist, promises: sendAfterPersist }
      if (persist !== undefined && this.#circumstances.isPrompt) this.#finishWrite()
      if (snapshotWanted !== undefined) this.snapshotWanted = snapshotWanted
      if (compact !== undefined && this.writing !== undefined) this.#compacting = compact
      else if (compact !== undefined) this.disk.compact(compact)
      if (restore !== undefined) this.#step({ kind: 'applied', index: restore })
      if (ready.applyThrough > this.raft.status.lastApplied) this.#step({ kind: 'applied', index: ready.applyThrough })
      for (const fetch of fetches)
        this.#step({ kind: 'fetched', peer: fetch.peer, firstIndex: fetch.firstIndex, entries: this.disk.read(fetch) })
    }
  }

  #finishWrite(): void {
    const { writing } = this
    assert(writing !== undefined, `no write of node ${this.id} is in flight`)
    this.writing = undefined
    this.disk.perform(writing.persist)
    if (this.#compacting !== undefined) this.disk.compact(this.#compacting)
    this.#compacting = undefined
    this.refinement.written()
    // They wait for the write and for nothing else.
    this.refinement.sent(writing.promises)
    this.#sent.push(...writing.promises)
    this.#step({ kind: 'persisted', seq: writing.persist.seq })
  }

  get #view(): CoreView {
    const { raft } = this
    const { role, term, votedFor, commitIndex, firstIndex, lastIndex } = raft.status
    const base = { index: firstIndex - 1, term: raft.termAt(firstIndex - 1) ?? 0 }
    return {
      role,
      term,
      votedFor,
      commitIndex,
      base,
      lastIndex,
      termAt: (index) => raft.termAt(index),
      entry: (index) => this.entry(index),
    }
  }
}

export function copyOf({ base, hardState, entries, snapshots }: ModelDisk): ModelDisk {
  const copy = new ModelDisk(base)
  copy.hardState = hardState
  copy.entries = [...entries]
  copy.snapshots = snapshots
  return copy
}
