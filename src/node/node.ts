// One node, without a world: the core, its driver, the replica and the door for clients, turned by a host that owns sockets, disk and timers.
import { type ConfState, type Message, type NodeId, Raft, type SoftState } from '../core/index.ts'
import { Replica } from '../machine/replica.ts'
import type { ErrorCode } from '../errors.ts'
import type { ClientMessage, Hello, LeaderHint, NodeStatus, StatusRequest, Welcome } from '../wire/client-messages.ts'
import { encodeSessions } from '../wire/sessions-codec.ts'
import { Applier } from './applier.ts'
import { Driver } from './driver.ts'
import { Gateway } from './gateway.ts'
import { type ConnectionId, defaultNodeLimits, type NodeLimits, type NodeOptions, type NodePorts } from './options.ts'

/** Messages from peers that wait for a turn; beyond it they are dropped, which Raft survives. A turn takes all of them. */
export const inboxMax = 16_384
/** Requests for status that wait; those beyond are answered without a digest. */
const statusRequestsMax = 64
/** Well below the time after which a silent connection is closed. Milliseconds. */
const keepAliveMsMax = 20_000

/**
 * A turn takes everything that has arrived, then everything it caused: one batch, one write, one frame per peer and per client. Time comes
 * last, so that after a stall of the process nothing fires before what was received in the meantime has been read.
 */
export class Node {
  readonly id: NodeId
  readonly clusterId: string
  readonly #ports: NodePorts
  readonly #limits: NodeLimits
  readonly #raft: Raft
  readonly #replica: Replica
  readonly #driver: Driver
  readonly #applier: Applier
  readonly #gateway: Gateway
  #inbox: Message[] = []
  #unreachable: NodeId[] = []
  readonly #statusRequests: { readonly connection: ConnectionId; readonly request: StatusRequest }[] = []
  #softState: SoftState
  #failed = false

