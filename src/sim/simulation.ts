// A whole cluster and its clients in one synchronous object: the real node, core, codecs, storage logic and client sessions on simulated
// disks, links and clocks. One seed decides everything that is decided by chance, so a run can be repeated, step by step.
import type { CoreLimits, Timing } from '../core/api.ts'
import { assert } from '../core/invariant.ts'
import type { ConfState, Entry, Ms, NodeId } from '../core/types.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { NodeLimits } from '../node/index.ts'
import type { SessionLimits, SessionTiming } from '../session/limits.ts'
import { BlockLog } from '../storage/block-log.ts'
import type { Operation } from '../storage/kv.ts'
import type { NodeStatus } from '../wire/client-messages.ts'
import { Chance } from './chance.ts'
import { SimClock } from './clock.ts'
import { SimDisk } from './disk.ts'
import { Coverage, drawFaults, type FaultClass, noFault } from './faults.ts'
import { History, type SimCall } from './history.ts'
import { ListMachine } from './list-machine.ts'
import { Nemesis } from './nemesis.ts'
import { Network } from './network.ts'
import { Applied } from './oracle/applied.ts'
import { checkCertificate } from './oracle/certificate.ts'
import { Safety } from './oracle/safety.ts'
import { Scheduler } from './scheduler.ts'
import { SimClient } from './sim-client.ts'
import { SimServer } from './sim-server.ts'
import { Trace, type TraceLine } from './trace.ts'
import { SimulationError, Verdict } from './violation.ts'
import { listOperations, Workload, type WorkloadOptions } from './workload.ts'
import type { Sabotage, World } from './world.ts'

export interface SimulationOptions {
  /** Decides everything that is decided by chance. */
  readonly seed: number
  /** Servers, all with a vote. 1 to 9; default 3. */
  readonly voters?: number
  /** Makes one machine for each life of each server. Default: lists (`ListMachine`). */
  readonly machine?: () => StateMachine
  /** What may go wrong by itself; the seed chooses among these. Default: nothing. */
  readonly faults?: readonly FaultClass[]
  /** Default: an election timeout of 300 ms and a heartbeat of 60 ms. */
  readonly timing?: Partial<Timing>
  readonly coreLimits?: Partial<CoreLimits>
  readonly limits?: Partial<NodeLimits>
  readonly session?: { readonly timing?: Partial<SessionTiming>; readonly limits?: Partial<SessionLimits> }
  /** One way, between any two. Default 0.2 to 3. */
  readonly latencyMs?: { readonly min: Ms; readonly max: Ms }
  /** Default 0.1 to 3. */
  readonly diskMs?: { readonly min: Ms; readonly max: Ms }
  /** How often things break, and for how long; on average. Default 300 and 400. */
  readonly nemesis?: { readonly pauseMs: Ms; readonly lastsMs: Ms }
  /** For testing the tests: breaks something on purpose. */
  readonly sabotage?: Sabotage
}

export interface CallSettings {
  /** A client made with `client`. Default: one that all calls without this share. */
  readonly client?: SimClient
  /** Only this server can be reached. Each has a client of its own. */
  readonly at?: NodeId
  /** Default 5,000. */
  readonly timeoutMs?: Ms
}

const clusterId = 'simulated'
const tickMs = 10
const defaultTimeoutMs = 5_000
/** Lines of the story of a failure. */
const storyLines = 40

export const simulate = (options: SimulationOptions): Simulation => new Simulation(options)

export class Simulation {
  readonly seed: number
  readonly coverage = new Coverage()
  readonly #options: SimulationOptions
  readonly #scheduler = new Scheduler()
  readonly #trace = new Trace()
  readonly #verdict: Verdict
  readonly #chance: Chance
  readonly #world: World
  readonly #nemesis: Nemesis
  readonly #servers: readonly SimServer[]
  readonly #clients: SimClient[] = []
  readonly #pinned = new Map<NodeId, SimClient>()
  #shared: SimClient | undefined
  #workload: Workload | undefined
  #lastChangeAt: Ms = 0

