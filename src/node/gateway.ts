// What a node's clients can ask of it, and the way back of each answer: commands, queries and operations on the cluster have a door each.
import type { Accepted, Entry, Index, Ms, NodeId, Raft, ReadGrant, Refusal } from '../core/index.ts'
import type { Envelope } from '../machine/envelope.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Net } from '../ports/net.ts'
import type { AdminRequest, ClientMessage, JoinRequest, LeaderHint, Refused, Welcome } from '../wire/client-messages.ts'
import { Administration } from './administration.ts'
import { CommandDoor, type Phase, type Unsure } from './command-door.ts'
import { ConfChanges } from './conf-changes.ts'
import { type Connection, Connections } from './connections.ts'
import type { Halting } from './halting.ts'
import { Joining } from './joining.ts'
import { LogTime } from './log-time.ts'
import type { ClientPort, ConnectionId, NodeEvent, NodeLimits } from './options.ts'
import { QueryDoor } from './query-door.ts'
import { adminRefused, hintOf, notLeader } from './refusals.ts'
import { SkipOrders } from './skip-orders.ts'
import { Tickets } from './tickets.ts'
import { VersionGate } from './version-gate.ts'

export interface GatewayOptions {
  readonly raft: Raft
  readonly replica: Replica
  readonly clock: Clock
  readonly clients: ClientPort
  readonly limits: NodeLimits
  readonly clusterId: string
  readonly id: NodeId
  readonly net: Net
  readonly electionTimeoutMs: Ms
  readonly heartbeatMs: Ms
  readonly halting: Halting
  /** The next version of the schema is put in force without an operator. */
  readonly isAutomatic: boolean
  whyFull(): Refused | undefined
  whyUnsure(): Unsure | undefined
  /** Another version of the schema is in force. */
  versionChanged(): void
  report(event: NodeEvent): void
}

export class Gateway {
  /** Which version of the schema is in force, and when the next one is. */
  readonly versions: VersionGate
  readonly #raft: Raft
  readonly #replica: Replica
  readonly #clients: ClientPort
  readonly #report: (event: NodeEvent) => void
  readonly #connections = new Connections()
  readonly #time: LogTime
  readonly #commands: CommandDoor
  readonly #queries: QueryDoor
  readonly #changes: ConfChanges
  readonly #skips: SkipOrders
  readonly #administration: Administration
  readonly #joining: Joining
  /** Entries up to here were in the log when this node started: an earlier life of it has reported what failed in them. */
  readonly #reportAbove: Index

