// The language of the stories: one command a line, answered by what the cores did. `story-words.ts` says how things are written.
import {
  assert,
  type CoreLimits,
  type Message,
  type NodeId,
  type Persist,
  type Ready,
  type Refusal,
  type Timing,
} from '../../src/core/index.ts'
import { type ClusterEvents, confOf, CoreCluster, type CoreNode, memberOf, type Snapshot } from './core-cluster.ts'
import { confStepsOf, confText, entriesText, idText, messageText, persistText } from './story-words.ts'

type Command = (args: readonly string[]) => void

export class StoryTeller implements ClusterEvents {
  #told: string[] = []
  #cluster: CoreCluster | undefined
  #timing: Partial<Timing> = {}
  #limits: Partial<CoreLimits> = {}

  /** One line of a story; what it caused, in order. */
  execute(line: string): readonly string[] {
    this.#told = []
    const [name = '', ...args] = line.trim().split(/\s+/)
    const command = this.#commands[name]
    assert(command !== undefined, `the story says '${line}', and nobody knows '${name}'`)
    command(args)
    return this.#told
  }

  // --- What the cluster reports

  ready(node: CoreNode, { softState, accepted, refused, reads, fetches, persist, snapshotWanted, compact }: Ready): void {
    if (softState !== undefined) {
      const leader = softState.leader === undefined || softState.leader === node.id ? '' : ` of ${softState.leader}`
      this.#tell(`${node.id} is ${softState.role}${leader} in term ${softState.term}`)
    }
    for (const { first, count } of accepted) this.#tell(`${node.id} accepts ${count} from ${idText(first)}`)
    for (const refusal of refused) this.#tell(`${node.id} refuses ${refusalText(refusal)}`)
    for (const { id, index } of reads) this.#tell(`${node.id} grants read ${id} at ${index}`)
    for (const { peer, firstIndex, lastIndex } of fetches) this.#tell(`${node.id} fetches ${firstIndex}..${lastIndex} for ${peer}`)
    if (snapshotWanted !== undefined) this.#tell(`${node.id} wants a snapshot of ${snapshotWanted} or later`)
    if (compact !== undefined) this.#tell(`${node.id} compacts its log up to ${idText(compact.id)}`)
    if (persist !== undefined && node.holdsWrites) this.#tell(`${node.id} begins write ${persistText(persist)}`)
  }

  sent(message: Message): void {
    this.#tell(messageText(message))
  }

  lost(message: Message): void {
    this.#tell(`lost: ${messageText(message)}`)
  }

  written(node: CoreNode, persist: Persist): void {
    this.#tell(`${node.id} wrote ${persistText(persist)}`)
  }

  applied(node: CoreNode, entries: Parameters<NonNullable<ClusterEvents['applied']>>[1]): void {
    this.#tell(`${node.id} applies ${entriesText(entries)}`)
  }

  restored(node: CoreNode, { base }: Snapshot): void {
    this.#tell(`${node.id} reads its state from the snapshot of ${idText(base.id)}`)
  }

  // --- What a story can say

