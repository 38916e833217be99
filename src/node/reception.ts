// What a client is told when it introduces itself.
import type { Raft } from '../core/index.ts'
import type { ErrorCode } from '../errors.ts'
import { knownVersions } from '../machine/evolution.ts'
import type { Replica } from '../machine/replica.ts'
import type { Hello, LeaderHint, Welcome } from '../wire/client-messages.ts'
import type { NodeLimits } from './options.ts'

/** Well below the time after which a silent connection is closed. Milliseconds. */
const keepAliveMsMax = 20_000

export interface ReceptionOptions {
  readonly id: number
  readonly clusterId: string
  readonly limits: NodeLimits
  readonly raft: Raft
  readonly replica: Replica
}

export class Reception {
  readonly #options: ReceptionOptions
  #told = ''

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  get welcome(): Welcome {
    const { id, clusterId, limits, raft, replica } = this.#options
    const { machine } = replica
    return {
      kind: 'Welcome',
      clusterId,
      nodeId: id,
      leader: this.leaderHint,
      servers: raft.conf.members.map(({ client }) => client),
      commandBytesMax: limits.commandBytesMax,
      version: machine.evolution !== undefined && replica.hasBegun ? machine.evolution.active : 0,
      keepAliveMs: Math.min(Math.floor(limits.sessionTtlMs / 3), keepAliveMsMax),
    }
  }

  /** The welcome, where it says another version or other servers than it did last time. */
  news(): Welcome | undefined {
    const { welcome } = this
    const told = `${welcome.version} ${welcome.servers.join(' ')}`
    if (told === this.#told) return undefined
    this.#told = told
    return welcome
  }

  get leaderHint(): LeaderHint | undefined {
    const { raft } = this.#options
    const { leader } = raft.softState
    const member = raft.conf.members.find(({ id }) => id === leader)
    return member === undefined ? undefined : { id: member.id, client: member.client }
  }

  /** Why it is turned away, if it is: it looks for another cluster, or for another machine. */
  whyNot({ clusterId, machine, version, wire }: Hello): { readonly code: ErrorCode; readonly message: string } | undefined {
    const { clusterId: ourCluster, replica } = this.#options
    const { machine: ours } = replica
    if (clusterId !== '' && clusterId !== ourCluster) {
      return { code: 'CLUSTER_MISMATCH', message: `this is cluster ${ourCluster}, not ${clusterId}` }
    }
    // A client of bytes may leave out which machine it expects.
    if (machine !== '' && machine !== ours.name) {
      return { code: 'MACHINE_MISMATCH', message: `this server runs the machine ${ours.name}, not ${machine}` }
    }
    if (wire === '') return undefined
    const known = knownVersions(ours)
    const same = known.find((one) => one.version === version)
    // A newer one is served in the version that is in force.
    if (same?.wire === wire || (same === undefined && ours.evolution !== undefined && version > ours.version)) return undefined
    if (same === undefined && ours.evolution !== undefined) {
      const versions = known.map((one) => one.version).join(', ')
      return {
        code: 'MACHINE_MISMATCH',
        message: `this server knows version ${versions} of the machine ${ours.name}, the client was generated for version ${version}`,
      }
    }
    return {
      code: 'MACHINE_MISMATCH',
      message: `this server runs wire format ${same?.wire ?? ours.wire} of the machine ${ours.name}, the client was generated for ${wire}`,
    }
  }
}
