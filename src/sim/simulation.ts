// A whole cluster and its clients in one synchronous object: the real node, core, codecs, storage logic and client sessions on simulated
// disks, links and clocks. One seed decides everything that is decided by chance, so a run can be repeated, step by step.
import { assert } from '../core/invariant.ts'
import type { Entry, Index, Ms, NodeId } from '../core/types.ts'
import type { Caller } from '../session/caller.ts'
import type { NodeStatus } from '../wire/client-messages.ts'
import { Clients } from './clients.ts'
import { Cluster } from './cluster.ts'
import { DiskFaults } from './disk-faults.ts'
import { type Coverage, drawFaults, type LinkFaults, noFault } from './faults.ts'
import type { CallKind, SimCall } from './history.ts'
import { Members } from './members.ts'
import { Nemesis } from './nemesis.ts'
import { plannedLinks, type RunPlan } from './plan.ts'
import type { CallSettings, SimulationOptions, SlowLink } from './options.ts'
import { checkListSamples } from './oracle/list-samples.ts'
import { SimCaller } from './sim-caller.ts'
import type { SimClient } from './sim-client.ts'
import { Upheaval } from './upheaval.ts'
import { SimulationError } from './violation.ts'
import { listOperations, Workload, type WorkloadOptions } from './workload.ts'
import { checkWholeRun } from './whole-run.ts'
import type { World } from './world.ts'

const defaultTimeoutMs = 5_000

export const simulate = (options: SimulationOptions): Simulation => new Simulation(options)

export class Simulation {
  readonly seed: number
  readonly #options: SimulationOptions
  readonly #cluster: Cluster
  readonly #world: World
  readonly #upheaval: Upheaval
  readonly #nemesis: Nemesis
  readonly #links: LinkFaults
  /** Operations on the members. */
  readonly members: Members
  readonly #clients: Clients
  #workload: Workload | undefined
  /** The first at random: what plans are about. */
  #planned: Workload | undefined

  constructor(options: SimulationOptions) {
    const { seed, faults = noFault, inPhase = false, nemesis = { pauseMs: 300, lastsMs: 400 } } = options
    this.seed = seed
    this.#options = options
    this.#cluster = new Cluster(options)
    this.#world = this.#cluster.world
    const { active, links } = drawFaults(faults, this.#world.chance)
    this.#links = plannedLinks(links, this.#plan)
    this.#upheaval = new Upheaval(this.#cluster)
    this.#clients = new Clients(this.#cluster, options)
    this.members = new Members(this.#cluster, this.#upheaval)
    this.#nemesis = new Nemesis(this.#world, {
      kept: this.#plan.acts,
      active,
      servers: () => this.#cluster.active,
      leader: () => this.#cluster.leader(),
      upheaval: this.#upheaval,
      rollout: options.rollout,
      clients: () => this.#clients.alive,
      crashClient: (client) => this.crashClient(client),
      abortCall: (client) => this.#workload?.abortOne(client) ?? false,
      press: (forMs, patienceMs) => this.#workload?.press(forMs, patienceMs),
      ...nemesis,
    })
    this.#world.chance.isEven = inPhase
    this.restartAll()
    if (!inPhase) this.unleash()
  }

  // --- What is there

  /** How often each class of faults happened. */
  get coverage(): Coverage {
    return this.#world.coverage
  }
  /** Virtual time since the start, milliseconds. */
  get now(): Ms {
    return this.#world.scheduler.now
  }
  /** Events so far. */
  get steps(): number {
    return this.#world.scheduler.steps
  }
  /** Over all that has happened, in its order: equal for equal runs. */
  get traceHash(): string {
    return this.#world.trace.hash
  }
  /** Those that were not removed, whether they run or not. */
  get nodes(): readonly NodeId[] {
    return this.#cluster.ids
  }
  /** A follower waits for its leader once to twice as long. */
  get electionTimeoutMs(): Ms {
    return this.#world.node.timing?.electionTimeoutMs ?? 1_000
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
    return this.#cluster.server(node).life?.node?.status({ digest: true })
  }

  /** The entries that `node` knows to be committed. */
  committed(node: NodeId): readonly Entry[] {
    return this.#cluster.committed(this.status(node)?.commitIndex ?? 0)
  }