  constructor(options: NodeOptions, ports: NodePorts) {
    const { id, clusterId, machine, seed, timing = {}, coreLimits = {} } = options
    const { log, net, clock } = ports
    this.id = id
    this.clusterId = clusterId
    this.#ports = ports
    this.#limits = { ...defaultNodeLimits, ...options.limits }
    this.#raft = new Raft({ id, log: log.summary, now: clock.monotonicMs(), seed, timing, limits: coreLimits })
    this.#softState = this.#raft.softState
    this.#replica = new Replica(machine)
    const [raft, replica] = [this.#raft, this.#replica]
    const wake = () => ports.wake()
    const fail = (error: Error) => this.#fail(error)
    const report: NodePorts['report'] = (event) => ports.report(event)
    this.#gateway = new Gateway({ raft, replica, clock, clients: ports.clients, limits: this.#limits, report })
    this.#applier = new Applier({
      raft,
      log,
      replica,
      clock,
      sliceMs: this.#limits.applySliceMs,
      wake,
      fail,
      applied: (entry) => this.#gateway.applied(entry),
    })
    this.#driver = new Driver(raft, {
      log,
      net,
      wake,
      fail,
      accepted: (accepted) => this.#gateway.accepted(accepted),
      refused: (refused) => this.#gateway.refused(refused),
      granted: (reads) => this.#gateway.granted(reads),
      applyThrough: (index) => this.#applier.aim(index),
      changed: (softState) => ports.report({ kind: 'role', softState }),
    })
  }

  get softState(): SoftState {
    return this.#softState
  }

  get conf(): ConfState {
    return this.#raft.status.conf
  }

  /** Commands accepted and not answered yet. */
  get pending(): number {
    return this.#gateway.pending
  }

  /** Whether a write is under way. */
  get writing(): boolean {
    return this.#driver.writing
  }

  /** Leads, or follows a leader, and has applied everything it knows to be committed. */
  get caughtUp(): boolean {
    const { committedInTerm, commitIndex } = this.#raft.status
    return this.#softState.leader !== undefined && committedInTerm && this.#replica.lastApplied >= commitIndex
  }

  get lastApplied(): number {
    return this.#replica.lastApplied
  }

  /** From a peer. Dropped when the inbox is full. */
  receive(message: Message): void {
    if (this.#failed || this.#inbox.length >= inboxMax) return
    this.#inbox.push(message)
    this.#ports.wake()
  }

  unreachable(peer: NodeId): void {
    if (this.#unreachable.includes(peer)) return
    this.#unreachable.push(peer)
    this.#ports.wake()
  }

  /** A client introduces itself: a welcome, or why not. */
  clientOpened(
    connection: ConnectionId,
    hello: Hello,
  ): Welcome | { readonly kind: 'Goodbye'; readonly code: ErrorCode; readonly message: string } {
    const refusal = this.#whyNot(hello)
    if (refusal !== undefined) return { kind: 'Goodbye', ...refusal }
    this.#gateway.open(connection)
    return {
      kind: 'Welcome',
      clusterId: this.clusterId,
      nodeId: this.id,
      leader: this.#leaderHint(),
      servers: this.conf.members.map(({ client }) => client),
      commandBytesMax: this.#limits.commandBytesMax,
      keepAliveMs: Math.min(Math.floor(this.#limits.sessionTtlMs / 3), keepAliveMsMax),
    }
  }

  clientClosed(connection: ConnectionId): void {
    this.#gateway.close(connection)
  }

  clientMessage(connection: ConnectionId, message: ClientMessage): void {
    if (this.#failed || message.kind === 'Hello') return
    if (message.kind === 'StatusRequest') this.#statusRequests.push({ connection, request: message })
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
    const { role, term, leader, commitIndex, lastIndex } = this.#raft.status
    const { lastApplied, sessions, machine } = this.#replica
    const digest = options.digest ? this.#ports.digest([machine.snapshot(), encodeSessions(sessions)]) : ''
    return {
      nodeId: this.id,
      clusterId: this.clusterId,
      role,
      term,
      leader,
      commitIndex,
      lastApplied,
      lastIndex,
      sessions: sessions.size,
      digest,
    }
  }

  #turn(): void {
    this.#driver.stepCompletions()
    this.#stepPeers()
    this.#noticeRole()
    this.#gateway.propose()
    this.#raft.step({ kind: 'tick', now: this.#ports.clock.monotonicMs() })
    this.#noticeRole()
    // What is applied may release what waits for it, and so on: until nothing comes out any more, or the slice of this turn is used up.
    for (let outcome: ReturnType<Applier['run']> = 'applied'; outcome === 'applied'; ) {
      this.#perform()
      outcome = this.#applier.run()
      if (outcome !== 'idle') this.#applied()
    }
    this.#perform()
    const moreQueries = this.#gateway.serveQueries()
    this.#answerStatus()
    this.#gateway.flush()
    if (moreQueries || this.#gateway.hasWaiting || this.#statusRequests.length > 0) this.#ports.wake()
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
    const inbox = this.#inbox
    this.#inbox = []
    for (const message of inbox) this.#raft.step({ kind: 'receive', message })
    for (const peer of this.#unreachable) this.#raft.step({ kind: 'unreachable', peer })
    this.#unreachable = []
  }

  /** Compares who leads with what the clients were told. */
  #noticeRole(): void {
    const was = this.#softState
    const is = this.#raft.softState
    if (is.role === was.role && is.term === was.term && is.leader === was.leader) return
    this.#softState = is
    const hint = this.#leaderHint()
    if (was.role === 'leader') this.#gateway.unlead(hint)
    if (is.role === 'leader') this.#gateway.lead()
    if (is.leader !== was.leader) this.#gateway.tellLeader(hint)
  }

  #leaderHint(): LeaderHint | undefined {
    const { leader } = this.#softState
    const member = this.conf.members.find(({ id }) => id === leader)
    return member === undefined ? undefined : { id: member.id, client: member.client }
  }

  #whyNot({ clusterId, machine, wire }: Hello): { readonly code: ErrorCode; readonly message: string } | undefined {
    const ours = this.#replica.machine
    if (clusterId !== '' && clusterId !== this.clusterId) {
      return { code: 'CLUSTER_MISMATCH', message: `this is cluster ${this.clusterId}, not ${clusterId}` }
    }
    // A client of bytes may leave out which machine it expects.
    if (machine !== '' && machine !== ours.name) {
      return { code: 'MACHINE_MISMATCH', message: `this server runs the machine ${ours.name}, not ${machine}` }
    }
    if (wire === '' || wire === ours.wire) return undefined
    return {
      code: 'MACHINE_MISMATCH',
      message: `this server runs wire format ${ours.wire} of the machine ${ours.name}, the client was generated for ${wire}`,
    }
  }

  /** One a turn: a digest reads the whole state. Beyond the limit, and where the machine fails at it, the answer has none. */
  #answerStatus(): void {
    for (let digests = 0; digests === 0 || this.#statusRequests.length > statusRequestsMax; ) {
      const next = this.#statusRequests.shift()
      if (next === undefined) return
      const { connection, request } = next
      const digest = request.digest && digests === 0
      if (digest) digests += 1
      this.#ports.clients.send(connection, [{ kind: 'StatusReply', requestId: request.requestId, status: this.#safeStatus(digest) }])
    }
  }

  #safeStatus(digest: boolean): NodeStatus {
    try {
      return this.status({ digest })
    } catch (error) {
      const [message, stack] = error instanceof Error ? [error.message, error.stack] : [String(error), undefined]
      this.#ports.report({ kind: 'queryFailed', message: `the digest: ${message}`, stack })
      return this.status({ digest: false })
    }
  }

  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#ports.fail(error)
  }
}