  constructor(options: GatewayOptions) {
    const { raft, replica, clock, clients, limits, clusterId, electionTimeoutMs, halting, whyFull, whyUnsure, report } = options
    this.#raft = raft
    this.#replica = replica
    this.#clients = clients
    this.#report = report
    this.#time = new LogTime(replica, clock)
    const tickets = new Tickets()
    const shared = { raft, replica, clock, limits, connections: this.#connections, time: this.#time, tickets, whyUnsure }
    this.#commands = new CommandDoor({ ...shared, halting, whyFull, isActivating: () => this.versions.isProposing })
    const raiseCeiling = (ceiling: number): void => this.#commands.raiseCeiling(ceiling)
    this.#queries = new QueryDoor({ ...shared, halting, raiseCeiling, report })
    this.#skips = new SkipOrders({ raft, replica, halting, tickets, clock, electionTimeoutMs })
    this.#changes = new ConfChanges(raft, tickets)
    this.versions = new VersionGate({
      ...options,
      hasCaughtUp: () => this.#commands.phase === 'renewing' || this.#commands.phase === 'leading',
      mayPropose: () => this.#commands.phase === 'leading' && raft.hasRoom && raft.transferee === undefined,
      propose: (envelope) => this.#commands.addFirst(envelope),
      haltedAt: () => halting.current?.index,
      skip: (order) => this.#skips.ask(order),
      changed: () => options.versionChanged(),
    })
    const cluster = {
      versions: this.versions,
      raft,
      replica,
      clock,
      connections: this.#connections,
      changes: this.#changes,
      skips: this.#skips,
      tickets,
      clusterId,
      electionTimeoutMs,
    }
    this.#administration = new Administration(cluster)
    this.#joining = new Joining(cluster)
    this.#reportAbove = raft.status.lastIndex
  }

  get pending(): number {
    return this.#commands.pending
  }

  get phase(): Phase {
    return this.#commands.phase
  }

  /** As leader: proposes that all replicas compare themselves. */
  check(options: { readonly isEvidence: boolean }): void {
    this.#commands.check(options)
  }

  /** `version`: of the schema that the client was made for. */
  open(id: ConnectionId, version: number): void {
    this.#connections.open(id, version)
  }

  close(id: ConnectionId): void {
    this.#connections.close(id)
    this.#queries.forget(id)
    this.#administration.forget(id)
    this.#joining.forget(id)
  }

  get connections(): readonly ConnectionId[] {
    return this.#connections.ids()
  }

  receive(id: ConnectionId, message: Exclude<ClientMessage, { kind: 'Hello' | 'StatusRequest' }>): void {
    const connection = this.#connections.toTell(id)
    if (connection === undefined) return
    switch (message.kind) {
      case 'Commands':
        return this.#commands.receive(connection, message)
      case 'Queries':
        return this.#queries.receive(connection, message.items)
      case 'OpenSession':
        return this.#commands.openSession(connection, message)
      case 'CloseSession':
        return this.#commands.closeSession(message.session)
      case 'KeepAlive':
        return this.#commands.keepAlive(connection, message)
      case 'AdminRequest':
        return this.#receiveAdmin(connection, message)
      case 'JoinRequest':
        return this.#receiveJoin(connection, message)
      default:
    }
  }

  /** This node leads from now on: its no-op is the last entry of its log. */
  lead(): void {
    this.#commands.lead()
  }

  /** It does not lead any more. Queries stay: what is confirmed is good, and the core says which of the others are not. */
  unlead(leader: LeaderHint | undefined): void {
    this.#commands.unlead(leader)
    this.#changes.unlead()
    this.#skips.unlead(leader)
    this.versions.unlead(leader)
    this.#administration.unlead(leader)
    this.#joining.unlead(leader)
  }

  /** The leader changed, whoever it is. */
  tellLeader(leader: LeaderHint | undefined): void {
    this.#connections.tellAll({ kind: 'LeaderChanged', leader })
  }

  /** The members are others, or elsewhere. */
  tellServers(welcome: Welcome): void {
    this.#connections.tellAll(welcome)
  }

  /** Hands everything that arrived to the core. */
  propose(): void {
    this.#queries.ask()
    if (this.#commands.phase === 'notLeading') return
    this.#administration.ask()
    this.#skips.advance()
    this.#joining.advance()
    this.#commands.propose()
  }

  accepted(accepted: readonly Accepted[]): void {
    for (const one of accepted) if (!this.#changes.accepted(one) && !this.#skips.accepted(one)) this.#commands.accepted(one)
  }

  refused(refused: readonly Refusal[]): void {
    for (const one of refused) {
      if (one.of === 'propose') this.#refusedProposal(one)
      else if (one.of === 'changeConf') this.#changes.refused(one)
      else if (!this.#administration.refused(one)) this.#queries.refused(one)
    }
  }

  #refusedProposal(one: Refusal): void {
    if (!this.#skips.refused(one)) this.#commands.refused(one)
  }

  observeTime(): void {
    this.#time.observe()
  }

  /** The core has answered all that was asked in this turn, and what came of what was asked before can be seen. */
  settleTickets(): void {
    this.#commands.settleTickets()
    this.#changes.settle()
    this.#skips.settle()
    this.#administration.settle()
  }

  granted(reads: readonly ReadGrant[]): void {
    for (const read of reads) if (!this.#administration.granted(read)) this.#queries.granted(read)
  }

  /** `entry` was applied; `replica.applied` says what became of it. */
  applied(entry: Entry, envelope: Envelope): void {
    const { failure } = this.#replica.applied
    if (envelope.kind === 'activate' && !this.#replica.skipped.includes(entry.index)) this.versions.applied(envelope)
    if (failure !== undefined && entry.index > this.#reportAbove) this.#report({ kind: 'handlerFailed', index: entry.index, failure })
    this.#commands.applied(entry)
  }

  /** Something is still to be handed to the core. */
  get hasWaiting(): boolean {
    return this.#commands.hasWaiting || this.#queries.hasWaiting || this.#administration.hasWaiting
  }

  /** Answers queries whose state is there, one slice of them; true when there are more. */
  serveQueries(): boolean {
    return this.#queries.serve(this.#commands.phase)
  }

  flush(): void {
    this.#connections.flush(this.#clients)
  }

  #receiveAdmin(connection: Connection, message: AdminRequest): void {
    if (this.#commands.phase !== 'notLeading') return this.#administration.receive(connection.id, message)
    connection.say({ kind: 'AdminReply', requestId: message.requestId, refused: this.#elsewhere(), members: undefined })
  }

  #receiveJoin(connection: Connection, message: JoinRequest): void {
    if (this.#commands.phase !== 'notLeading') return this.#joining.receive(connection, message)
    const refused = this.#elsewhere()
    connection.say({
      kind: 'JoinReply',
      requestId: message.requestId,
      refused,
      clusterId: '',
      incarnation: 0,
      conf: undefined,
      minIndex: 0,
    })
  }

  #elsewhere() {
    return adminRefused(notLeader(hintOf(this.#raft.conf, this.#raft.softState.leader)))
  }
}