  /** The node that leads the highest term, as far as it knows. */
  get leader(): NodeId | undefined {
    return this.#cluster.leader()
  }

  /** The last events, as lines to read. */
  get story(): readonly string[] {
    return this.#world.trace.last
  }

  // --- Time

  /** Lets `ms` pass. Throws a `SimulationError` as soon as an invariant is broken. */
  run({ ms }: { readonly ms: Ms }): void {
    this.#runUntil(() => false, this.now + ms)
  }

  /** Until `condition` holds after a step. Throws a `SimulationError` when it does not within `withinMs`, by default 30,000. */
  runUntil(what: string, condition: () => boolean, { withinMs = 30_000 }: { readonly withinMs?: Ms } = {}): void {
    if (this.#runUntil(condition, this.now + withinMs)) return
    this.#fail('liveness', `${what}: not within ${withinMs} ms. ${this.#world.history.pending} calls are open; ${this.#cluster.describe()}`)
  }

  /** Until a node leads, other than `except`, and an entry of its term is committed. */
  runUntilLeader({ except, withinMs = 30_000 }: { readonly except?: NodeId; readonly withinMs?: Ms } = {}): NodeId {
    let leader: NodeId | undefined
    const isLed = (): boolean => {
      leader = this.#cluster.leader(except)
      return leader !== undefined && this.#cluster.server(leader).life?.node?.caughtUp === true
    }
    this.runUntil('a leader', isLed, { withinMs })
    assert(leader !== undefined, 'there is a leader')
    return leader
  }

  /** Until nothing has changed for five election timeouts: no call settled, no role changed, nothing committed. */
  runUntilQuiet({ withinMs = 60_000 }: { readonly withinMs?: Ms } = {}): void {
    const quietMs = 5 * this.electionTimeoutMs
    let changedAt = this.now
    let known = ''
    this.runUntil(
      'nothing changes any more',
      () => {
        const present = `${this.#world.history.settled} ${this.commitIndex} ${this.elections}`
        if (present !== known) changedAt = this.now
        known = present
        return this.now - changedAt >= quietMs
      },
      { withinMs },
    )
  }

  /** Until every member has applied what is committed now, and follows the log, whatever is written meanwhile. */
  runUntilReached({ withinMs = 30_000 }: { readonly withinMs?: Ms } = {}): void {
    const index = this.commitIndex
    this.runUntil(`every member has applied entry ${index}, and follows the log`, () => this.#cluster.hasReached(index), { withinMs })
  }

  /** Until all members are up, follow one leader, have applied the same, others have stopped, and every call is settled. */
  runUntilConverged({ withinMs = 60_000 }: { readonly withinMs?: Ms } = {}): void {
    this.runUntil('all nodes are equal and every call is settled', () => this.#world.history.pending === 0 && this.#cluster.isConverged, {
      withinMs,
    })
    this.#cluster.checkEqual(this.members.conf)
    this.#checkVerdict()
  }

  // --- Faults by hand

  /** Of a run that began in phase: from now on servers, links and disks differ, and what may break does. */
  unleash(): void {
    this.#world.chance.isEven = false
    this.#world.network.faults = this.#links
    if ((this.#options.faults ?? noFault).length > 0) this.#nemesis.start()
  }

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

  /** Whatever goes from the one to the other takes longer by `byMs`, and no more than `bytesPerSecond` passes, until everything heals. */
  slowDown({ from, to, byMs, bytesPerSecond }: SlowLink): void {
    this.#world.network.slowDown(from, to, byMs, Number.MAX_SAFE_INTEGER)
    this.#world.network.narrow(from, to, bytesPerSecond)
  }

  /** Bytes that have left the one and have not arrived at the other. */
  underWayBytes({ from, to }: { readonly from: NodeId; readonly to: NodeId }): number {
    return this.#world.network.underWayBytes(from, to)
  }

  /** Nothing breaks any more, what is broken is mended, and every node runs. */
  heal(): void {
    this.#nemesis.stop()
    this.#upheaval.operator.stop()
    this.#world.network.heal()
    this.#world.note(0, { who: 'world', what: 'heals', about: undefined })
    for (const server of this.#cluster.active) {
      server.disk.heal()
      server.files.heal()
      server.highWater.heal()
      server.witness.heal()
      server.resume()
      server.life?.disarm()
      server.start()
    }
  }

  /** Ends the process of `node` at once. */
  crash(node: NodeId): void {
    this.#cluster.server(node).crash({ silently: false })
  }

  /** Ends all processes at the same moment. */
  crashAll(): void {
    for (const server of this.#cluster.servers) server.crash({ silently: false })
  }

  restart(node: NodeId): void {
    this.#cluster.server(node).start()
  }

  restartAll(): void {
    for (const server of this.#cluster.servers) server.start()
  }

  /** `node` stands still for `ms`; what arrives meanwhile waits. */
  stall(node: NodeId, { ms }: { readonly ms: Ms }): void {
    this.#cluster.server(node).stall(ms)
  }

  /** What may be done to the disks of nodes. */
  get disks(): DiskFaults {
    return new DiskFaults(this.#cluster)
  }

  /** The next write of `node` fails. */
  failDisk(node: NodeId): void {
    this.#cluster.server(node).disk.failNextWrite()
  }

  /** The process of `client` is gone; what it called and was not told is unknown. */
  crashClient(client: SimClient): void {
    this.#world.history.abandon(client.crash(), this.now)
    if (this.#workload !== undefined) this.#workload.employ(this.client())
  }

  // --- Clients

  /** Another client. `at`: it can reach that server only. */
  client(options: { readonly at?: NodeId } = {}): SimClient {
    return this.#clients.add(options)
  }

  /** For a generated client, `new LocksClient(sim.caller())` or the like: its calls settle while the simulation runs. */
  caller(options: { readonly at?: NodeId } = {}): Caller {
    return new SimCaller(this.client(options))
  }

  /** Calls a command. What becomes of it is in `outcome`, in time. */
  submit(command: Uint8Array, settings: CallSettings = {}): SimCall {
    return this.#call('command', command, settings)
  }

  /** Asks a query. `atLeast`: an index that the answer must reflect, in place of a consistency. */
  query(
    query: Uint8Array,
    {
      consistency = 'linearizable',
      atLeast,
      ...settings
    }: CallSettings & { readonly consistency?: 'linearizable' | 'lease' | 'stale'; readonly atLeast?: Index } = {},
  ): SimCall {
    return this.#call(atLeast === undefined ? consistency : 'atLeast', query, { ...settings, token: atLeast ?? 0 })
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
      kept: this.#planned === undefined ? this.#plan.calls : undefined,
      ...options,
    })
    this.#workload = workload
    this.#planned ??= workload
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
    checkWholeRun(this.#world, this.#options)
    this.#checkVerdict()
  }

  /** The calls of a machine of lists once more, by search, without a look at indexes. Throws a `SimulationError`. */
  checkBySearch(): void {
    const { verdict, history, coverage } = this.#world
    coverage.count('searched', checkListSamples(history.calls, verdict))
    this.#checkVerdict()
  }

  /** Ends the run with a `SimulationError` unless `condition` holds. */
  check(condition: boolean, invariant: string, message: string): void {
    if (!condition) this.#fail(invariant, message)
  }

  // --- Inside

  #call(
    kind: CallKind,
    payload: Uint8Array,
    { client, at, timeoutMs = defaultTimeoutMs, nearest = false, token = 0 }: CallSettings & { readonly token?: Index },
  ): SimCall {
    const caller = client ?? (at === undefined ? this.#clients.shared : this.#clients.pinned(at))
    return caller.call(kind, Uint8Array.from(payload), { timeoutMs, nearest, token })
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
      stepped = this.#world.scheduler.step(until)
    } catch (error) {
      this.#world.verdict.violate('nothing throws', error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    this.#checkVerdict()
    return stepped
  }

  #checkVerdict(): void {
    const { violation } = this.#world.verdict
    if (violation !== undefined) this.#fail(violation.invariant, violation.message)
  }

  get #plan(): RunPlan {
    return { ...this.#options.plan, seed: this.seed }
  }

  #fail(invariant: string, message: string): never {
    const { seed, now, steps, story } = this
    const repeat = this.#options.repeat ?? `this test; seed ${seed} decides everything`
    const drawn = { acts: this.#nemesis.drawn, calls: this.#planned?.drawn ?? 0 }
    throw new SimulationError({ invariant, message }, { plan: this.#plan, now, steps, ...drawn, story, repeat, chart: this.#world.chart })
  }
}
