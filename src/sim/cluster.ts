// The servers of a run, and all that they stand on: disks, clocks, links, oracles.
import { confOfVoters } from '../core/conf.ts'
import { assert } from '../core/invariant.ts'
import type { ConfState, Entry, Index, NodeId } from '../core/types.ts'
import type { NodeLoad } from '../node/index.ts'
import { BlockLog } from '../storage/block-log.ts'
import type { Operation } from '../storage/kv.ts'
import { Chance } from './chance.ts'
import { Chart } from './chart.ts'
import { SimClock } from './clock.ts'
import { Directory } from './directory.ts'
import { SimDisk } from './disk.ts'
import { Coverage } from './faults.ts'
import { SimFiles } from './files.ts'
import { History } from './history.ts'
import { ListMachine } from './list-machine.ts'
import { Network } from './network.ts'
import type { SimulationOptions } from './options.ts'
import { Applied } from './oracle/applied.ts'
import { describe } from './oracle/confs.ts'
import { isSameConf } from './oracle/log-shadow.ts'
import { Safety } from './oracle/safety.ts'
import { SnapshotsSeen } from './oracle/snapshots.ts'
import { Scheduler } from './scheduler.ts'
import { SimServer } from './sim-server.ts'
import { SimSlots } from './sim-slots.ts'
import { Trace } from './trace.ts'
import { Verdict } from './violation.ts'
import type { World } from './world.ts'

const clusterId = 'simulated'
const tickMs = 10
const votersMax = 9
/** Before the others find out that a process has ended. Milliseconds. */
const deathNoticeMs = { min: 0.5, max: 20 } as const
/** They do not always: a connection may not have stood. */
const deathNoticed = 0.8
/** How far the clocks of clients, and of servers unless told otherwise, go wrong: a share. */
const driftMax = 0.01
/** A snapshot of more than this, and it is fetched in pieces. */
const pieceBytes = 64 * 1_024

export class Cluster {
  readonly world: World
  readonly #servers = new Map<NodeId, SimServer>()
  readonly #firstConf: ConfState
  readonly #options: SimulationOptions

  constructor(options: SimulationOptions) {
    const { voters = 3 } = options
    assert(Number.isSafeInteger(voters) && voters >= 1 && voters <= votersMax, `a cluster has 1 to ${votersMax} voters, not ${voters}`)
    this.#options = options
    const ids = Array.from({ length: voters }, (_, i) => i + 1)
    const conf = confOfVoters(ids.map((id) => ({ id, incarnation: 1, ...addressesOf(id) })))
    this.world = this.#makeWorld(conf)
    this.#firstConf = conf
    for (const id of ids) this.#found(this.#makeServer(id, { incarnation: 1 }))
  }

