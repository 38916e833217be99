// What a node says of itself, to whoever asks.
import type { NodeId, Raft } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { NodeStatus, SchemaStatus, StatusRequest } from '../wire/client-messages.ts'
import { encodeSessions } from '../wire/sessions-codec.ts'
import type { ConnectionId, NodePorts } from './options.ts'
import type { VersionGate } from './version-gate.ts'

/** Requests for status that wait; those beyond are answered without a digest. */
const statusRequestsMax = 64

export interface StatusPorts extends Pick<NodePorts, 'clients' | 'digest' | 'report'> {
  readonly id: NodeId
  readonly clusterId: string
  readonly raft: Raft
  readonly replica: Replica
  /** Index of the newest snapshot; 0 when there is none. */
  snapshotIndex(): number
  disk(): NodeStatus['disk']
  /** Commands accepted and not answered yet. */
  pending(): number
  halted(): NodeStatus['halted']
  divergence(): NodeStatus['divergence']
  waiting(): VersionGate['waiting']
}

/** How far a node is: as in its status, for whoever looks after each turn. */
export type NodeStanding = Pick<NodeStatus, 'role' | 'term' | 'commitIndex' | 'lastApplied' | 'lastIndex' | 'conf'>

/** What a node holds for others: nothing, once all that was asked for is done. */
export interface NodeLoad {
  /** Accepted and not answered yet. */
  readonly commands: number
  /** Of a leader; these, too. */
  readonly uncommittedBytes: number
  readonly inflightMessages: number
  readonly inflightBytes: number
  /** Of a leader: some follower is still looked for in the log, or is sent a whole state. */
  readonly isCatchingUp: boolean
}

export class StatusDesk {
  readonly #ports: StatusPorts
  readonly #requests: { readonly connection: ConnectionId; readonly request: StatusRequest }[] = []

  constructor(ports: StatusPorts) {
    this.#ports = ports
  }

  get hasWaiting(): boolean {
    return this.#requests.length > 0
  }

  receive(connection: ConnectionId, request: StatusRequest): void {
    this.#requests.push({ connection, request })
  }

  get standing(): NodeStanding {
    const { raft, replica } = this.#ports
    const { softState, commitIndex, lastIndex, conf } = raft
    return { role: softState.role, term: softState.term, commitIndex, lastApplied: replica.lastApplied, lastIndex, conf }
  }

  /** Of the schema, in force here; 0: nobody has said yet. */
  get version(): number {
    const { replica } = this.#ports
    return replica.hasBegun ? replica.version : 0
  }

  get load(): NodeLoad {
    const { uncommittedBytes, followers } = this.#ports.raft.status
    let [inflightMessages, inflightBytes] = [0, 0]
    for (const follower of followers) {
      inflightMessages += follower.inflightMessages
      inflightBytes += follower.inflightBytes
    }
    const isCatchingUp = followers.some(({ state }) => state !== 'replicate')
    return { commands: this.#ports.pending(), uncommittedBytes, inflightMessages, inflightBytes, isCatchingUp }
  }

  status(options: { readonly digest: boolean }): NodeStatus {
    const { id, clusterId, raft, replica } = this.#ports
    const { role, term, leader, commitIndex, firstIndex, lastIndex, conf, fence } = raft.status
    const { lastApplied, sessions, machine } = replica
    const digest = options.digest ? this.#ports.digest([machine.snapshot(), encodeSessions(sessions)]) : ''
    return {
      nodeId: id,
      clusterId,
      role,
      term,
      leader,
      commitIndex,
      lastApplied,
      firstIndex,
      lastIndex,
      snapshotIndex: this.#ports.snapshotIndex(),
      conf,
      sessions: sessions.size,
      digest,
      fence,
      disk: this.#ports.disk(),
      halted: this.#ports.halted(),
      divergence: this.#ports.divergence(),
      schema: this.#schema(),
    }
  }

  #schema(): SchemaStatus {
    const waiting = this.#ports.waiting()
    const version = this.#ports.replica.machine.evolution === undefined ? 0 : this.version
    const failed = waiting?.failed === undefined ? {} : { failed: waiting.failed }
    return { version, next: waiting?.version, lacking: waiting?.lacking ?? [], ...failed }
  }

  /** One a turn: a digest reads the whole state. Beyond the limit, and where the machine fails at it, the answer has none. */
  answer(): void {
    for (let digests = 0; digests === 0 || this.#requests.length > statusRequestsMax; ) {
      const next = this.#requests.shift()
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
}
