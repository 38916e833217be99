// The servers of a run, and all that they stand on: disks, clocks, links, oracles.
import { assert } from '../core/invariant.ts'
import type { ConfState, NodeId } from '../core/types.ts'
import { BlockLog } from '../storage/block-log.ts'
import type { Operation } from '../storage/kv.ts'
import { Chance } from './chance.ts'
import { SimClock } from './clock.ts'
import { SimDisk } from './disk.ts'
import { Coverage } from './faults.ts'
import { History } from './history.ts'
import { ListMachine } from './list-machine.ts'
import { Network } from './network.ts'
import type { SimulationOptions } from './options.ts'
import { Applied } from './oracle/applied.ts'
import { Safety } from './oracle/safety.ts'
import { Scheduler } from './scheduler.ts'
import { SimServer } from './sim-server.ts'
import { Trace } from './trace.ts'
import { Verdict } from './violation.ts'
import type { World } from './world.ts'

const clusterId = 'simulated'
const tickMs = 10
const votersMax = 9

/** Address for clients. */
export const addressOf = (id: NodeId): string => `node${id}:1`

export class Cluster {
  readonly world: World
  readonly servers: readonly SimServer[]
  readonly #options: SimulationOptions

  constructor(options: SimulationOptions) {
    const { voters = 3 } = options
    assert(Number.isSafeInteger(voters) && voters >= 1 && voters <= votersMax, `a cluster has 1 to ${votersMax} voters, not ${voters}`)
    this.#options = options
    const conf = confOf(voters)
    this.world = this.#makeWorld(conf)
    this.servers = conf.members.map(({ id }) => this.#makeServer(id, conf))
  }

  get ids(): readonly NodeId[] {
    return this.servers.map(({ id }) => id)
  }

  server(id: NodeId): SimServer {
    const server = this.servers[id - 1]
    assert(server !== undefined, `there is no node ${id}`)
    return server
  }

  /** The node that leads the highest term, as far as it knows. */
  leader(except?: NodeId): NodeId | undefined {
    let leader: { readonly id: NodeId; readonly term: number } | undefined
    for (const { id, life } of this.servers) {
      const softState = life?.node?.softState
      if (id !== except && softState?.role === 'leader' && softState.term > (leader?.term ?? 0)) leader = { id, term: softState.term }
    }
    return leader?.id
  }

  /** All nodes are up, follow one leader, and have applied everything that is committed; nothing else is in their logs. */
  get isConverged(): boolean {
    const leader = this.leader()
    if (leader === undefined) return false
    const { safety } = this.world
    return this.servers.every(({ life }) => {
      const node = life?.node
      if (node === undefined || !node.caughtUp || node.softState.leader !== leader || node.pending !== 0) return false
      return node.lastApplied === safety.commitIndex && safety.durableIndex(node.id) === safety.commitIndex
    })
  }

  /** Where every node stands, in words. */
  describe(): string {
    return this.servers.map((server) => this.#describe(server)).join('; ')
  }

  makeClock(): SimClock {
    const { scheduler, chance } = this.world
    return new SimClock({ scheduler, rate: chance.between(0.99, 1.01), wallOffsetMs: chance.between(-5_000, 5_000) })
  }

  #describe({ id, name, life }: SimServer): string {
    const node = life?.node
    if (node === undefined) return `${name} is down`
    const { role, term, leader, commitIndex, lastApplied, lastIndex } = node.status({ digest: false })
    const where = `leader ${leader ?? 'unknown'}, commit ${commitIndex}, applied ${lastApplied}, last ${lastIndex}, pending ${node.pending}`
    return `${name} is ${role} of term ${term}, ${where}, durable ${this.world.safety.durableIndex(id)}`
  }

  #makeWorld(conf: ConfState): World {
    const { seed, machine = () => new ListMachine(), sabotage = {}, timing = { electionTimeoutMs: 300, heartbeatMs: 60 } } = this.#options
    const { coreLimits = {}, limits = {} } = this.#options
    const [scheduler, chance, coverage, trace] = [new Scheduler(), new Chance(seed), new Coverage(), new Trace()]
    const verdict = new Verdict(sabotage.blindTo)
    return {
      scheduler,
      chance,
      coverage,
      trace,
      verdict,
      network: this.#makeNetwork({ scheduler, chance, coverage }),
      history: new History(verdict),
      safety: new Safety(verdict, conf),
      applied: new Applied(verdict),
      sabotage,
      clusterId,
      tickMs,
      machine,
      node: { timing, coreLimits, limits },
      note: (mark, line) => trace.add(scheduler.now, mark, line),
    }
  }

  #makeNetwork({ scheduler, chance, coverage }: Pick<World, 'scheduler' | 'chance' | 'coverage'>): Network {
    return new Network({
      scheduler,
      chance: chance.fork(),
      coverage,
      latencyMs: this.#options.latencyMs ?? { min: 0.2, max: 3 },
      arrive: ({ to, bytes, isCorrupt }) => {
        const { life } = this.server(to)
        life?.deliver(() => life.receiveFromPeer(bytes, { isCorrupt }))
      },
      unreachable: (node, peer) => {
        const { life } = this.server(node)
        life?.deliver(() => life.unreachable(peer))
      },
    })
  }

  #makeServer(id: NodeId, conf: ConfState): SimServer {
    const { scheduler, chance, coverage } = this.world
    const disk = new SimDisk({ scheduler, chance: chance.fork(), coverage, writeMs: this.#options.diskMs ?? { min: 0.1, max: 3 } })
    disk.prepare(bootstrapRecords(id, conf))
    return new SimServer(this.world, { id, disk, clock: this.makeClock() })
  }
}

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
