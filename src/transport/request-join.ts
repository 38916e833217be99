import type { ConfState, Index, Ms, NodeId } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { AdminRefused } from '../wire/client-messages.ts'
import { askLeader } from './ask-leader.ts'
import { mayPass } from './change-refused.ts'
import type { LeaderDial } from './leader-visit.ts'

export interface RequestJoinOptions {
  /** `host:port` where some members take clients. */
  readonly servers: readonly string[]
  /** What this node runs: it can follow no log of another machine. */
  readonly machine: { readonly name: string; readonly version: number; readonly wire: string }
  /** Only this cluster will do: CLUSTER_MISMATCH, before anything was asked. Default: the first one that answers. */
  readonly clusterId?: string | undefined
  readonly id: NodeId
  /** `host:port` where the others reach this node. */
  readonly peer: string
  /** `host:port` where clients reach it. */
  readonly client: string
  /** See `JoinRequest.voter`. Default: as before, or a voter. */
  readonly voter?: boolean | undefined
  readonly timeoutMs: Ms
  readonly signal?: AbortSignal | undefined
  /** For logs: what is being waited for, each time it becomes something else. */
  readonly onWait?: ((why: string) => void) | undefined
  /** Default: TCP. */
  readonly dial?: LeaderDial | undefined
}

/** What a node needs to make its data directory. */
export interface Joined {
  readonly clusterId: string
  readonly incarnation: number
  readonly conf: ConfState
  /** Index of the entry that let it in. */
  readonly minIndex: Index
}

/** The leader takes one node after the other, and looks for longer than an election timeout whether one with that id is alive. */
const patienceMs = 20_000
const passingCodes: ReadonlySet<AdminRefused['code']> = new Set(['UNAVAILABLE', 'OVERLOADED', 'OUTCOME_UNKNOWN'])

/**
 * Asks the cluster to let this node in, for as long as it takes, `timeoutMs` at most. To ask again is harmless: a node that was let in already is
 * let in once more, with a higher incarnation. Throws CHANGE_REFUSED (a `ChangeRefused`), UNAVAILABLE, MACHINE_MISMATCH, CLUSTER_MISMATCH,
 * PROTOCOL_MISMATCH, ABORTED.
 */
export async function requestJoin(options: RequestJoinOptions): Promise<Joined> {
  const { servers, machine, clusterId: wanted = '', id, peer, client, voter, timeoutMs, signal, onWait, dial } = options
  const reply = await askLeader({
    failure: `node ${id} was not let in`,
    servers,
    hello: { kind: 'Hello', clusterId: wanted, machine: machine.name, version: machine.version, wire: machine.wire },
    request: { kind: 'JoinRequest', requestId: 1, id, peer, client, voter },
    accept: (message) => (message.kind === 'JoinReply' ? message : undefined),
    isRepeatable: true,
    patienceMs,
    passes: ({ code, reason }) => passingCodes.has(code) || (code === 'CHANGE_REFUSED' && mayPass(reason)),
    timeoutMs,
    signal,
    onWait,
    dial,
  })
  if (reply.conf === undefined) throw new RaftgenError('INTERNAL', `node ${id} was let in without being told the configuration`)
  const { clusterId, incarnation, conf, minIndex } = reply
  return { clusterId, incarnation, conf, minIndex }
}
