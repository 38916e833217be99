// Bounded exhaustive exploration: everything that can happen to a small cluster of real cores within a budget, breadth first, each state once. Whatever breaks a
// rule is found by the shortest way to it.
import type { Message, NodeId, Term } from '../../src/core/index.ts'
import { confOf, entriesOf } from '../core/core-cluster.ts'
import { ModelDisk } from '../core/model-disk.ts'
import { type Budget, nothing, spend } from './budget.ts'
import type { Renaming } from './fingerprint.ts'
import { Frontier } from './frontier.ts'
import type { CoreMaker } from './glass.ts'
import { Histories, type History } from './history.ts'
import { type Facts, type LocalState, LocalStates, type Outcome } from './local-states.ts'
import { type Move, movesOf, type Situation } from './moves.ts'
import { messageText, moveText } from './story.ts'
import { isOver, type Network, withAll, without } from './network.ts'
import { type Hash, hashOf, Visited } from './visited.ts'

/** What is on a disk at the start: a history that could have been. */
export interface Planted {
  readonly terms: readonly Term[]
  readonly term?: Term
  readonly votedFor?: NodeId
}

export interface ExplorationOptions {
  readonly make: CoreMaker
  readonly budget: Budget
  /** Default 3. */
  readonly voters?: number
  /** They follow the voters in number. Default 0. */
  readonly learners?: number
  /** By server. Default: nothing on any. */
  readonly planted?: readonly Planted[]
  /** How many of the planted entries of the first server are committed, by a leader of the term of the last of them. Default 0. */
  readonly committed?: number
  /** It begins where server 1 leads, has committed the entry that it began with, and everything that was sent has arrived. Default false. */
  readonly isLed?: boolean
  /** A write is done as soon as it is asked for. Default false: it takes its time, and a crash may come before. */
  readonly isPrompt?: boolean
  /** An AppendEntries holds one entry at most. Default false. */
  readonly isPiecemeal?: boolean
  /** Whether states that differ by the numbers of servers only are one. Default: true, of those servers that begin alike, where entries name none. */
  readonly hasSymmetry?: boolean
  /** Answers that come too late stay in flight: without this they are lost as soon as they are (see `isOver`). Default false. */
  readonly keepsAll?: boolean
  /** No state of a server is known again: for one way through, with cores that show nothing of their state. Default false. */
  readonly isOpaque?: boolean
  /** Whether the reference is asked about every step. Default true. */
  readonly isRefined?: boolean
  /** It stops at so many states. */
  readonly statesMax?: number
  /** Called every now and then; it stops when this says so. */
  readonly progress?: (report: Report) => boolean
}

export interface Report {
  readonly states: number
  readonly transitions: number
  /** Of the states that are being looked at: moves from the start. */
  readonly depth: number
  /** States of single servers, and what cores had to work out for them. */
  readonly localStates: number
  readonly steps: number
  readonly messages: number
  /** Nothing is left. */
  readonly isComplete: boolean
  readonly counterexample: Counterexample | undefined
}

export interface Counterexample {
  readonly violation: string
  readonly moves: readonly Told[]
}
export interface Followed {
  readonly violation: string | undefined
  /** After each move: what the server sent, and what it is. */
  readonly seen: readonly string[]
}
/** A move, with what came of it. */
export interface Told {
  readonly text: string
  readonly sent: readonly Message[]
  readonly was: Facts
  readonly is: Facts
}

interface Next {
  readonly situation: Situation
  readonly history: History
  readonly outcome: Outcome | undefined
  readonly violation: string | undefined
}

export class Exploration {
  readonly #options: ExplorationOptions
  readonly #renamings: readonly Renaming[]
  readonly #states: LocalStates
  readonly #locals: LocalState[] = []
  readonly #histories: Histories
  readonly #known: History[] = []
  readonly #purses = new Map<number, Hash>()
  readonly #visited = new Visited()
  #transitions = 0
  #depth = 0
  #isComplete = false
  #counterexample: Counterexample | undefined

