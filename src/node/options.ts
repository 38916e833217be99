import type { CoreLimits, NodeId, SoftState, Timing } from '../core/index.ts'
import type { HandlerFailure, StateMachine } from '../machine/state-machine.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'
import type { ServerMessage } from '../wire/client-messages.ts'

/** Names one connection of a client, for as long as it lasts. Never used twice in the life of a node. */
export type ConnectionId = number

/** Where answers to clients go. Nothing is sent to a connection that was reported closed. */
export interface ClientPort {
  /** Queues; what is sent in one turn to one connection leaves in one write. */
  send(connection: ConnectionId, messages: readonly ServerMessage[]): void
  /** Says why, then closes. */
  goodbye(connection: ConnectionId, message: Extract<ServerMessage, { kind: 'Goodbye' }>): void
}

/** What a node needs of the world. Everything is synchronous or calls back later, never before it returned. */
export interface NodePorts {
  readonly log: Log
  readonly net: Net
  readonly clock: Clock
  readonly clients: ClientPort
  /** Asks the host to call `turn` soon, after what has arrived already was handed in. May be called often. */
  wake(): void
  /** The node cannot go on: a failed write, or a broken invariant. The host stops it; nothing of it is used any more. */
  fail(error: Error): void
  /** Hash of bytes as hex, for comparing replicas. */
  digest(parts: readonly Uint8Array[]): string
  /** For people. */
  report(event: NodeEvent): void
}

export type NodeEvent =
  | { readonly kind: 'role'; readonly softState: SoftState }
  | { readonly kind: 'handlerFailed'; readonly index: number; readonly failure: HandlerFailure }
  | { readonly kind: 'queryFailed'; readonly message: string; readonly stack: string | undefined }

export interface NodeLimits {
  /** One command or query, bytes. Default 1 MiB; up to 3 MiB, so that with all its headers it fits a frame. */
  readonly commandBytesMax: number
  /** Commands accepted and not yet answered, of all clients. Default 131,072; up to 1,048,576. */
  readonly pendingCommandsMax: number
  /** Bytes of them. Default 64 MiB; `commandBytesMax` to 1 GiB. */
  readonly pendingBytesMax: number
  /** Queries that wait for their turn, of all clients. Default 65,536; up to 1,048,576. */
  readonly pendingQueriesMax: number
  /** A turn stops applying after this long, so that heartbeats are not late. Milliseconds; default 5, 1 to the heartbeat interval. */
  readonly applySliceMs: number
  /** Time to live of a session without a sign of life, milliseconds of log time. Default 60,000; 1,000 to 86,400,000. */
  readonly sessionTtlMs: number
}

export const defaultNodeLimits: NodeLimits = {
  commandBytesMax: 1_024 * 1_024,
  pendingCommandsMax: 131_072,
  pendingBytesMax: 64 * 1_024 * 1_024,
  pendingQueriesMax: 65_536,
  applySliceMs: 5,
  sessionTtlMs: 60_000,
}

export interface NodeOptions {
  readonly id: NodeId
  readonly clusterId: string
  readonly machine: StateMachine
  /** Must differ between nodes and between lives of a node. */
  readonly seed: number
  readonly timing?: Partial<Timing>
  readonly coreLimits?: Partial<CoreLimits>
  readonly limits?: Partial<NodeLimits>
}
