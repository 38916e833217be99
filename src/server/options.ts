import { type ConfState, type NodeId, nodeIdMax, type Timing } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Identity, Log } from '../ports/log.ts'
import { diskIdPattern } from '../ports/peer-disks.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import { readAddress } from '../wire/address.ts'
import { bad, type CheckedTiming, checkLimits, checkNames, checkTiming, type Limits, show } from './limits.ts'

/** One node of the first configuration. */
export interface MemberOptions {
  /** 1 to 2^48 - 1, unique, never used again. */
  readonly id: NodeId
  /** `host:port` where other nodes reach it. */
  readonly peer: string
  /** `host:port` where clients reach it. */
  readonly client: string
}

export interface BootstrapOptions {
  /** Must not exist, or be empty. Created with mode 0700. */
  readonly dir: string
  readonly id: NodeId
  /** Name of the cluster, the same on every node: 1 to 64 letters, digits, `.`, `_`, `-`. Another cluster wants another one. */
  readonly clusterId: string
  /** Every voter of the first configuration, this node included; the same on every node. 1 to 15. */
  readonly members: readonly MemberOptions[]
}

/** Where others reach a node. */
export interface Advertised {
  /** `host:port` for other nodes. */
  readonly peer: string
  /** `host:port` for clients. */
  readonly client: string
}

/** For people. `console` is one. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

export interface CommonOptions {
  /** What is replicated: a generated machine with its handlers, or one of your own. */
  readonly machine: StateMachine
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly listen: { readonly peer: string; readonly client: string }
  /** Plain TCP: anyone who reaches the ports can read and write everything. Must be said as long as there is no TLS. */
  readonly insecure: true
  /** Allows a machine whose wire format is not frozen yet. Default false. */
  readonly development?: boolean
  /**
   * Whole milliseconds. `electionTimeoutMs`: default 1,000; 50 to 60,000. `heartbeatMs`: default 100; 5 to a third of the election timeout.
   */
  readonly timing?: Partial<Timing> & {
    /** How often time is looked at, milliseconds. Default 10; 1 to a fifth of the heartbeat interval. */
    readonly tickMs?: number
  }
  /**
   * What becomes of a command whose handler throws, or returns what its schema does not allow; the same on every node. `fail` (default): it has failed
   * on every replica, which is recorded, and its caller gets HANDLER_FAILED. `halt`: it is not applied, nor is anything after it, until the handler is
   * mended and the nodes are started again, or an operator skips it (`raftgen cluster skip`). Until then commands and linearizable queries are refused with
   * APPLY_HALTED; the node takes part otherwise, and leads.
   */
  readonly onHandlerError?: 'fail' | 'halt'
  /**
   * A command that ended an earlier life of this node with HANDLER_FATAL is tried again; otherwise nothing is applied from there on. Say so once the
   * handler is mended. Without effect where there is none. Default false.
   */
  readonly retryHalted?: boolean
  /**
   * When the next version of the schema is put in force; what the leader was told counts, so say the same on every node. `automatic` (default): as soon as
   * every member of the cluster runs a build that knows it. `byOperator`: once `raftgen cluster activate` says so, too: until then every node may go back to
   * the build before.
   */
  readonly activation?: 'automatic' | 'byOperator'
  /** Whole numbers; what each may be stands in `limitBounds`, and in the README. */
  readonly limits?: Partial<Limits>
  /** Default: warnings and errors to stderr. */
  readonly logger?: Logger
}
export interface OwnDir {
  /** Data directory made by `Server.bootstrap`, or by `join`. Short for a `LevelLog` and its snapshots, which are closed with the server. */
  readonly dir: string
  /** Only the directory of this node will do: DATA_DIR_FOREIGN. Default: whoever the directory belongs to. */
  readonly id?: NodeId
  /** Only a directory of this cluster will do: DATA_DIR_FOREIGN; and only this cluster to join: CLUSTER_MISMATCH. */
  readonly clusterId?: string
  /**
   * Makes this node, `id`, a member of a running cluster when `dir` is empty or absent; without effect when it is a member already. Holds 1 to 64
   * addresses, `host:port`, where members take clients. The id must be new to the cluster, or that of a member that has lost its disk: it comes back
   * under a higher incarnation, votes no more until it has caught up, and never as the one it was. So does an id that an operator has added before
   * its node was ever started, since nobody knows that it was not. `run` then asks until it is let in, a minute at
   * most: CHANGE_REFUSED, UNAVAILABLE, and what `Client.connect` throws.
   */
  readonly join?: readonly string[]
  /**
   * Only with `join`. True: it votes as soon as it has caught up. False: the node keeps a copy and answers queries, but does not vote. Default: the
   * role that the cluster has for `id`, which may be one that an operator gave it; true when `id` is new.
   */
  readonly voter?: boolean
  /** Only with `join`: where others reach this node. Default: where it listens, which must be a real host and port then. */
  readonly advertise?: Advertised
}
export interface OwnLog {
  /** A log of your own. It is the server's, and closed by it, from when all options are found to be right, whether it can start or not. */
  readonly log: Log
  /** Whose log it is. With a `diskId` the others refuse a log that takes its place; this node itself remembers theirs until it ends. */
  readonly identity: Identity
  /** Where this node keeps its snapshots; the server's, as the log is. Without it the log is never compacted, and must have its first entry. */
  readonly snapshots?: Snapshots
}
export type ServerOptions = CommonOptions & (OwnDir | OwnLog)

