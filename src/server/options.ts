import type { ConfState, NodeId, Timing } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Identity, Log } from '../ports/log.ts'
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

/** For people. `console` is one. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

interface CommonOptions {
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
  /** Whole numbers; what each may be stands in `limitBounds`, and in the README. */
  readonly limits?: Partial<Limits>
  /** Default: warnings and errors to stderr. */
  readonly logger?: Logger
}
interface OwnDir {
  /** Data directory made by `Server.bootstrap`. Short for a `LevelLog` that is closed with the server. */
  readonly dir: string
  /** Only the directory of this node will do: DATA_DIR_FOREIGN. Default: whoever the directory belongs to. */
  readonly id?: NodeId
  /** Only a directory of this cluster will do: DATA_DIR_FOREIGN. */
  readonly clusterId?: string
}
interface OwnLog {
  /** A log of your own. It is the server's, and closed by it, from when all options are found to be right, whether it can start or not. */
  readonly log: Log
  /** Whose log it is. */
  readonly identity: Identity
}
export type ServerOptions = CommonOptions & (OwnDir | OwnLog)

const serverOptionNames = [
  'dir',
  'id',
  'clusterId',
  'log',
  'identity',
  'machine',
  'listen',
  'insecure',
  'development',
  'timing',
  'limits',
  'logger',
] as const satisfies readonly (keyof CommonOptions | keyof OwnDir | keyof OwnLog)[]

const clusterIdPattern = /^[A-Za-z0-9._-]{1,64}$/
const addressPattern = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):(\d{1,5})$/
export const membersMax = 15

function checkAddress(name: string, address: string, portMin: number): void {
  const port = Number(addressPattern.exec(address)?.[1] ?? -1)
  if (port < portMin || port > 65_535)
    bad(`${name} is ${JSON.stringify(address)}, it must be host:port with a port from ${portMin} to 65535`)
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
    if (!Number.isSafeInteger(member.id) || member.id < 1 || member.id > 0xffff_ffff_ffff) {
      bad(`${at}.id is ${member.id}, it must be a whole number from 1 to 2^48 - 1`)
    }
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

function checkStore({ dir, log, identity }: Partial<OwnDir & OwnLog>): void {
  if (dir === undefined && log === undefined) bad('dir is missing, it must name the data directory; or give a log and its identity')
  if (dir !== undefined && log !== undefined) bad('dir and log are both given, but a node has one log')
  if (log === undefined && (typeof dir !== 'string' || dir === '')) bad(`dir is ${show(dir)}, it must name a directory`)
  if (log !== undefined && typeof identity?.nodeId !== 'number') bad('identity is missing, it must say whose log it is')
}

function checkLogger(logger: Partial<Logger> | undefined): void {
  if (logger === undefined) return
  for (const level of ['info', 'warn', 'error'] as const) {
    if (typeof logger?.[level] !== 'function') bad(`logger.${level} is ${show(logger?.[level])}, it must be a function`)
  }
}
