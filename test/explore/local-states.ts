// States of single servers, each kept once. Servers meet only in messages, so what one does depends on its own state and what happens to it: that is worked out
// once, and looked up ever after. Millions of states of the cluster are made of some thousands of these.
import type { Index, Message, NodeId, Term } from '../../src/core/index.ts'
import { assert } from '../../src/core/index.ts'
import type { ModelDisk } from '../core/model-disk.ts'
import { fingerprint, type Renaming } from './fingerprint.ts'
import type { CoreMaker } from './glass.ts'
import { type Birth, type Circumstances, type Happening, type Result, Server } from './server.ts'
import { type Hash, hashOf } from './visited.ts'

type Step = Exclude<Happening, { readonly kind: 'restart' }>

/** What there is to see of a server from outside. */
export interface Facts {
  readonly id: NodeId
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader'
  readonly term: Term
  readonly commitIndex: Index
  readonly lastApplied: Index
  /** Terms and contents, by index; before the first there is a snapshot. */
  readonly firstIndex: Index
  readonly log: readonly string[]
  /** Equal for equal logs. */
  readonly logKey: string
  readonly durableTerm: Term
  readonly durableFirstIndex: Index
  readonly durableLog: readonly string[]
  readonly isWriting: boolean
  /** See `Server.hearsLeader`. */
  readonly hears: boolean
  readonly follows: boolean
  readonly snapshotWanted: Index | undefined
  readonly transferee: NodeId | undefined
  readonly voters: readonly NodeId[]
  readonly learners: readonly NodeId[]
}

export interface LocalState {
  readonly number: number
  readonly facts: Facts
  /** By renaming. */
  readonly hashes: readonly Hash[]
  readonly birth: Birth
  readonly steps: readonly Step[]
  readonly next: Map<string | number, Outcome>
}

export interface Outcome {
  readonly state: LocalState
  /** Numbers of messages. */
  readonly sent: readonly number[]
  readonly grants: Result['grants']
  /** What is wrong with it, for a person. */
  readonly violation: string | undefined
}

export interface KnownMessage {
  readonly number: number
  readonly message: Message
  readonly hashes: readonly Hash[]
}

export interface LocalOptions extends Circumstances {
  readonly make: CoreMaker
  readonly renamings: readonly Renaming[]
  /** Whether the reference is asked. */
  readonly isRefined: boolean
  /** No state is known again. */
  readonly isOpaque: boolean
}

export class LocalStates {
  readonly #options: LocalOptions
  readonly #states = new Map<string, LocalState>()
  readonly #messages = new Map<string, KnownMessage>()
  readonly messages: KnownMessage[] = []
  /** How often a core took something, not counting what was looked up. */
  worked = 0

  constructor(options: LocalOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#states.size
  }

  start(birth: Birth): LocalState {
    return this.#keep(birth, [], this.#revive(birth, []))
  }

  /** `key` names what happens, among all that may happen to this state. */
  after(state: LocalState, happening: Happening, key: string | number): Outcome {
    const known = state.next.get(key)
    if (known !== undefined) return known
    this.worked++
    const outcome = this.#work(state, happening)
    state.next.set(key, outcome)
    return outcome
  }

  server({ birth, steps }: LocalState): Server {
    return this.#revive(birth, steps)
  }

  #work(state: LocalState, happening: Happening): Outcome {
    const server = this.#revive(state.birth, state.steps)
    if (happening.kind === 'restart') {
      return { state: this.start(server.rebirth(happening)), sent: [], grants: [], violation: undefined }
    }
    try {
      const { sent, grants } = server.happen(happening)
      const { refused } = server.refinement
      const next = this.#keep(state.birth, [...state.steps, happening], server)
      const forbidden =
        refused === undefined || !this.#options.isRefined
          ? undefined
          : `the reference, ${refused.rule}: node ${server.id}: ${refused.because}`
      const violation = forbidden ?? changedLog(state.facts, next.facts)
      return { state: next, sent: sent.map((message) => this.#know(message)), grants, violation }
    } catch (error) {
      return { state, sent: [], grants: [], violation: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
    }
  }

  #revive(birth: Birth, steps: readonly Step[]): Server {
    const server = new Server(this.#options.make, birth, this.#options)
    for (const step of steps) server.happen(step)
    return server
  }

  #keep(birth: Birth, steps: readonly Step[], server: Server): LocalState {
    const { renamings, isRefined, isOpaque } = this.#options
    const printed = isOpaque ? [String(this.#states.size)] : renamings.map((renaming) => print(server, renaming, isRefined))
    const key = printed[0] ?? ''
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const state = { number: this.#states.size, facts: factsOf(server), hashes: printed.map(hashOf), birth, steps, next: new Map() }
    this.#states.set(key, state)
    return state
  }

  #know(message: Message): number {
    const printed = this.#options.renamings.map((renaming) => fingerprint(message, renaming))
    const key = printed[0] ?? ''
    const known = this.#messages.get(key)
    if (known !== undefined) return known.number
    const fresh = { number: this.messages.length, message: freeze(message), hashes: printed.map(hashOf) }
    this.#messages.set(key, fresh)
    this.messages.push(fresh)
    return fresh.number
  }
}

/** All that decides what it does from now on. */
function print(server: Server, renaming: Renaming, isRefined: boolean): string {
  const { raft, disk, writing, nonce, snapshotWanted, refinement } = server
  const core = fingerprint(raft, renaming)
  const rest = fingerprint(
    { ...diskOf(disk), writing, nonce, snapshotWanted, account: isRefined ? refinement.account : undefined },
    renaming,
  )
  return `${core} ${rest}`
}

const diskOf = ({ base, hardState, entries, snapshots }: ModelDisk) => ({ base, hardState, entries, snapshots })

function factsOf(server: Server): Facts {
  const { raft, disk, id } = server
  const { role, term, commitIndex, lastApplied, firstIndex, lastIndex, leader, transferee, conf } = raft.status
  const log: string[] = []
  for (let index = firstIndex; index <= lastIndex; index++) {
    const entry = server.entry(index)
    assert(entry !== undefined, `entry ${index} of node ${id} is neither in memory nor on its disk`)
    log.push(fingerprint(entry, []))
  }
  return {
    id,
    role,
    term,
    commitIndex,
    lastApplied,
    firstIndex,
    log,
    logKey: `${firstIndex} ${log.join()}`,
    durableTerm: disk.hardState.term,
    durableFirstIndex: disk.base.id.index + 1,
    durableLog: disk.entries.map((entry) => fingerprint(entry, [])),
    isWriting: server.writing !== undefined,
    hears: server.hearsLeader,
    follows: role === 'follower' && leader !== undefined,
    snapshotWanted: server.snapshotWanted,
    transferee,
    voters: conf.voters,
    learners: conf.learners,
  }
}

/** A leader only appends (figure 3.2). */
function changedLog(before: Facts, after: Facts): string | undefined {
  if (before.role !== 'leader' || after.role !== 'leader' || before.term !== after.term) return undefined
  const at = before.log.findIndex((entry, i) => {
    const index = before.firstIndex + i
    return index >= after.firstIndex && after.log[index - after.firstIndex] !== entry
  })
  return at === -1
    ? undefined
    : `leader append-only: node ${before.id}, leader of term ${before.term}, changed entry ${before.firstIndex + at}`
}

/** Whoever changes what it has sent, or got, is found out. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const each of Object.values(value)) freeze(each)
  }
  return value
}