  constructor(options: SimulationOptions) {
    const { seed, voters = 3, machine = () => new ListMachine(), faults = noFault, sabotage = {} } = options
    assert(Number.isSafeInteger(voters) && voters >= 1 && voters <= 9, `a cluster has 1 to 9 voters, not ${voters}`)
    this.seed = seed
    this.#options = options
    this.#chance = new Chance(seed)
    this.#verdict = new Verdict(sabotage.blindTo)
    const conf = confOf(voters)
    const [scheduler, chance, coverage, verdict, trace] = [this.#scheduler, this.#chance, this.coverage, this.#verdict, this.#trace]
    const network = new Network({
      scheduler,
      chance: chance.fork(),
      coverage,
      latencyMs: options.latencyMs ?? { min: 0.2, max: 3 },
      arrive: ({ to, bytes, isCorrupt }) => {
        const life = this.#server(to).life
        life?.deliver(() => life.receiveFromPeer(bytes, { isCorrupt }))
      },
      unreachable: (node, peer) => {
        const life = this.#server(node).life
        life?.deliver(() => life.unreachable(peer))
      },
    })
    const timing = options.timing ?? { electionTimeoutMs: 300, heartbeatMs: 60 }
    this.#world = {
      scheduler,
      chance,
      coverage,
      trace,
      verdict,
      network,
      history: new History(verdict),
      safety: new Safety(verdict, conf),
      applied: new Applied(verdict),
      sabotage,
      clusterId,
      tickMs,
      machine,
      node: { timing, coreLimits: options.coreLimits ?? {}, limits: options.limits ?? {} },
      note: (mark, line) => this.#note(mark, line),
    }
    this.#servers = conf.members.map(({ id }) => this.#makeServer(id, conf))
    const { active, links } = drawFaults(faults, chance)
    network.faults = links
    this.#nemesis = new Nemesis(this.#world, {
      active,
      servers: this.#servers,
      clients: () => this.#clients.filter(({ isAlive }) => isAlive),
      crashClient: (client) => this.crashClient(client),
      abortCall: (client) => this.#workload?.abortOne(client) ?? false,
      ...(options.nemesis ?? { pauseMs: 300, lastsMs: 400 }),
    })
    for (const server of this.#servers) server.start()
    if (faults.length > 0) this.#nemesis.start()
  }

  // --- What is there

  /** Virtual time since the start, milliseconds. */
  get now(): Ms {
    return this.#scheduler.now
  }
  /** Events so far. */
  get steps(): number {
    return this.#scheduler.steps
  }
  /** Over all that has happened, in its order: equal for equal runs. */
  get traceHash(): string {
    return this.#trace.hash
  }
  get nodes(): readonly NodeId[] {
    return this.#servers.map(({ id }) => id)
  }
  /** Every call of every client, in the order in which they were made. */
  get calls(): readonly SimCall[] {
    return this.#world.history.calls
  }
  /** Elections that were won. */
  get elections(): number {
    return this.#world.safety.elections
  }
  /** Entries that are known to be committed. */
  get commitIndex(): number {
    return this.#world.safety.commitIndex
  }

  /** How `node` sees itself; `undefined` while it is down. */
  status(node: NodeId): NodeStatus | undefined {
    return this.#server(node).life?.node?.status({ digest: true })
  }

  /** The entries that `node` knows to be committed. */
  committed(node: NodeId): readonly Entry[] {
    const entries: Entry[] = []
    for (let index = 1; index <= (this.status(node)?.commitIndex ?? 0); index++) {
      const entry = this.#world.safety.committed(index)
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  /** The node that leads the highest term, as far as it knows. */
  get leader(): NodeId | undefined {
    return this.#leaderAmong(this.#servers)
  }

  /** The last events, as lines to read. */
  get story(): readonly string[] {
    return this.#trace.last(storyLines)
  }

  // --- Time

  /** Lets `ms` pass. Throws a `SimulationError` as soon as an invariant is broken. */
  run({ ms }: { readonly ms: Ms }): void {
    this.#runUntil(() => false, this.now + ms)
  }

  /** Until `condition` holds after a step. Throws a `SimulationError` when it does not within `withinMs`, by default 30,000. */
  runUntil(what: string, condition: () => boolean, { withinMs = 30_000 }: { readonly withinMs?: Ms } = {}): void {
    if (this.#runUntil(condition, this.now + withinMs)) return
    this.#fail('liveness', `${what}: not within ${withinMs} ms. ${this.#servers.map((server) => this.#describe(server)).join('; ')}`)
  }

  /** Until a node leads, other than `except`, and an entry of its term is committed. */
  runUntilLeader({ except, withinMs = 30_000 }: { readonly except?: NodeId; readonly withinMs?: Ms } = {}): NodeId {
    const candidates = this.#servers.filter(({ id }) => id !== except)
    let leader: NodeId | undefined
    const isLed = (): boolean => {
      leader = this.#leaderAmong(candidates)
      return leader !== undefined && this.#server(leader).life?.node?.caughtUp === true
    }
    this.runUntil('a leader', isLed, { withinMs })
    assert(leader !== undefined, 'there is a leader')
    return leader
  }

  /** Until nothing has changed for five election timeouts: no call settled, no role changed, nothing committed. */
  runUntilQuiet({ withinMs = 60_000 }: { readonly withinMs?: Ms } = {}): void {
    const quietMs = 5 * (this.#world.node.timing?.electionTimeoutMs ?? 1_000)
    this.#lastChangeAt = this.now
    let known = ''
    this.runUntil(
      'nothing changes any more',
      () => {
        const present = `${this.#world.history.settled} ${this.commitIndex} ${this.elections}`
        if (present !== known) this.#lastChangeAt = this.now
        known = present
        return this.now - this.#lastChangeAt >= quietMs
      },
      { withinMs },
    )
  }

  /** Until all nodes are up, follow one leader, have applied the same, and every call is settled. */
  runUntilConverged({ withinMs = 60_000 }: { readonly withinMs?: Ms } = {}): void {
    this.runUntil('all nodes are equal and every call is settled', () => this.#hasConverged(), { withinMs })
    const digests = new Set(this.nodes.map((id) => this.status(id)?.digest))
    this.#verdict.check(
      digests.size === 1,
      'equal states at an equal index',
      () => `the replicas end with digests ${[...digests].join(', ')}`,
    )
    this.#checkVerdict()
  }

  // --- Faults by hand

  /** Cuts `node` off from all others, both ways. Clients still reach it. */
  isolate(node: NodeId): void {
    this.partition([[node], this.nodes.filter((id) => id !== node)])
  }

  /** Nothing passes between nodes of different groups. */
  partition(groups: readonly (readonly NodeId[])[]): void {
    for (const one of groups) {
      for (const other of groups) if (one !== other) for (const from of one) for (const to of other) this.cut({ from, to })
    }
  }

  /** Nothing passes from the one to the other. */
  cut({ from, to }: { readonly from: NodeId; readonly to: NodeId }): void {
    this.#world.network.cut(from, to)
  }

  /** Nothing breaks any more, what is broken is mended, and every node runs. */
  heal(): void {
    this.#nemesis.stop()
    this.#world.network.heal()
    this.#note(0, { who: 'world', what: 'heals', about: undefined })
    for (const server of this.#servers) {
      server.disk.heal()
      server.resume()
      server.life?.disarm()
      server.start()
    }
  }

  /** Ends the process of `node` at once. */
  crash(node: NodeId): void {
    this.#server(node).crash({ silently: false })
  }

  /** Ends all processes at the same moment. */
  crashAll(): void {
    for (const server of this.#servers) server.crash({ silently: false })
  }

  restart(node: NodeId): void {
    this.#server(node).start()
  }

  restartAll(): void {
    for (const server of this.#servers) server.start()
  }

  /** `node` stands still for `ms`; what arrives meanwhile waits. */
  stall(node: NodeId, { ms }: { readonly ms: Ms }): void {
    this.#server(node).stall(ms)
  }

  crashClient(client: SimClient): void {
    this.#world.history.abandon(client.crash(), this.now)
    if (this.#workload !== undefined) this.#workload.employ(this.client())
  }

  // --- Clients

  /** Another client. `at`: it can reach that server only. */
  client({ at }: { readonly at?: NodeId } = {}): SimClient {
    const servers = new Map(this.#servers.filter(({ id }) => at === undefined || id === at).map((server) => [addressOf(server.id), server]))
    const client = new SimClient(this.#world, {
      id: this.#clients.length + 1,
      clock: this.#makeClock(),
      servers,
      timing: this.#options.session?.timing ?? {},
      limits: this.#options.session?.limits ?? {},
    })
    this.#clients.push(client)
    return client
  }

  /** Calls a command. What becomes of it is in `outcome`, in time. */
  submit(command: Uint8Array, settings: CallSettings = {}): SimCall {
    return this.#call('command', command, settings)
  }

  /** Asks a query. */
  query(
    query: Uint8Array,
    { consistency = 'linearizable', ...settings }: CallSettings & { readonly consistency?: 'linearizable' | 'stale' } = {},
  ): SimCall {
    return this.#call(consistency, query, settings)
  }

  /** Clients that call at random from now on. */
  work({ clients, ...options }: { readonly clients: number } & Partial<WorkloadOptions>): void {
    const workload = new Workload(this.#world, {
      operations: listOperations,
      calls: 200,
      pauseMs: 50,
      burstMax: 4,
      queries: 0.4,
      timeoutMs: { min: 500, max: 5_000 },
      ...options,
    })
    this.#workload = workload
    for (let i = 0; i < clients; i++) workload.employ(this.client())
  }

  /** Clients finish what they have called, and call no more. */
  stopWork(): void {
    this.#workload?.stop()
    this.#workload = undefined
  }

  /**
   * The whole run against the machine itself, replayed in the order of the log (see `oracle/certificate.ts`). The cluster has converged.
   * Throws a `SimulationError`.
   */
  checkLinearizable(): void {
    const { verdict, history, applied, safety, machine } = this.#world
    applied.checkStates(checkCertificate({ verdict, history, applied, committed: (index) => safety.committed(index) }, machine()))
    this.#checkVerdict()
  }

  /** Ends the run with a `SimulationError` unless `condition` holds. */
  check(condition: boolean, invariant: string, message: string): void {
    if (!condition) this.#fail(invariant, message)
  }

  // --- Inside

  #call(kind: SimCall['kind'], payload: Uint8Array, { client, at, timeoutMs = defaultTimeoutMs }: CallSettings): SimCall {
    const caller = client ?? (at === undefined ? this.#sharedClient() : this.#pinnedClient(at))
    return caller.call(kind, Uint8Array.from(payload), { timeoutMs })
  }

  #sharedClient(): SimClient {
    this.#shared ??= this.client()
    return this.#shared
  }

  #pinnedClient(at: NodeId): SimClient {
    const client = this.#pinned.get(at) ?? this.client({ at })
    this.#pinned.set(at, client)
    return client
  }

  #runUntil(condition: () => boolean, until: Ms): boolean {
    for (;;) {
      if (condition()) return true
      if (!this.#step(until)) return false
    }
  }

  #step(until: Ms): boolean {
    let stepped = false
    try {
      stepped = this.#scheduler.step(until)
    } catch (error) {
      this.#verdict.violate('nothing throws', error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    this.#checkVerdict()
    return stepped
  }

  #checkVerdict(): void {
    const { violation } = this.#verdict
    if (violation !== undefined) this.#fail(violation.invariant, violation.message)
  }

  #fail(invariant: string, message: string): never {
    throw new SimulationError({ invariant, message }, { seed: this.seed, now: this.now, steps: this.steps, story: this.story })
  }

  #hasConverged(): boolean {
    const { history, safety } = this.#world
    if (history.pending > 0) return false
    const leader = this.leader
    if (leader === undefined) return false
    return this.#servers.every(({ life }) => {
      const node = life?.node
      if (node === undefined || !node.caughtUp || node.softState.leader !== leader || node.pending > 0) return false
      return node.lastApplied === safety.commitIndex && safety.durableIndex(node.id) === safety.commitIndex
    })
  }

  #leaderAmong(servers: readonly SimServer[]): NodeId | undefined {
    let leader: { readonly id: NodeId; readonly term: number } | undefined
    for (const { id, life } of servers) {
      const softState = life?.node?.softState
      if (softState?.role === 'leader' && softState.term > (leader?.term ?? 0)) leader = { id, term: softState.term }
    }
    return leader?.id
  }

  #describe({ id, name, life }: SimServer): string {
    const node = life?.node
    if (node === undefined) return `${name} is down`
    const { role, term, leader, commitIndex, lastApplied, lastIndex } = node.status({ digest: false })
    const where = `leader ${leader ?? 'unknown'}, commit ${commitIndex}, applied ${lastApplied}, last ${lastIndex}`
    return `${name} is ${role} of term ${term}, ${where}, durable ${this.#world.safety.durableIndex(id)}`
  }

  #makeServer(id: NodeId, conf: ConfState): SimServer {
    const { scheduler, coverage } = this.#world
    const disk = new SimDisk({ scheduler, chance: this.#chance.fork(), coverage, writeMs: this.#options.diskMs ?? { min: 0.1, max: 3 } })
    disk.prepare(bootstrapRecords(id, conf))
    return new SimServer(this.#world, { id, disk, clock: this.#makeClock() })
  }

  #makeClock(): SimClock {
    return new SimClock({
      scheduler: this.#scheduler,
      rate: this.#chance.between(0.99, 1.01),
      wallOffsetMs: this.#chance.between(-5_000, 5_000),
    })
  }

  #server(id: NodeId): SimServer {
    const server = this.#servers[id - 1]
    assert(server !== undefined, `there is no node ${id}`)
    return server
  }

  #note(mark: number, line: TraceLine): void {
    this.#trace.add(this.#scheduler.now, mark, line)
  }
}

const addressOf = (id: NodeId): string => `node${id}:1`

function confOf(voters: number): ConfState {
  const ids = Array.from({ length: voters }, (_, i) => i + 1)
  const members = ids.map((id) => ({ id, incarnation: 1, peer: `node${id}:2`, client: addressOf(id) }))
  return { members, voters: ids, votersOutgoing: [], learners: [] }
}

/** What the real bootstrap writes. */
function bootstrapRecords(nodeId: NodeId, conf: ConfState): readonly Operation[] {
  const records: Operation[] = []
  const store = { get: () => {}, range: () => {}, defer: () => {}, close: () => {} }
  const batch = (operations: readonly Operation[]): void => {
    records.push(...operations)
  }
  BlockLog.bootstrap({ ...store, batch }, { identity: { clusterId, nodeId, incarnation: 1 }, conf }, () => {})
  return records
}