const serverOptionNames = [
  'dir',
  'id',
  'clusterId',
  'join',
  'voter',
  'advertise',
  'log',
  'identity',
  'snapshots',
  'machine',
  'listen',
  'insecure',
  'development',
  'onHandlerError',
  'retryHalted',
  'activation',
  'timing',
  'limits',
  'logger',
] as const satisfies readonly (keyof CommonOptions | keyof OwnDir | keyof OwnLog)[]

const clusterIdPattern = /^[A-Za-z0-9._-]{1,64}$/
export const membersMax = 15
/** Addresses to join by. */
const serversMax = 64
/** A node listens there for everybody; nobody reaches it there. */
const everywhere = /^(?:0\.0\.0\.0|\[[0:.]*\]):/

function checkAddress(name: string, address: unknown, portMin: number): void {
  if (typeof address !== 'string') bad(`${name} is ${show(address)}, it must be host:port`)
  const port = readAddress(address)?.port ?? -1
  if (port < portMin) bad(`${name} is ${JSON.stringify(address)}, it must be host:port with a port from ${portMin} to 65535`)
}

function checkId(name: string, id: unknown): void {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 1 && id <= nodeIdMax) return
  bad(`${name} is ${show(id)}, it must be a whole number from 1 to 2^48 - 1`)
}

/** The first configuration. Throws BAD_OPTIONS with the option and its bounds. */
export function checkBootstrap(options: BootstrapOptions): ConfState {
  checkObject(options, ['dir', 'id', 'clusterId', 'members'])
  const { dir, id, clusterId, members } = options
  if (typeof dir !== 'string' || dir === '') bad('dir is empty, it must name a directory')
  if (!clusterIdPattern.test(clusterId)) {
    bad(`clusterId is ${JSON.stringify(clusterId)}, it must have 1 to 64 letters, digits, dots, underscores or dashes`)
  }
  if (members.length < 1 || members.length > membersMax) bad(`members has ${members.length} nodes, it must have 1 to ${membersMax}`)
  const seen = new Map<string, string>()
  members.forEach((member, i) => {
    const at = `members[${i}]`
    checkId(`${at}.id`, member.id)
    checkAddress(`${at}.peer`, member.peer, 1)
    checkAddress(`${at}.client`, member.client, 1)
    for (const [what, value] of [
      ['id', String(member.id)],
      ['address', member.peer],
      ['address', member.client],
    ] as const) {
      const before = seen.get(`${what} ${value}`)
      if (before !== undefined) bad(`${at} repeats the ${what} ${value} of ${before}`)
      seen.set(`${what} ${value}`, at)
    }
  })
  if (!members.some((member) => member.id === id)) bad(`members does not name this node, ${id}`)
  const sorted = members.toSorted((a, b) => a.id - b.id)
  return {
    members: sorted.map(({ id, peer, client }) => ({ id, peer, client, incarnation: 1 })),
    voters: sorted.map((member) => member.id),
    votersOutgoing: [],
    learners: [],
    joining: [],
    removed: [],
    leaseMs: 0,
  }
}

export interface CheckedOptions {
  readonly timing: CheckedTiming
  readonly limits: Partial<Limits>
}

