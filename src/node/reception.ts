// What a client is told when it introduces itself.
import type { Raft } from '../core/index.ts'
import type { ErrorCode } from '../errors.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Hello, LeaderHint, Welcome } from '../wire/client-messages.ts'
import type { NodeLimits } from './options.ts'

/** Well below the time after which a silent connection is closed. Milliseconds. */
const keepAliveMsMax = 20_000

export interface ReceptionOptions {
  readonly id: number
  readonly clusterId: string
  readonly limits: NodeLimits
  readonly raft: Raft
  readonly machine: StateMachine
}

export class Reception {
  readonly #options: ReceptionOptions

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  get welcome(): Welcome {
    const { id, clusterId, limits, raft } = this.#options
    return {
      kind: 'Welcome',
      clusterId,
      nodeId: id,
      leader: this.leaderHint,
      servers: raft.conf.members.map(({ client }) => client),
      commandBytesMax: limits.commandBytesMax,
      keepAliveMs: Math.min(Math.floor(limits.sessionTtlMs / 3), keepAliveMsMax),
    }
  }

  get leaderHint(): LeaderHint | undefined {
    const { raft } = this.#options
    const { leader } = raft.softState
    const member = raft.conf.members.find(({ id }) => id === leader)
    return member === undefined ? undefined : { id: member.id, client: member.client }
  }

  /** Why it is turned away, if it is: it looks for another cluster, or for another machine. */
  whyNot({ clusterId, machine, wire }: Hello): { readonly code: ErrorCode; readonly message: string } | undefined {
    const { clusterId: ourCluster, machine: ours } = this.#options
    if (clusterId !== '' && clusterId !== ourCluster) {
      return { code: 'CLUSTER_MISMATCH', message: `this is cluster ${ourCluster}, not ${clusterId}` }
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
}
