// Three cores, driven by hand: no network, no disk, no clock but the ones below.
import { confOfVoters, type LogSummary, type Message, Raft } from 'raftgen/core'

const members = [1, 2, 3].map((id) => ({ id, incarnation: 1, peer: `peer-${id}`, client: `client-${id}` }))
/** What an empty disk says: no term, no vote, no entries, and who the first voters are. */
const emptyLog: LogSummary = {
  hardState: { term: 0, votedFor: undefined },
  base: { id: { term: 0, index: 0 }, conf: confOfVoters(members) },
  lastIndex: 0,
  terms: [],
  confs: [],
}
const cores = new Map(members.map(({ id }) => [id, new Raft({ id, log: emptyLog, now: 0, seed: id })]))
let network: Message[] = []
const applied: string[] = []

/** The driver: performs what a core wants until it wants nothing more. A real one writes to a disk, and says `persisted` when it is synced. */
function perform(id: number, core: Raft): void {
  for (let ready = core.ready({ write: true }); ready !== undefined; ready = core.ready({ write: true })) {
    network.push(...ready.send)
    if (ready.persist !== undefined) core.step({ kind: 'persisted', seq: ready.persist.seq })
    network.push(...ready.sendAfterPersist)
    for (const read of ready.reads) applied.push(`${id}: read ${read.id} may be served at index ${read.index}`)
    const { lastApplied } = core.status
    if (ready.applyThrough === lastApplied) continue
    const range = { firstIndex: lastApplied + 1, lastIndex: ready.applyThrough, bytesMax: Number.MAX_SAFE_INTEGER }
    for (const { kind, index, data } of core.entriesInMemory(range) ?? []) {
      applied.push(`${id}: entry ${index} is ${kind === 'command' ? new TextDecoder().decode(data) : `a ${kind}`}`)
    }
    core.step({ kind: 'applied', index: ready.applyThrough })
  }
}

let now = 0
/** Lets 10 ms pass, delivers everything that is on its way, and what that causes. */
function pass(): void {
  now += 10
  for (const [id, core] of cores) {
    core.step({ kind: 'tick', now })
    perform(id, core)
  }
  while (network.length > 0) {
    const messages = network
    network = []
    for (const message of messages) {
      const core = cores.get(message.to)
      core?.step({ kind: 'receive', message })
      if (core !== undefined) perform(message.to, core)
    }
  }
}

const leader = (): Raft | undefined => [...cores.values()].find((core) => core.softState.role === 'leader')
while (leader() === undefined) pass()
leader()?.step({ kind: 'propose', ticket: 1, commands: ['hello', 'world'].map((word) => new TextEncoder().encode(word)) })
leader()?.step({ kind: 'read', id: 7, lease: false })
for (let i = 0; i < 20; i++) pass()
for (const line of applied.toSorted()) console.log(line)