/** Everything, before anything is opened. Throws BAD_OPTIONS with the option and its bounds, or SCHEMA_OPEN. */
export function checkServer(options: ServerOptions): CheckedOptions {
  checkObject(options, serverOptionNames)
  const { listen, insecure, machine, development = false } = options
  if (listen === undefined) bad('listen is missing, it must give the addresses { peer, client }')
  checkAddress('listen.peer', listen.peer, 0)
  checkAddress('listen.client', listen.client, 0)
  // Half-configured security is the worst kind: whoever runs plain TCP says so.
  if (insecure !== true) bad('insecure must be true: peers and clients talk plain TCP, which anyone on the network can read and change')
  if (typeof machine?.apply !== 'function')
    bad('machine is missing, it must be a StateMachine, such as a generated machine with its handlers')
  checkStore(options)
  checkJoin(options)
  checkPolicy(options)
  checkLogger(options.logger)
  const timing = checkTiming(options.timing)
  const limits = checkLimits(options.limits, timing)
  if (machine.open === true && !development) {
    throw new RaftgenError(
      'SCHEMA_OPEN',
      `version ${machine.version} of the machine ${machine.name} is open: its wire format may still change, and then its log could not be read any more; ` +
        'run `raftgen freeze <schema.ts>`, or pass development: true',
    )
  }
  return { timing, limits }
}

function checkObject(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) bad(`the options are ${show(options)}, they must be an object`)
  checkNames('option ', options, known)
}

function checkStore({ dir, log, identity, snapshots }: Partial<OwnDir & OwnLog>): void {
  if (dir === undefined && log === undefined) bad('dir is missing, it must name the data directory; or give a log and its identity')
  if (dir !== undefined && log !== undefined) bad('dir and log are both given, but a node has one log')
  if (log === undefined && (typeof dir !== 'string' || dir === '')) bad(`dir is ${show(dir)}, it must name a directory`)
  if (log !== undefined && typeof identity?.nodeId !== 'number') bad('identity is missing, it must say whose log it is')
  if (identity?.diskId !== undefined && !diskIdPattern.test(identity.diskId))
    bad(`identity.diskId is ${show(identity.diskId)}, it must have 32 hex digits, drawn once for each disk`)
  if (dir !== undefined && snapshots !== undefined) bad('dir and snapshots are both given, but the snapshots of a dir are in it')
}

function checkJoin(options: CommonOptions & Partial<OwnDir>): void {
  const { dir, id, join, voter, advertise, listen } = options
  if (join === undefined) {
    if (voter !== undefined) bad('voter is given without join: whether a member votes is changed by its cluster')
    if (advertise !== undefined) bad('advertise is given without join: the address of a member is changed by its cluster')
    return
  }
  if (dir === undefined) bad('join needs dir, the directory that becomes the one of the new member')
  if (id === undefined) bad('id is missing: a node that joins says which it is to be, one that was never used in the cluster')
  checkId('id', id)
  if (!Array.isArray(join)) bad(`join is ${show(join)}, it must list the client addresses of some members`)
  if (join.length < 1 || join.length > serversMax) bad(`join has ${join.length} addresses, it must have 1 to ${serversMax}`)
  join.forEach((address, i) => void checkAddress(`join[${i}]`, address, 1))
  if (voter !== undefined && typeof voter !== 'boolean') bad(`voter is ${show(voter)}, it must be true or false`)
  if (advertise !== undefined && (typeof advertise !== 'object' || advertise === null))
    bad(`advertise is ${show(advertise)}, it must give the addresses { peer, client }`)
  checkAdvertised(advertise === undefined ? 'listen' : 'advertise', advertise ?? listen)
}

/** What others are told must be an address for them. */
function checkAdvertised(place: string, addresses: Advertised): void {
  for (const port of ['peer', 'client'] as const) {
    const address = addresses[port]
    if (place === 'advertise') checkAddress(`advertise.${port}`, address, 1)
    if (!everywhere.test(address) && !address.endsWith(':0')) continue
    bad(
      `${place}.${port} is ${show(address)}, where nobody reaches a node: one that joins must say where others do, in listen or in advertise`,
    )
  }
}

function checkPolicy({ onHandlerError, retryHalted, activation }: CommonOptions): void {
  if (onHandlerError !== undefined && onHandlerError !== 'fail' && onHandlerError !== 'halt')
    bad(`onHandlerError is ${show(onHandlerError)}, it must be fail or halt`)
  if (activation !== undefined && activation !== 'automatic' && activation !== 'byOperator')
    bad(`activation is ${show(activation)}, it must be automatic or byOperator`)
  if (retryHalted !== undefined && typeof retryHalted !== 'boolean') bad(`retryHalted is ${show(retryHalted)}, it must be true or false`)
}

function checkLogger(logger: Partial<Logger> | undefined): void {
  if (logger === undefined) return
  for (const level of ['info', 'warn', 'error'] as const) {
    if (typeof logger?.[level] !== 'function') bad(`logger.${level} is ${show(logger?.[level])}, it must be a function`)
  }
}