  constructor(options: ExplorationOptions) {
    this.#options = options
    const { make, voters = 3, learners = 0, budget, isPrompt = false, isPiecemeal = false, isRefined = true, isOpaque = false } = options
    const isSymmetric = learners === 0 && budget.changes === 0 && (options.hasSymmetry ?? true)
    this.#renamings = isSymmetric ? renamingsOf(voters).filter((renaming) => keeps(renaming, options.planted)) : [[]]
    this.#states = new LocalStates({
      make,
      renamings: this.#renamings,
      isPrompt,
      isPiecemeal,
      isRefined,
      isOpaque,
      hasNonces: budget.reads > 0,
    })
    this.#histories = new Histories(this.#renamings)
  }

  get report(): Report {
    return {
      states: this.#visited.size,
      transitions: this.#transitions,
      depth: this.#depth,
      localStates: this.#states.count,
      steps: this.#states.worked,
      messages: this.#states.messages.length,
      isComplete: this.#isComplete,
      counterexample: this.#counterexample,
    }
  }

  run(): Report {
    const { progress, statesMax = Number.POSITIVE_INFINITY } = this.#options
    const start = this.#start()
    let level = new Frontier()
    this.#visit(start, { parent: 0, step: 0, level })
    while (level.count > 0) {
      const nextLevel = new Frontier()
      for (let at = 0; at < level.count; at++) {
        const { number, state } = level.at(at)
        this.#expand(number, this.#unpack(state), nextLevel)
        if (this.#counterexample !== undefined || this.#visited.size >= statesMax) return this.report
        if (at % 256 === 0 && progress?.(this.report) === false) return this.report
      }
      level = nextLevel
      this.#depth++
    }
    this.#isComplete = true
    return this.report
  }

  /** Goes one way, move by move as they are called in a story. Throws where a move cannot happen. */
  follow(moves: readonly string[]): Followed {
    let at = this.#start()
    const seen: string[] = []
    for (const [i, text] of moves.entries()) {
      const move = movesOf(at.situation, this.#options.budget, this.#states).find((each) => moveText(each) === text)
      if (move === undefined) throw new Error(`move ${i + 1} cannot happen: ${text}`)
      const next = this.#after(at, move)
      if (next?.violation !== undefined) return { violation: next.violation, seen }
      at = next ?? at
      const { facts } = at.situation.servers[move.at] ?? {}
      const sent = (next?.outcome?.sent ?? []).flatMap((number) => this.#states.messages[number] ?? [])
      seen.push([...sent.map(({ message }) => messageText(message)), JSON.stringify(facts)].join('; '))
    }
    return { violation: undefined, seen }
  }

  /** Some way of at most so many moves: `chance` gives numbers from 0 to 1, and decides. */
  wander(chance: () => number, length: number): readonly string[] {
    let at = this.#start()
    const texts: string[] = []
    while (texts.length < length) {
      const ways = movesOf(at.situation, this.#options.budget, this.#states).flatMap((move) => {
        const next = this.#after(at, move)
        return next === undefined ? [] : [{ move, next }]
      })
      const way = ways[Math.floor(chance() * ways.length)]
      if (way === undefined) break
      texts.push(moveText(way.move))
      at = way.next
    }
    return texts
  }

  #expand(number: number, from: Next, level: Frontier): void {
    const moves = movesOf(from.situation, this.#options.budget, this.#states)
    for (const [step, move] of moves.entries()) {
      const next = this.#after(from, move)
      if (next === undefined) continue
      this.#transitions++
      if (next.violation !== undefined) {
        const steps = [...this.#visited.stepsTo(number), step]
        this.#counterexample = { violation: next.violation, moves: this.#tell(steps) }
        return
      }
      this.#visit(next, { parent: number, step, level })
    }
  }

  /** `undefined` where nothing changes but that a message is gone, and beyond the last term. */
  #after({ situation, history }: Next, { at, happening, key, takes, costs }: Move): Next | undefined {
    const { servers } = situation
    const local = servers[at]
    if (local === undefined) return undefined
    const purse = costs === undefined ? situation.purse : spend(situation.purse, costs)
    const network = takes === undefined ? situation.network : without(situation.network, takes)
    if (happening === undefined) return { situation: { servers, purse, network }, history, outcome: undefined, violation: undefined }
    const outcome = this.#states.after(local, happening, key)
    const { state, sent, grants, violation } = outcome
    if (violation === undefined && state === local && sent.length === 0 && grants.length === 0) return undefined
    if (state.facts.term > this.#options.budget.terms) return undefined
    const after = servers.map((each, i) => (i === at ? state : each))
    const next = {
      servers: after,
      purse,
      network: this.#settled(sent.length === 0 ? network : withAll(network, sent), after, { at, sent }),
    }
    const asked = happening.kind === 'read' ? happening.id : undefined
    const present = this.#histories.after(history, { facts: state.facts, asked, grants })
    if (typeof present === 'string') return { situation: next, history, outcome, violation: violation ?? present }
    return { situation: next, history: present, outcome, violation: violation ?? this.#whyWrong(next, at, present) }
  }

  /** Without what is over. That it changes nothing now is seen, not believed. */
  #settled(network: Network, servers: readonly LocalState[], { at, sent }: { readonly at: number; readonly sent: Network }): Network {
    if (this.#options.keepsAll === true) return network
    return network.filter((number) => {
      const message = this.#states.messages[number]?.message
      if (message === undefined || (message.to !== at + 1 && !sent.includes(number))) return true
      const receiver = servers[message.to - 1]
      if (receiver === undefined || !isOver(message, receiver.facts)) return true
      const { state, sent: answers, violation } = this.#states.after(receiver, { kind: 'deliver', message, late: false }, 2 * number)
      return state !== receiver || answers.length > 0 || violation !== undefined
    })
  }

  /** What can be seen only with all of them side by side. */
  #whyWrong({ servers }: Situation, at: number, history: History): string | undefined {
    const changed = servers[at]?.facts
    if (changed === undefined) return undefined
    for (const { facts } of servers) {
      const difference = facts === changed ? undefined : this.#histories.whyNotMatching(changed, facts)
      if (difference !== undefined) return difference
    }
    if (this.#options.budget.changes > 0) return undefined
    const index = history.committed.length
    const entry = history.committed[index - 1]?.entry
    if (entry === undefined) return undefined
    const { voters = 3 } = this.#options
    const holders = servers.slice(0, voters).filter(({ facts }) => {
      return index < facts.durableFirstIndex || facts.durableLog[index - facts.durableFirstIndex] === entry
    })
    if (2 * holders.length > voters) return undefined
    return `committed is what a majority has on its disks: entry ${index} (${entry}) is on those of ${holders.map(({ facts }) => facts.id).join(', ')} only`
  }

  #visit(next: Next, { parent, step, level }: { readonly parent: number; readonly step: number; readonly level: Frontier }): void {
    const number = this.#visited.add(this.#hash(next), { parent, step })
    if (number !== undefined) level.push(number, this.#pack(next))
  }

  /** The least of those under all renamings: states that differ by the numbers of servers only have the same. */
  #hash({ situation: { servers, network, purse }, history }: Next): Hash {
    const spentHash = this.#purseHash(purse)
    let least: Hash | undefined
    for (let i = 0; i < this.#renamings.length; i++) {
      let low = spentHash.low + (history.hashes[i]?.low ?? 0)
      let high = spentHash.high + (history.hashes[i]?.high ?? 0)
      for (const { hashes } of servers) {
        low = (low + (hashes[i]?.low ?? 0)) | 0
        high = (high + (hashes[i]?.high ?? 0)) | 0
      }
      for (const number of network) {
        const hash = this.#states.messages[number]?.hashes[i]
        low = (low + (hash?.low ?? 0)) | 0
        high = (high + (hash?.high ?? 0)) | 0
      }
      low >>>= 0
      high >>>= 0
      if (least === undefined || high < least.high || (high === least.high && low < least.low)) least = { low, high }
    }
    return least ?? { low: 0, high: 0 }
  }

  #purseHash(purse: number): Hash {
    const known = this.#purses.get(purse)
    if (known !== undefined) return known
    const hash = hashOf(`purse ${purse}`)
    this.#purses.set(purse, hash)
    return hash
  }

  #pack({ situation: { servers, purse, network }, history }: Next): readonly number[] {
    this.#known[history.number] = history
    for (const server of servers) this.#locals[server.number] = server
    return [purse, history.number, ...servers.map(({ number }) => number), ...network]
  }

  #unpack([purse = 0, past = 0, ...rest]: readonly number[]): Next {
    const count = (this.#options.voters ?? 3) + (this.#options.learners ?? 0)
    const servers = rest.slice(0, count).flatMap((number) => this.#locals[number] ?? [])
    const history = this.#known[past]
    if (history === undefined || servers.length !== count) throw new Error('a state that nobody has seen')
    return { situation: { servers, purse, network: rest.slice(count) }, history, outcome: undefined, violation: undefined }
  }

  #start(): Next {
    const { voters = 3, learners = 0, planted = [], committed = 0 } = this.#options
    const ids = Array.from({ length: voters + learners }, (_, i) => i + 1)
    const conf = confOf({ voters: ids.slice(0, voters), learners: ids.slice(voters) })
    const servers = ids.map((id) => {
      const disk = new ModelDisk({ id: { term: 0, index: 0 }, conf })
      const { terms = [], term, votedFor } = planted[id - 1] ?? {}
      disk.entries = [...entriesOf(terms)]
      disk.hardState = { term: term ?? terms.at(-1) ?? 0, votedFor }
      return this.#states.start({ id, disk, nonce: 0 })
    })
    const log = servers[0]?.facts.log.slice(0, committed) ?? []
    const inTerm = planted[0]?.terms[committed - 1] ?? 0
    const history = this.#histories.start(log.map((entry) => ({ entry, inTerm })))
    const start = { situation: { servers, purse: 0, network: [] }, history, outcome: undefined, violation: undefined }
    return this.#options.isLed === true ? this.#led(start) : start
  }

  /** An election without any trouble. */
  #led(start: Next): Next {
    let at = start
    for (let move: Move | undefined = election; move !== undefined; move = this.#undisturbed(at)) {
      const next = this.#after(at, move)
      if (next?.violation !== undefined) throw new Error(`an election without any trouble: ${next.violation}`)
      at = next ?? { ...at, situation: { ...at.situation, network: without(at.situation.network, move.takes ?? 0) } }
    }
    return { ...at, situation: { ...at.situation, purse: 0 } }
  }

  /** The first thing that costs nothing. */
  #undisturbed({ situation }: Next): Move | undefined {
    return movesOf(situation, nothing, this.#states)[0]
  }

  #tell(steps: readonly number[]): readonly Told[] {
    let at = this.#start()
    const told: Told[] = []
    for (const step of steps) {
      const move = movesOf(at.situation, this.#options.budget, this.#states)[step]
      const next = move === undefined ? undefined : this.#after(at, move)
      const was = move === undefined ? undefined : at.situation.servers[move.at]?.facts
      if (move === undefined || next === undefined || was === undefined) throw new Error('a way that leads nowhere')
      const sent = (next.outcome?.sent ?? []).flatMap((number) => this.#states.messages[number]?.message ?? [])
      told.push({ text: moveText(move), sent, was, is: next.situation.servers[move.at]?.facts ?? was })
      at = next
    }
    return told
  }
}

const election: Move = { at: 0, happening: { kind: 'timeout' }, key: 'timeout', takes: undefined, costs: undefined }

/** Whether each server begins as the one whose number it gets. */
const keeps = (renaming: Renaming, planted: readonly Planted[] = []): boolean =>
  planted.every((disk, i) => JSON.stringify(disk) === JSON.stringify(planted[(renaming[i + 1] ?? 0) - 1]))

/** All ways to number them. */
function renamingsOf(count: number): readonly Renaming[] {
  const orders = (ids: readonly NodeId[]): readonly (readonly NodeId[])[] =>
    ids.length === 0 ? [[]] : ids.flatMap((id) => orders(ids.filter((other) => other !== id)).map((rest) => [id, ...rest]))
  return orders(Array.from({ length: count }, (_, i) => i + 1)).map((order) => [0, ...order])
}
