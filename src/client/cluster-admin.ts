import type { Index, Ms, NodeId } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { u48Max } from '../wire/u48.ts'
import { askLeader } from '../transport/ask-leader.ts'
import type { ChangeRefusalReason } from '../transport/change-refused.ts'
import type { AdminOperation, AdminRefused, AdminReply, NodeStatus } from '../wire/client-messages.ts'
import { type ChangeStep, checkId, checkSteps, confSteps, leaseMsOf, type MemberAddresses } from './cluster-change.ts'
import { type ClusterView, clusterView } from './cluster-view.ts'
import type { Dial } from './dial.ts'
import { nodeStatus } from './node-status.ts'
import { checkClientOptions, checkTimeoutMs } from './options.ts'

const defaultTimeoutMs = 10_000
/** Between two rounds over servers that do not answer. */
const pauseMs = 100

/** As the wire has room for. */
const versionMax = 65_535

export interface ClusterAdminOptions {
  /** `host:port` of some members, 1 to 64; the others are learned from them. */
  readonly servers: readonly string[]
  /** For connecting, and for each operation that does not say otherwise. Milliseconds, 1 to 3,600,000. Default 10,000. */
  readonly timeoutMs?: number
  /** Gives up connecting: ABORTED. Without effect on what comes later. */
  readonly signal?: AbortSignal
  /** Only a cluster of this id will do: CLUSTER_MISMATCH. Default: whichever answers first. */
  readonly clusterId?: string
  /** Another way to reach servers than TCP. */
  readonly dial?: Dial
}

export interface AdminCallOptions {
  /** From the call to its end, the search for the leader and what it waits for included. Milliseconds, 1 to 3,600,000. */
  readonly timeoutMs?: number
  /** Gives the operation up: ABORTED when it was not sent yet, else OUTCOME_UNKNOWN. */
  readonly signal?: AbortSignal
}
export interface ChangeOptions extends AdminCallOptions {
  /**
   * Skips the check that a majority of the new voters is alive and holds the log. Where it is not, the cluster stops until it is. Removing a dead
   * member does not need it, and it cannot replace a lost majority. Default false.
   */
  readonly force?: boolean
}

/** These pass by themselves, and are waited for. */
const passing: ReadonlySet<ChangeRefusalReason> = new Set(['notCommittedInTerm', 'confPending', 'transferPending'])
const passes = ({ code, reason }: AdminRefused): boolean =>
  code === 'OVERLOADED' || (code === 'CHANGE_REFUSED' && reason !== undefined && passing.has(reason))

/**
 * Operations on a cluster itself: its members, who leads it, its settings. Each finds the leader and asks it over a connection of its own; a
 * change under way is waited for. Nothing is sent twice: an operation whose connection breaks ends with OUTCOME_UNKNOWN, and `members` then
 * tells what is in force. What the cluster refuses is a `ChangeRefused` (CHANGE_REFUSED) with a sentence and a `reason`.
 */
export class ClusterAdmin {
  readonly clusterId: string
  readonly #options: ClusterAdminOptions
  readonly #closed = new AbortController()

  private constructor(clusterId: string, options: ClusterAdminOptions) {
    this.clusterId = clusterId
    this.#options = options
  }

  /**
   * Resolves once any member has answered; that there is a leader is not waited for. Throws BAD_OPTIONS, UNAVAILABLE after `timeoutMs`,
   * ABORTED, CLUSTER_MISMATCH, PROTOCOL_MISMATCH.
   */
  static async connect(options: ClusterAdminOptions): Promise<ClusterAdmin> {
    checkClientOptions(options)
    const { clusterId } = await firstStatus(options)
    return new ClusterAdmin(clusterId, options)
  }

  /** Who is in the cluster and how far each has got, as the leader sees it now: not older than any change that had ended before the call. */
  members(options: AdminCallOptions = {}): Promise<ClusterView> {
    return this.#ask({ kind: 'members' }, 'the cluster did not tell its members', options)
  }