  /** Every machine that there ever was, also those that were retired. */
  get servers(): readonly SimServer[] {
    return [...this.#servers.values()]
  }

  /** Those that run, are down, or wait to be let in. */
  get active(): readonly SimServer[] {
    return this.servers.filter(({ isRetired }) => !isRetired)
  }

  get ids(): readonly NodeId[] {
    return this.active.map(({ id }) => id)
  }

  server(id: NodeId): SimServer {
    const server = this.#servers.get(id)
    assert(server !== undefined, `there is no node ${id}`)
    return server
  }

  /** A machine with an empty disk, under an id that was never used; it is not started. */
  add({ voter }: { readonly voter: boolean }): SimServer {
    return this.#makeServer(Math.max(...this.#servers.keys()) + 1, { incarnation: 0, joinsAsVoter: voter })
  }

  /** A machine that has lost its disk is made what it was at first, as no operator should. It is not started. */
  foundAgain(server: SimServer): void {
    assert(this.#firstConf.voters.includes(server.id), `node ${server.id} is one of the first`)
    server.wipe()
    bootstrap(server, this.#firstConf)
    server.bootstrapped({ incarnation: 1, conf: this.#firstConf })
  }

  /** The node that leads the highest term, as far as it knows. */
  leader(except?: NodeId): NodeId | undefined {
    let leader: { readonly id: NodeId; readonly term: number } | undefined
    for (const { id, life } of this.#servers.values()) {
      const softState = life?.node?.softState
      if (id !== except && softState?.role === 'leader' && softState.term > (leader?.term ?? 0)) leader = { id, term: softState.term }
    }
    return leader?.id
  }

  /** The newest configuration that the leader knows; without a leader, the newest that was committed. */
  get conf(): ConfState {
    const leader = this.leader()
    return (leader === undefined ? undefined : this.server(leader).life?.peers?.conf) ?? this.world.safety.confs.newest
  }

  /**
   * Nothing is on its way any more: all machines are members that are up, follow one leader, and have applied everything that is committed;
   * nothing else is in their logs; nobody is still joining; those that were removed have stopped; the leader waits for nothing, and holds nothing; no
   * client is owed an answer.
   */
  get isConverged(): boolean {
    const leader = this.leader()
    if (leader === undefined || this.server(leader).life?.node?.caughtUp !== true) return false
    const { safety } = this.world
    const conf = safety.confs.newest
    if (conf.votersOutgoing.length > 0 || conf.joining.length > 0) return false
    const isAtRest = this.servers.every((server) => {
      const { id, life, isRetired } = server
      const isMember = this.world.isMember(id)
      if (isRetired || !isMember) return !isMember && this.#isAtRest(server)
      const node = life?.node
      // Once all have the newest build nothing keeps its version from being put in force.
      if (node !== undefined && this.#options.rollout?.isBehind(node.desk.version) === true) return false
      if (node === undefined || !node.caughtUp || node.softState.leader !== leader || node.pending !== 0 || owedBy(server) !== 0)
        return false
      return node.lastApplied === safety.commitIndex && safety.disks.durableIndex(id) === safety.commitIndex
    })
    const { peers, node } = this.server(leader).life ?? {}
    return isAtRest && peers !== undefined && isSameConf(peers.conf, conf) && node !== undefined && isUnladen(node.desk.load)
  }

  /** Once it has converged: the members of `conf` have one state. */
  checkEqual({ members }: ConfState): void {
    const digests = new Set(members.map(({ id }) => this.server(id).life?.node?.status({ digest: true }).digest))
    this.world.verdict.check(
      digests.size === 1,
      'equal states at an equal index',
      () => `the replicas end with digests ${[...digests].join(', ')}`,
    )
  }

  /** The entries up to `index` that are known to be committed. */
  committed(index: Index): readonly Entry[] {
    const entries = Array.from({ length: index }, (_, i) => this.world.safety.committed(i + 1))
    return entries.filter((entry) => entry !== undefined)
  }

  /** Whether every member has applied what stands at `index`, and is sent the log as it grows. */
  hasReached(index: Index): boolean {
    const leader = this.leader()
    const desk = leader === undefined ? undefined : this.server(leader).life?.node?.desk
    if (desk === undefined || desk.load.isCatchingUp) return false
    return this.servers.every(({ id, life }) => !this.world.isMember(id) || (life?.node?.lastApplied ?? 0) >= index)
  }

  /** Where every node stands, in words. */
  describe(): string {
    return `committed: ${describe(this.world.safety.confs.newest)}; ${this.servers.map((server) => this.#describe(server)).join('; ')}`
  }

  makeClock({ drift = driftMax }: { readonly drift?: number } = {}): SimClock {
    const { scheduler, chance } = this.world
    return new SimClock({ scheduler, rate: chance.between(1 - drift, 1 + drift), wallOffsetMs: chance.between(-5_000, 5_000) })
  }

  /** It has stopped; or it will never be told: all whom it knows are gone, too, or are not where it looks for them. */
  #isAtRest({ life }: SimServer): boolean {
    if (life === undefined) return true
    const known = life.peers?.conf.members ?? []
    const { directory } = this.world
    return life.node !== undefined && known.every(({ id, peer }) => !this.world.isMember(id) || directory.find(peer)?.id !== id)
  }

  #describe(server: SimServer): string {
    const { id, name, life, isRetired, isBlank } = server
    if (isRetired) return `${name} is retired`
    const node = life?.node
    if (node === undefined) return `${name} is ${life === undefined ? 'down' : isBlank ? 'waiting to be let in' : 'starting'}`
    const { role, term, leader, commitIndex, lastApplied, firstIndex, lastIndex } = node.status({ digest: false })
    const where = `leader ${leader ?? 'unknown'}, commit ${commitIndex}, applied ${lastApplied}, log ${firstIndex} to ${lastIndex}, pending ${node.pending}, owes ${owedBy(server)} answers`
    const { disks } = this.world.safety
    return `${name} is ${role} of term ${term}, ${where}, durable ${disks.durableIndex(id)}, knows ${life?.peers === undefined ? 'nobody' : describe(life.peers.conf)}`
  }

  #makeWorld(conf: ConfState): World {
    const { seed, machine = () => new ListMachine(), sabotage = {}, timing = { electionTimeoutMs: 300, heartbeatMs: 60 } } = this.#options
    const { coreLimits = {}, limits = {}, onHandlerError = 'fail', storyLines = 40, words } = this.#options
    const chart = this.#options.chart === true ? new Chart() : undefined
    const [scheduler, chance, coverage, trace] = [new Scheduler(), new Chance(seed), new Coverage(), new Trace({ lines: storyLines })]
    const verdict = new Verdict(sabotage.blindTo)
    const safety = new Safety(verdict, conf)
    const applied = new Applied(verdict)
    const snapshots = new SnapshotsSeen(verdict)
    return {
      scheduler,
      chance,
      coverage,
      trace,
      chart,
      words,
      verdict,
      network: this.#makeNetwork({ scheduler, chance, coverage }),
      directory: new Directory(),
      watch: { fetch: undefined, install: undefined, handOver: undefined },
      history: new History(verdict),
      safety,
      applied,
      snapshots,
      sabotage,
      reference: this.#options.reference ?? false,
      clusterId,
      tickMs,
      machine,
      // Replicas are compared where a run wants it: it makes another run of it.
      node: { timing, coreLimits, limits: { digestEntries: 0, ...limits }, onHandlerError },
      contacts: () => this.active.filter(({ id }) => safety.confs.newest.members.some((member) => member.id === id)),
      isMember: (id) => safety.confs.newest.members.some((member) => member.id === id),
      meet: (node, disk) => this.server(node).knownDisks.add(disk, () => true),
      onSnapshot: (node, meta) => {
        safety.onSnapshot(node, meta)
        safety.proven.onSnapshot(node, meta.id.index)
        snapshots.onSnapshot(node, meta)
        if (meta.bytes > pieceBytes) coverage.count('snapshotInPieces')
      },
      onProcessEnded: (server) => this.#tellOfDeath(server),
      onRetired: ({ id }) => applied.forget(id),
      onWiped: ({ id }) => {
        safety.disks.onWiped(id)
        applied.forget(id)
      },
      onRolledBack: ({ id }, shadow) => {
        safety.disks.onRolledBack(id, shadow)
        applied.forget(id)
      },
      note: (mark, line) => {
        trace.add(scheduler.now, mark, line)
        chart?.note(scheduler.now, line)
      },
    }
  }

  #makeNetwork({ scheduler, chance, coverage }: Pick<World, 'scheduler' | 'chance' | 'coverage'>): Network {
    return new Network({
      scheduler,
      chance: chance.fork(),
      coverage,
      latencyMs: this.#options.latencyMs ?? { min: 0.2, max: 3 },
      arrive: (packet) => {
        const { life, isGone } = this.server(packet.to)
        if (life === undefined && !isGone) this.world.network.refuse(packet.from, packet.to)
        else life?.deliver(() => life.receiveFromPeer(packet))
      },
      unreachable: (node, peer) => {
        const { life } = this.server(node)
        life?.deliver(() => life.unreachable(peer))
      },
      turnedAway: ({ from, incarnation, diskId }, why) => {
        const server = this.server(from)
        const { life } = server
        if (server.incarnation !== incarnation || server.diskId !== diskId) return
        life?.deliver(() => (why === 'removed' ? life.onRemoved(`node ${from} is no member any more`) : server.disown()))
      },
    })
  }

  /**
   * Whoever had a connection to `dead` sees it close, and dials at once: its machine says that nobody is there. Nobody is told who cannot
   * reach that machine, nor where the next process is there already.
   */
  #tellOfDeath(dead: SimServer): void {
    const { scheduler, chance, network, coverage } = this.world
    const { id, incarnation, diskId } = dead
    const isReachable = (from: NodeId): boolean => !network.isCut(from, id) && !network.isCut(id, from)
    for (const { id: other, life } of this.#servers.values()) {
      if (other === id || life?.peers === undefined || !isReachable(other) || !chance.happens(deathNoticed)) continue
      if (!life.peers.knows({ id, incarnation, diskId })) continue
      scheduler.after(chance.between(deathNoticeMs.min, deathNoticeMs.max), () => {
        if (!isReachable(other) || dead.life !== undefined) return
        coverage.count('peerDown')
        life.deliver(() => life.peerDown(id, incarnation))
      })
    }
  }

  #makeServer(
    id: NodeId,
    { incarnation, joinsAsVoter = true }: { readonly incarnation: number; readonly joinsAsVoter?: boolean },
  ): SimServer {
    const { scheduler, chance, coverage, directory } = this.world
    const { diskMs = { min: 0.1, max: 3 }, drift } = this.#options
    const disk = new SimDisk({ scheduler, chance: chance.fork(), coverage, writeMs: diskMs })
    const files = new SimFiles({ scheduler, chance: chance.fork(), coverage, operationMs: diskMs })
    const slots = (name: string): SimSlots =>
      new SimSlots({ name: `${name} of node ${id}`, scheduler, chance: chance.fork(), coverage, writeMs: diskMs })
    const { peer, client } = addressesOf(id)
    const clock = this.makeClock(drift === undefined ? {} : { drift })
    const server = new SimServer(this.world, {
      id,
      disk,
      files,
      highWater: slots('high water'),
      witness: slots('witness'),
      clock,
      incarnation,
      peerAddress: peer,
      clientAddress: client,
      joinsAsVoter,
    })
    this.#servers.set(id, server)
    directory.add(peer, server)
    directory.add(client, server)
    return server
  }

  /** One of the first servers: its disk is there before the run begins. */
  #found(server: SimServer): void {
    const { id } = server
    const conf = this.#firstConf
    bootstrap(server, conf)
    this.world.safety.disks.onBootstrapped({ id, incarnation: 1, conf })
  }
}

const addressesOf = (id: NodeId): { readonly peer: string; readonly client: string } => ({ peer: `node${id}:2`, client: `node${id}:1` })

/** Answers that clients wait for. */
const owedBy = ({ life }: SimServer): number => (life?.connections ?? []).reduce((sum, { owed }) => sum + owed.answers, 0)

/** Whatever it counts has come back to 0. */
const isUnladen = ({ isCatchingUp: _, ...load }: NodeLoad): boolean => Object.values(load).every((count) => count === 0)

/** Puts on its disk what the real bootstrap writes. */
function bootstrap({ id, disk, highWater }: SimServer, conf: ConfState): void {
  const store = { get: () => {}, range: () => {}, defer: () => {}, close: () => {} }
  const batch = (operations: readonly Operation[]): void => disk.prepare(operations)
  const identity = { clusterId, nodeId: id, incarnation: 1 }
  BlockLog.bootstrap({ ...store, batch }, { identity, conf, slots: highWater.atOnce }, () => {})
}