  readonly #commands: Readonly<Record<string, Command>> = {
    /** `cluster 1 2 3 [learners 4] [joining 4] [outgoing 5] [lease 900]`: not started yet. */
    cluster: (args) => {
      const [leaseMs = 0] = idsAfter('lease', args)
      const conf = confOf({
        voters: idsAfter('voters', ['voters', ...args]),
        learners: idsAfter('learners', args),
        joining: idsAfter('joining', args),
        votersOutgoing: idsAfter('outgoing', args),
        leaseMs,
      })
      this.#cluster = new CoreCluster({ conf, timing: this.#timing, limits: this.#limits }, this)
    },
    /** `limit messageBytesMax 200`: before `cluster`. */
    limit: ([name = '', value]) => {
      this.#limits = { ...this.#limits, [name]: Number(value) }
    },
    timing: ([name = '', value]) => {
      this.#timing = { ...this.#timing, [name]: Number(value) }
    },
    /** `log 1 1 1 4 4 term 7`: terms of the entries on the disk of node 1. */
    log: ([id, ...args]) => {
      const at = args.indexOf('term')
      const terms = (at === -1 ? args : args.slice(0, at)).map(Number)
      const hardState = { term: at === -1 ? (terms[terms.length - 1] ?? 0) : Number(args[at + 1]), votedFor: undefined }
      this.#now.plant(Number(id), { terms, hardState })
    },
    start: (args) => {
      this.#now.start(...args.map(Number))
    },
    crash: ([id, ...how]) => this.#now.crash(Number(id), { keepWrite: how.join(' ') === 'after the write' }),
    /** Silence until its election timer fires. */
    campaign: ([id]) => this.#now.campaign(Number(id)),
    /** `tick 1 100`: milliseconds pass for node 1. */
    tick: ([id, ms]) => this.#now.tick(Number(id), Number(ms)),
    /** `forget 2 3`: no leader is heard for an election timeout, so that they would vote for another. */
    forget: (args) => {
      for (const id of args) this.#now.forgetLeader(Number(id))
    },
    propose: ([id, ...words]) => this.#now.propose(Number(id), ...words),
    read: ([id, readId]) => this.#now.read(Number(id), Number(readId)),
    'lease-read': ([id, readId]) => this.#now.read(Number(id), Number(readId), { lease: true }),
    /** `change 1 add 4 remove 3 [forced]`: see `confStepsOf`. */
    change: ([id, ...words]) => {
      const steps = confStepsOf(words.filter((word) => word !== 'forced'))
      this.#now.input(Number(id), { kind: 'changeConf', ticket: 0, steps, force: words.includes('forced') })
    },
    /** `join 4 knowing 1 2 3`: starts with an empty disk. */
    join: ([id, ...args]) => {
      const members = idsAfter('knowing', args).map((known) => memberOf(known))
      this.#now.join(Number(id), members)
    },
    /** `transfer 1 [2]`. */
    transfer: ([id, to]) => {
      this.#now.input(Number(id), { kind: 'transfer', ticket: 0, to: to === undefined ? undefined : Number(to) })
    },
    /** `peer-down 2 1`: node 2 is told that the process of node 1 has ended. */
    'peer-down': ([id, peer, incarnation = 1]) => {
      this.#now.input(Number(id), { kind: 'peerDown', peer: Number(peer), incarnation: Number(incarnation) })
    },
    /** `snapshot 1`: node 1 takes one; `compact 1 5`: its log may go up to there. */
    snapshot: ([id]) => this.#tell(`${id} has a snapshot of ${idText(this.#now.snapshot(Number(id)).base.id)}`),
    compact: ([id, index]) => this.#now.input(Number(id), { kind: 'compact', index: Number(index) }),
    /** `fetch-snapshot 3 1`: node 3 gets the newest snapshot of node 1. */
    'fetch-snapshot': ([target, source]) => this.#now.fetchSnapshot({ source: Number(source), target: Number(target) }),
    /** All snapshots of a node that does not run are found damaged. */
    'lose-snapshots': ([id]) => {
      this.#now.node(Number(id)).disk.snapshots = []
    },
    /** Time passes for everyone, and the network works. */
    run: ([ms]) => this.#now.run(Number(ms)),
    /** The newest configuration of each node that runs; `?` where it is not known to be committed. */
    confs: () => {
      for (const { id, raft } of this.#now.nodes.values()) {
        if (raft === undefined) continue
        const { conf, committedConf } = raft.status
        const isCommitted = confText(conf) === confText(committedConf)
        this.#tell(`${id} counts ${confText(conf)}${isCommitted ? '' : ` ?, before ${confText(committedConf)}`}`)
      }
    },
    unreachable: ([id, peer]) => this.#now.input(Number(id), { kind: 'unreachable', peer: Number(peer) }),
    /** `deliver`: everything, with all it causes; `deliver 1>2 [Kind]`: what is on its way there now. */
    deliver: ([link, kind]) => {
      if (link === undefined) this.#now.deliver()
      else this.#now.deliverOnly(matcher(link, kind))
    },
    drop: ([link = '', kind]) => this.#now.drop(matcher(link, kind)),
    isolate: (args) => this.#now.isolate(...args.map(Number)),
    heal: () => this.#now.heal(),
    /** `cut 1>2`: this way only. */
    cut: ([link = '']) => {
      this.#now.cutLinks.add(link)
    },
    /** `timeout-now 2 1`: node 2, or a server that calls itself so, asks node 1 to campaign; the term is that of node 2. */
    'timeout-now': ([source, target]) => {
      const { term } = this.#now.node(Number(source)).core.status
      this.#now.receive({ kind: 'TimeoutNow', from: Number(source), to: Number(target), term })
    },
    /** `hold-writes 1`: they finish when the story says `finish-write 1`. */
    'hold-writes': ([id]) => {
      this.#now.node(Number(id)).holdsWrites = true
    },
    'finish-write': ([id]) => this.#now.finishWrite(Number(id)),
    'hold-fetches': ([id]) => {
      this.#now.node(Number(id)).holdsFetches = true
    },
    /** `no-entries 1 2`: the log of node 1 has nothing for node 2 any more. */
    'no-entries': ([id, peer]) => {
      const fetch = this.#now.node(Number(id)).fetches.shift()
      assert(fetch !== undefined && fetch.peer === Number(peer), `node ${id} fetches nothing for ${peer}`)
      this.#now.input(Number(id), { kind: 'fetched', peer: fetch.peer, firstIndex: fetch.firstIndex, entries: [] })
    },
    /** `ask-vote 2 3 term 9 last 1 1`: node 2, or a server that calls itself so, asks 3; its log ends with term 1, index 1. */
    'ask-vote': ([source, target, , term, , lastTerm, lastIndex]) => {
      const last = { term: Number(lastTerm), index: Number(lastIndex) }
      const header = { from: Number(source), to: Number(target), term: Number(term) }
      this.#now.receive({ kind: 'RequestVote', ...header, last, transfer: false })
    },
    'answer-fetch': ([id]) => this.#now.answerFetch(Number(id)),
    /** The logs of all nodes that run; `*` marks the commit index, `|` the end of what is durable. */
    logs: () => {
      for (const node of this.#now.nodes.values()) if (node.raft !== undefined) this.#tell(logText(node))
    },
    progress: ([id]) => {
      for (const { id: peer, state, matchIndex, nextIndex, inflightMessages } of this.#now.node(Number(id)).core.status.followers) {
        this.#tell(`${peer} ${state} match ${matchIndex} next ${nextIndex} in flight ${inflightMessages}`)
      }
    },
    /** What follows is not told: the story is about something else. */
    quietly: (args) => {
      this.execute(args.join(' '))
      this.#told = []
    },
  }