  /** Adds a member that holds the log and does not vote. Usually a node does it itself, with `join`. */
  addLearner(member: MemberAddresses, options: ChangeOptions = {}): Promise<ClusterView> {
    return this.change([{ kind: 'addLearner', member }], options)
  }

  /** Adds a member that becomes a voter as soon as it has caught up; that is not waited for. Usually a node does it itself, with `join`. */
  addVoter(member: MemberAddresses, options: ChangeOptions = {}): Promise<ClusterView> {
    return this.change([{ kind: 'addVoter', member }], options)
  }

  /** Makes a learner a voter. Refused while it lags. */
  promote(id: NodeId, options: ChangeOptions = {}): Promise<ClusterView> {
    return this.change([{ kind: 'promote', id }], options)
  }

  /** Makes a voter a learner. The leader may be one of them: it hands over. */
  demote(id: NodeId, options: ChangeOptions = {}): Promise<ClusterView> {
    return this.change([{ kind: 'demote', id }], options)
  }

  /** Removes members for good, all in one change. They stop by themselves where they run, and their ids are never used again. */
  remove(ids: NodeId | readonly NodeId[], options: ChangeOptions = {}): Promise<ClusterView> {
    const all: readonly NodeId[] = typeof ids === 'object' ? ids : [ids]
    return this.change(
      all.map((id) => ({ kind: 'remove', id })),
      options,
    )
  }

  /** Gives a member other addresses. It has to listen there itself. */
  update(member: MemberAddresses, options: ChangeOptions = {}): Promise<ClusterView> {
    return this.change([{ kind: 'update', member }], options)
  }

  /**
   * Several steps of different members as one change, so that no majority of a configuration in between ever counts: to replace a voter is
   * `[{ kind: 'promote', id: 4 }, { kind: 'remove', id: 1 }]`. Resolves once it is committed and the old majority does not count any more.
   */
  async change(steps: readonly ChangeStep[], options: ChangeOptions = {}): Promise<ClusterView> {
    checkSteps(steps)
    const { force = false } = options
    if (typeof force !== 'boolean') throw new RaftgenError('BAD_OPTIONS', `option force is ${JSON.stringify(force)}, not true or false`)
    const members = steps.some(({ kind }) => kind === 'update') ? (await this.members(options)).members : []
    return this.#ask({ kind: 'changeConf', steps: confSteps(steps, members), force }, 'the members were not changed', options)
  }

  /** Hands leadership to `to`, by default to the most up-to-date voter. Commands wait meanwhile. Resolves once another node leads. */
  async transferLeadership(options: AdminCallOptions & { readonly to?: NodeId } = {}): Promise<ClusterView> {
    const { to } = options
    if (to !== undefined) checkId(to, 'option to')
    return this.#ask({ kind: 'transfer', to }, 'leadership was not handed over', options)
  }

  /**
   * Lets the leader answer `lease` queries without asking a majority each time, or not. For that long after the last sign of life of a leader
   * nobody elects another, so after its death the cluster waits that much longer. It rests on clocks that run at about the same pace.
   * `durationMs`: whole milliseconds, 1 to 60,000.
   */
  async setLeaseReads(lease: { readonly durationMs: Ms } | 'off', options: AdminCallOptions = {}): Promise<ClusterView> {
    const step = { kind: 'setLease', leaseMs: leaseMsOf(lease) } as const
    return this.#ask({ kind: 'changeConf', steps: [step], force: false }, 'the setting of lease reads was not changed', options)
  }

  /**
   * Gives up the command at `index`, where nodes have stopped applying (`onHandlerError: 'halt'`, or HANDLER_FATAL): on every replica it counts as one
   * whose handler failed, and its caller gets HANDLER_FAILED. Accepted only by a leader that has halted just there, where a majority of the voters has, too, or before;
   * refused otherwise, with who has halted where. A replica that has applied it all the same fetches the state of another. Resolves once it is committed.
   */
  async skip(index: Index, options: AdminCallOptions = {}): Promise<ClusterView> {
    if (!Number.isSafeInteger(index) || index < 1 || index > u48Max)
      throw new RaftgenError('BAD_OPTIONS', `the index to skip is ${JSON.stringify(index)}, not a whole number from 1 to ${u48Max}`)
    return this.#ask({ kind: 'skip', index }, `the command at index ${index} was not skipped`, options)
  }

