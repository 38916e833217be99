// Three cores, driven by hand: no network, no disk, no clock but the ones below.
import { confOfVoters, type Entry, type HardState, type Input, type LogSummary, type Message, Raft, type TermRun } from 'raftgen/core'

const members = [1, 2, 3].map((id) => ({ id, incarnation: 1, peer: `peer-${id}`, client: `client-${id}` }))
/** Before the first entry there is nothing, but who the first voters are. */
const base = { id: { term: 0, index: 0 }, conf: confOfVoters(members) }
let now = 0
let network: Message[] = []
const applied: string[] = []

class Node {
  /** The disk: it survives a crash. A real one makes each `persist` durable as a whole, or not at all. */
  hardState: HardState = { term: 0, votedFor: undefined }
  entries: Entry[] = []
  readonly id: number
  core: Raft

  constructor(id: number) {
    this.id = id
    this.core = this.boot()
  }

  /** The first start, and each restart: all that a core must know of its disk. This one never compacts, so entry 1 is the first. */
  boot(): Raft {
    const terms: TermRun[] = []
    for (const { term, index } of this.entries) if (terms.at(-1)?.term !== term) terms.push({ term, firstIndex: index })
    const confs = this.entries.flatMap(({ index, conf }) => (conf === undefined ? [] : [{ index, conf }]))
    const log: LogSummary = { hardState: this.hardState, base, lastIndex: this.entries.length, terms, confs }
    return new Raft({ id: this.id, log, now, seed: this.id, nonce: Math.floor(Math.random() * 2 ** 48) })
  }

  /** Takes one input, and performs what the core wants until it wants nothing more. */
  step(input: Input): void {
    this.core.step(input)
    for (let ready = this.core.ready({ write: true }); ready !== undefined; ready = this.core.ready({ write: true })) {
      network.push(...ready.send)
      if (ready.persist !== undefined) {
        this.hardState = ready.persist.hardState
        if (ready.persist.truncateFrom !== undefined) this.entries.length = ready.persist.truncateFrom - 1
        this.entries.push(...ready.persist.entries)
        this.core.step({ kind: 'persisted', seq: ready.persist.seq })
      }
      network.push(...ready.sendAfterPersist)
      for (const read of ready.reads) applied.push(`${this.id}: read ${read.id} may be served at index ${read.index}`)
      for (const { peer, firstIndex, lastIndex } of ready.fetches)
        this.core.step({ kind: 'fetched', peer, firstIndex, entries: this.entries.slice(firstIndex - 1, lastIndex) })
      while (this.core.status.lastApplied < ready.applyThrough) this.applySome(ready.applyThrough)
    }
  }

  /** Perhaps not all of them: `bytesMax`. What an earlier life wrote is on the disk only. */
  applySome(lastIndex: number): void {
    const firstIndex = this.core.status.lastApplied + 1
    const some = this.core.entriesInMemory({ firstIndex, lastIndex, bytesMax: 1_048_576 }) ?? this.entries.slice(firstIndex - 1, lastIndex)
    for (const { kind, index, data } of some) {
      applied.push(`${this.id}: entry ${index} is ${kind === 'command' ? new TextDecoder().decode(data) : `a ${kind}`}`)
    }
    this.core.step({ kind: 'applied', index: firstIndex + some.length - 1 })
  }
}

const nodes = members.map(({ id }) => new Node(id))
/** Lets 10 ms pass, delivers everything that is on its way, and what that causes. */
function pass(): void {
  now += 10
  for (const node of nodes) node.step({ kind: 'tick', now })
  for (let messages = network; messages.length > 0; messages = network) {
    network = []
    for (const message of messages) nodes.find(({ id }) => id === message.to)?.step({ kind: 'receive', message })
  }
}

const isLeader = ({ core }: Node) => core.softState.role === 'leader'
while (!nodes.some(isLeader)) pass()
const commands = ['hello', 'world'].map((word) => new TextEncoder().encode(word))
nodes.find(isLeader)?.step({ kind: 'propose', ticket: 1, commands })
nodes.find(isLeader)?.step({ kind: 'read', id: 7, lease: false })
for (let i = 0; i < 20; i++) pass()
// A follower crashes: its core is gone, its disk is not. It applies everything again, once its leader says what is committed.
for (const node of nodes.filter((each) => !isLeader(each)).slice(0, 1)) node.core = node.boot()
for (let i = 0; i < 20; i++) pass()
for (const line of applied.toSorted()) console.log(line)
