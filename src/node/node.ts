// One node, without a world: the core, its driver, the replica and the door for clients, turned by a host that owns sockets, disk and timers.
import { type ConfState, type Entry, type Ms, type NodeId, type PeerMessage, type Raft, type SoftState } from '../core/index.ts'
import { timingOf } from '../core/limits.ts'
import type { Replica } from '../machine/replica.ts'
import type { ErrorCode } from '../errors.ts'
import type { ClientMessage, Hello, NodeStatus, Welcome } from '../wire/client-messages.ts'
import type { Envelope } from '../machine/envelope.ts'
import type { Skip } from '../ports/log.ts'
import { Applier } from './applier.ts'
import { ConfWatch } from './conf-watch.ts'
import { DiskWatch, handOverTicket } from './disk-watch.ts'
import { Driver } from './driver.ts'
import { Gateway } from './gateway.ts'
import { Halting } from './halting.ts'
import { Inbox } from './inbox.ts'
import { Mending } from './mending.ts'
import {
  type ConnectionId,
  defaultNodeLimits,
  type DiskSpace,
  type Halt,
  type NodeEvent,
  type NodeLimits,
  type NodeOptions,
  type NodePorts,
} from './options.ts'
import { confAt, plainCore, raftOptions } from './raft-options.ts'
import { Reception } from './reception.ts'
import { StateCheck } from './state-check.ts'
import { noOtherState, StateTransfer, type StateTransferStart } from './state-transfer.ts'
import { StatusDesk } from './status-desk.ts'

/**
 * A turn takes everything that has arrived, then everything it caused: one batch, one write, one frame per peer and per client. Time is read
 * first and told last, so that after a stall of the process nothing fires before what was received in the meantime has been read.
 */
export class Node {
  readonly id: NodeId
  readonly clusterId: string
  readonly #ports: NodePorts
  readonly #limits: NodeLimits
  readonly #raft: Raft
  readonly #replica: Replica
  readonly #driver: Driver
  readonly #disk: DiskWatch
  readonly #halting: Halting
  readonly #applier: Applier
  readonly #gateway: Gateway
  readonly #states: StateTransfer | undefined
  readonly #mending: Mending
  readonly #reception: Reception
  readonly #stateCheck: StateCheck
  readonly #confWatch: ConfWatch
  readonly #statusDesk: StatusDesk
  readonly #inbox = new Inbox()
  #isHandingOver = false
  #softState: SoftState
  #failed = false

  constructor(options: NodeOptions, ports: NodePorts) {
    const { id, clusterId, incarnation, recovered, seed, nonce, timing = {} } = options
    const { log, clock, net } = ports
    this.id = id
    this.clusterId = clusterId
    this.#ports = ports
    const limits = { ...defaultNodeLimits, ...options.limits }
    this.#limits = limits
    const raft = (ports.core ?? plainCore)(raftOptions(options, log.summary, clock.monotonicMs()))
    this.#raft = raft
    const { replica } = recovered
    this.#replica = replica
    this.#softState = raft.softState
    this.#reception = new Reception({ id, clusterId, limits, raft, replica })
    const { electionTimeoutMs, heartbeatMs } = timingOf(timing)
    const [wake, fail] = [() => ports.wake(), (error: Error) => this.#fail(error)]
    const report: NodePorts['report'] = (event) => ports.report(event)
    const confChanged: NodePorts['confChanged'] = (conf, committed) => {
      ports.confChanged(conf, committed)
      this.#tellClients()
    }
    const digest: NodePorts['digest'] = (parts) => ports.digest(parts)
    this.#disk = new DiskWatch({ id, raft, limits, electionTimeoutMs, report })
    const halting = new Halting(options, { raft, replica, log, net, heartbeatMs, electionTimeoutMs, wake, fail, report })
    this.#halting = halting
    const whyFull = () => this.#disk.refusal()
    const whyUnsure = () => this.#stateCheck.whyUnsure
    this.#stateCheck = this.#newStateCheck({ electionTimeoutMs, wake, report })
    const shared = { raft, replica, clock, clients: ports.clients, limits, clusterId, electionTimeoutMs, halting }
    const schema = { isAutomatic: options.activation !== 'byOperator', versionChanged: () => this.#tellClients() }
    this.#gateway = new Gateway({ ...shared, ...schema, id, net, heartbeatMs, whyFull, whyUnsure, report })
    this.#applier = this.#newApplier({ wake, fail })
    this.#states = this.#newStates({ incarnation, seed, hasState: recovered.hasState, conf: confAt(log.summary, replica.lastApplied) })
    const again = (message: PeerMessage): void => this.receive(message)
    this.#mending = new Mending({ id, incarnation, nonce, electionTimeoutMs, heartbeatMs, raft, log, net, again, wake, fail, report })
    this.#driver = this.#newDriver({ wake, fail })
    this.#confWatch = new ConfWatch({ id, clusterId, incarnation, electionTimeoutMs, confChanged, report, fail }, raft)
    this.#statusDesk = new StatusDesk({
      ...{ id, clusterId, raft, replica, clients: ports.clients, digest, report },
      snapshotIndex: () => this.#states?.snapshotIndex ?? 0,
      disk: () => this.#disk.status,
      pending: () => this.pending,
      divergence: () => this.#stateCheck.divergence,
      halted: () => halting.current,
      waiting: () => this.#gateway.versions.waiting,
    })
  }