  /**
   * Puts `version` of the schema in force: by default the newest that the leader knows. Refused where a member has not said that it knows it, with who; where it is in
   * force already nothing happens. Resolves once it is.
   */
  async activate(version: number | undefined, options: AdminCallOptions = {}): Promise<ClusterView> {
    if (version !== undefined && (!Number.isInteger(version) || version < 1 || version > versionMax))
      throw new RaftgenError('BAD_OPTIONS', `the version is ${JSON.stringify(version)}, not a whole number from 1 to ${versionMax}`)
    return this.#ask(
      { kind: 'activate', version },
      `version ${version ?? ''} of the schema was not put in force`.replace('  ', ' '),
      options,
    )
  }

  /** Operations under way end with CLOSED, or OUTCOME_UNKNOWN where they were sent; later ones with CLOSED. */
  close(): Promise<void> {
    this.#closed.abort()
    return Promise.resolve()
  }

  async #ask(operation: AdminOperation, failure: string, options: AdminCallOptions): Promise<ClusterView> {
    const { timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs, signal } = options
    checkTimeoutMs(timeoutMs)
    const closed = this.#closed.signal
    if (closed.aborted) throw new RaftgenError('CLOSED', `${failure}: this ClusterAdmin is closed`)
    try {
      const reply = await askLeader<AdminReply>({
        failure,
        servers: this.#options.servers,
        hello: { kind: 'Hello', clusterId: this.clusterId, machine: '', version: 0, wire: '' },
        request: { kind: 'AdminRequest', requestId: 1, operation },
        accept: (message) => (message.kind === 'AdminReply' ? message : undefined),
        isRepeatable: operation.kind === 'members',
        passes,
        timeoutMs,
        signal: signal === undefined ? closed : AbortSignal.any([closed, signal]),
        dial: this.#options.dial,
      })
      if (reply.members === undefined) throw new RaftgenError('INTERNAL', 'a server answered without saying who the members are')
      return clusterView(this.clusterId, reply.members)
    } catch (error) {
      if (closed.aborted && error instanceof RaftgenError && error.code === 'ABORTED')
        throw new RaftgenError('CLOSED', `${failure}: this ClusterAdmin was closed`)
      throw error
    }
  }
}

/** Of the first server that answers, in the order given. */
async function firstStatus({ servers, timeoutMs = defaultTimeoutMs, signal, clusterId, dial }: ClusterAdminOptions): Promise<NodeStatus> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const failures: RaftgenError[] = []
    for (const address of servers) {
      if (signal?.aborted === true) throw new RaftgenError('ABORTED', 'the caller gave up connecting')
      const leftMs = Math.max(1, Math.ceil(deadline - performance.now()))
      try {
        const status = await nodeStatus({ address, timeoutMs: Math.min(1_000, leftMs), ...(dial === undefined ? {} : { dial }) })
        if (clusterId === undefined || status.clusterId === clusterId) return status
        failures.push(new RaftgenError('CLUSTER_MISMATCH', `${address} belongs to cluster ${status.clusterId}, not to ${clusterId}`))
      } catch (error) {
        if (!(error instanceof RaftgenError)) throw error
        failures.push(error)
      }
    }
    const forGood = failures.find(({ code }) => code !== 'UNAVAILABLE')
    const why = failures.map(({ message }) => message).join('; ')
    if (forGood !== undefined && failures.every(({ code }) => code !== 'UNAVAILABLE')) throw new RaftgenError(forGood.code, why)
    if (performance.now() + pauseMs >= deadline)
      throw new RaftgenError('UNAVAILABLE', `no member of the cluster answered within ${timeoutMs} ms: ${why}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