  get #now(): CoreCluster {
    assert(this.#cluster !== undefined, "a story starts with 'cluster'")
    return this.#cluster
  }

  #tell(line: string): void {
    this.#told.push(line)
  }
}

function refusalText({ of, id, from, reason, message, leader }: Refusal): string {
  const what = { read: `read ${id}`, propose: `proposals from the ${from + 1}. on`, changeConf: 'the change', transfer: 'the transfer' }[of]
  return `${what}: ${reason}, ${message ?? `leader ${leader ?? 'unknown'}`}`
}

function logText(node: CoreNode): string {
  const { term, commitIndex, stableIndex, firstIndex } = node.core.status
  const entries = node.log.map(({ index, term: of }) => `${of}${index === commitIndex ? '*' : ''}${index === stableIndex ? ' |' : ''}`)
  const base = firstIndex === 1 ? '' : `${firstIndex - 1}${firstIndex - 1 === commitIndex ? '*' : ''}) `
  return `${node.id} in term ${term}: ${base}${entries.join(' ')}`.trimEnd()
}

function idsAfter(word: string, args: readonly string[]): readonly NodeId[] {
  const at = args.indexOf(word)
  if (at === -1) return []
  const rest = args.slice(at + 1).map(Number)
  const end = rest.findIndex(Number.isNaN)
  return end === -1 ? rest : rest.slice(0, end)
}

/** `1>2`, `1>*`, `*>2`. */
function matcher(link: string, kind: string | undefined): (message: Message) => boolean {
  const [source, target] = link.split('>')
  return (message) =>
    (source === '*' || message.from === Number(source)) &&
    (target === '*' || message.to === Number(target)) &&
    (kind === undefined || message.kind === kind)
}