  get softState(): SoftState {
    return this.#softState
  }

  get conf(): ConfState {
    return this.#raft.conf
  }

  /** The newest configuration that is known to be committed. */
  get committedConf(): ConfState {
    return this.#raft.committedConf
  }

  /** Commands accepted and not answered yet. */
  get pending(): number {
    return this.#gateway.pending
  }

  /** Leads, or follows a leader, and has applied everything it knows to be committed. */
  get caughtUp(): boolean {
    return this.#softState.leader !== undefined && this.#raft.committedInTerm && this.#replica.lastApplied >= this.#raft.commitIndex
  }

  /** For whoever looks after each turn. */
  get desk(): StatusDesk {
    return this.#statusDesk
  }

  /** It has asked what the others remember of it, and takes part. */
  get isSettled(): boolean {
    return this.#mending.recall.isSettled
  }

  /** Its log holds all that it has promised, as far as anybody remembers, and it knows who votes. */
  get isWhole(): boolean {
    return this.isSettled && this.#raft.fence === undefined && this.#raft.conf.voters.length > 0
  }

  /** The command before which it has stopped applying. */
  get halted(): Halt | undefined {
    return this.#halting.current
  }

  get lastApplied(): number {
    return this.#replica.lastApplied
  }

  /** From a peer. Dropped when the inbox is full. */
  receive(message: PeerMessage): void {
    if (!this.#failed && this.#inbox.receive(message)) this.#ports.wake()
  }

  unreachable(peer: NodeId): void {
    if (this.#inbox.unreachable(peer)) this.#ports.wake()
  }

  /** The process of `peer` has ended: see `NetEvents.peerDown`. */
  peerDown(peer: NodeId, incarnation: number): void {
    if (!this.#failed && this.#inbox.peerDown(peer, incarnation)) this.#ports.wake()
  }

  /** What is left of the disk, as the host measures it from time to time. Where it never does, there is room. */
  measured(space: DiskSpace): void {
    this.#disk.measured(space)
    this.#ports.wake()
  }

  /** Where this node leads, it begins to hand over to the most up-to-date voter: before it stops, so that writes wait and do not fail. */
  handOver(): void {
    this.#isHandingOver = true
    this.#ports.wake()
  }

  /** A client introduces itself: a welcome, or why not. */
  clientOpened(
    connection: ConnectionId,
    hello: Hello,
  ): Welcome | { readonly kind: 'Goodbye'; readonly code: ErrorCode; readonly message: string } {
    const refusal = this.#reception.whyNot(hello)
    if (refusal !== undefined) return { kind: 'Goodbye', ...refusal }
    this.#gateway.open(connection, hello.version)
    return this.#reception.welcome
  }

  clientClosed(connection: ConnectionId): void {
    this.#gateway.close(connection)
  }

  clientMessage(connection: ConnectionId, message: ClientMessage): void {
    if (this.#failed || message.kind === 'Hello') return
    if (message.kind === 'StatusRequest') this.#statusDesk.receive(connection, message)
    else this.#gateway.receive(connection, message)
    this.#ports.wake()
  }

  /** One turn of the event loop. The host calls it after `wake`, and every `tickMs`. */
  turn(): void {
    if (this.#failed) return
    try {
      this.#turn()
    } catch (error) {
      // A broken invariant, or a machine that threw: this node cannot go on.
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  status(options: { readonly digest: boolean }): NodeStatus {
    return this.#statusDesk.status(options)
  }

  #turn(): void {
    // Before anything is read: if this process stops somewhere below, what arrives meanwhile is read before that time is looked at.
    const now = this.#ports.clock.monotonicMs()
    this.#driver.stepCompletions()
    this.#states?.stepCompletions()
    this.#stepPeers()
    this.#noticeRole()
    this.#disk.turn({ now, write: this.#driver.write })
    this.#gateway.propose()
    this.#mending.turn(now)
    this.#halting.turn(now)
    this.#gateway.versions.turn(now)
    if (this.#mending.recall.isSettled) this.#raft.step({ kind: 'tick', now })
    this.#noticeRole()
    // What is applied may release what waits for it, and so on: until nothing comes out any more, or the slice of this turn is used up.
    for (let outcome: ReturnType<Applier['run']> = 'applied'; outcome === 'applied'; ) {
      this.#perform()
      outcome = this.#applier.run()
      if (outcome !== 'idle') this.#applied()
    }
    this.#states?.turn()
    this.#stateCheck.turn(now)
    this.#perform()
    const moreQueries = this.#gateway.serveQueries()
    this.#statusDesk.answer()
    this.#gateway.flush()
    if (moreQueries || this.#gateway.hasWaiting || this.#statusDesk.hasWaiting) this.#ports.wake()
    this.#confWatch.turn(this.#raft, now)
  }

  #applied(): void {
    this.#raft.step({ kind: 'applied', index: this.#replica.lastApplied })
    this.#gateway.observeTime()
  }

  #perform(): void {
    while (this.#driver.perform()) this.#noticeRole()
    this.#gateway.settleTickets()
  }

  #stepPeers(): void {
    const { messages, unreachable, down } = this.#inbox.take()
    for (const message of messages) this.#stepPeer(message)
    for (const peer of unreachable) {
      this.#raft.step({ kind: 'unreachable', peer })
      this.#states?.unreachable(peer)
    }
    for (const { peer, incarnation } of down) this.#raft.step({ kind: 'peerDown', peer, incarnation })
    if (this.#isHandingOver && this.#softState.role === 'leader')
      this.#raft.step({ kind: 'transfer', ticket: handOverTicket, to: undefined })
    this.#isHandingOver = false
  }

  #stepPeer(message: PeerMessage): void {
    switch (message.kind) {
      case 'SnapshotRequest':
      case 'SnapshotChunk':
        return this.#states?.receive(message)
      case 'Recall':
      case 'RecallReply':
      case 'EntriesRequest':
      case 'EntriesChunk':
        return this.#mending.receive(message)
      case 'DigestReport':
      case 'DigestsRequest':
      case 'DigestsChunk':
        return this.#stateCheck.receive(message)
      case 'VersionsKnown':
        return this.#gateway.versions.receive(message)
      case 'Halted':
        return this.#halting.members.receive(message)
      default:
        if (this.#mending.recall.admits(message) && this.#disk.takes(message)) this.#raft.step({ kind: 'receive', message })
    }
  }

  /** Compares who leads with what the clients were told. */
  #noticeRole(): void {
    const was = this.#softState
    const is = this.#raft.softState
    if (is.role === was.role && is.term === was.term && is.leader === was.leader) return
    this.#softState = is
    const hint = this.#reception.leaderHint
    if (was.role === 'leader') this.#gateway.unlead(hint)
    if (is.role === 'leader') this.#gateway.lead()
    if (is.leader !== was.leader) this.#gateway.tellLeader(hint)
  }

  /** Those who know nobody but members that are leaving would be lost with them; those who know only what was in force have to know what is. */
  #tellClients(): void {
    const news = this.#reception.news()
    if (news === undefined) return
    this.#gateway.tellServers(news)
    this.#ports.wake()
  }

  #onEnvelope(entry: Entry, envelope: Envelope): void {
    this.#gateway.applied(entry, envelope)
    if (envelope.kind !== 'check') return
    this.#stateCheck.applied(entry.index, { isEvidence: envelope.isEvidence, counts: !this.#halting.isAmidSkip(entry.index) })
  }

  #newStateCheck({ electionTimeoutMs, wake, report }: Pick<NodePorts, 'wake' | 'report'> & { readonly electionTimeoutMs: Ms }): StateCheck {
    const { log, net } = this.#ports
    return new StateCheck({
      ...{ id: this.id, raft: this.#raft, replica: this.#replica, net, log, limits: this.#limits, electionTimeoutMs, wake, report },
      mayPropose: () => this.#gateway.phase === 'leading' && this.#raft.hasRoom,
      propose: (envelope) => this.#gateway.check(envelope),
      takeEvidence: () => this.#states?.takeThis(),
      distrust: (index) => this.#states?.distrust(index),
    })
  }

  #newApplier({ wake, fail }: Pick<NodePorts, 'wake' | 'fail'>): Applier {
    const { log, net, clock } = this.#ports
    return new Applier({
      ...{ raft: this.#raft, log, net, replica: this.#replica, clock, sliceMs: this.#limits.applySliceMs },
      halting: this.#halting,
      isHeld: () => this.#halting.isReading || (this.#states?.holdsApply ?? false),
      wake,
      fail,
      wentAstray: (skip) => this.#goAstray(skip),
      applied: (entry, envelope) => this.#onEnvelope(entry, envelope),
      passed: (entry) => this.#states?.passed(entry),
    })
  }

  #newDriver({ wake, fail }: Pick<NodePorts, 'wake' | 'fail'>): Driver {
    const { log, net } = this.#ports
    return new Driver(this.#raft, {
      log,
      net,
      wake,
      fail,
      writes: (persist) => this.#halting.written(persist),
      accepted: (accepted) => this.#gateway.accepted(accepted),
      refused: (refused) => this.#gateway.refused(refused),
      granted: (reads) => this.#gateway.granted(reads),
      applyThrough: (index) => this.#applier.aim(index),
      snapshotWanted: (minIndex) => this.#states?.want(minIndex),
      restore: (index) => this.#states?.restore(index),
      compacted: (firstIndex) => this.#ports.report({ kind: 'logCompacted', firstIndex }),
      changed: (softState) => this.#ports.report({ kind: 'role', softState }),
    })
  }

  #newStates({ incarnation, seed, ...start }: Pick<NodeOptions, 'incarnation' | 'seed'> & StateTransferStart): StateTransfer | undefined {
    const { snapshots, net, clock } = this.#ports
    if (!start.hasState) this.#applier.suspend()
    if (snapshots === undefined) return undefined
    const ports = {
      ...{ id: this.id, incarnation, raft: this.#raft, replica: this.#replica, snapshots, net, clock, limits: this.#limits, seed },
      isHalted: () => this.#halting.current !== undefined,
      isFull: () => this.#disk.isFull,
      isSettled: () => this.isSettled,
      isSound: () => this.#stateCheck.standing === 'sound',
      wake: () => this.#ports.wake(),
      fail: (error: Error) => this.#fail(error),
      report: (event: NodeEvent) => this.#ports.report(event),
      suspend: () => this.#applier.suspend(),
      restored: () => {
        this.#halting.applied(this.#replica.lastApplied)
        this.#applier.resume()
        this.#stateCheck.restored()
        this.#gateway.observeTime()
      },
    }
    return new StateTransfer(ports, start)
  }

  #goAstray({ index: endIndex, skipped: firstIndex }: Skip): void {
    if (this.#states === undefined) throw noOtherState({ firstIndex, endIndex })
    this.#states.abandon({ firstIndex, endIndex })
    this.#stateCheck.abandoned()
  }

  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#ports.fail(error)
  }
}
