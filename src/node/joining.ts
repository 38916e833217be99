// Machines that ask to be let in. Judged by what the cluster knows of their id, so a request can be repeated after any crash: whatever was
// done of it is seen in the configuration, and the rest is done.
import {
  type ConfState,
  type ConfStep,
  type Index,
  type Member,
  type Ms,
  type NodeId,
  type Raft,
  type Refusal,
  type RefusalReason,
  unreachable,
} from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { AdminRefused, JoinReply, JoinRequest, LeaderHint } from '../wire/client-messages.ts'
import { addressProblem } from './addresses.ts'
import type { ConfChanges, ConfOutcome } from './conf-changes.ts'
import type { Connection, Connections } from './connections.ts'
import type { ConnectionId } from './options.ts'
import { adminRefused, hintOf, notLeader, overloaded } from './refusals.ts'

/** Machines that wait to be let in; one after the other is. */
export const joinsMax = 64
/** What a member is allowed beyond the election timeout before it is alive, not on its way out: its last heartbeat may just have come. */
const aliveAfterTimeouts = 1.5

export interface JoiningOptions {
  readonly raft: Raft
  readonly replica: Pick<Replica, 'version'>
  readonly clock: Clock
  readonly connections: Connections
  readonly changes: ConfChanges
  readonly clusterId: string
  readonly electionTimeoutMs: Ms
}

/** Then the same is asked again. */
const passes: ReadonlySet<RefusalReason> = new Set(['confPending', 'notCommittedInTerm', 'transferring'])

interface Join {
  readonly connection: ConnectionId
  /** The newest version of the schema that its machine knows; 0: it does not say. */
  readonly version: number
  readonly request: JoinRequest
  readonly since: Ms
  /** Its connection is closed: nobody waits for the answer. */
  isGone: boolean
}

type NextStep =
  | { readonly kind: 'refuse'; readonly why: AdminRefused }
  /** The member with that id may be alive: that shows within an election timeout. */
  | { readonly kind: 'wait' }
  /** Takes its vote away first. */
  | { readonly kind: 'disarm'; readonly step: ConfStep }
  | { readonly kind: 'admit'; readonly step: ConfStep; readonly incarnation: number }

export class Joining {
  readonly #options: JoiningOptions
  readonly #joins: Join[] = []
  /** A change for the first of them is under way. */
  #isChanging = false

  constructor(options: JoiningOptions) {
    this.#options = options
  }

  /** Called only while this node leads. */
  receive({ id: connection, version }: Pick<Connection, 'id' | 'version'>, request: JoinRequest): void {
    const join = { connection, version, request, since: this.#options.clock.monotonicMs(), isGone: false }
    if (this.#joins.length >= joinsMax) return this.#refuse(join, adminRefused(overloaded('joinsMax')))
    this.#joins.push(join)
  }

  /** The connection is gone: who asked will ask again. A change under way is not called back, but nothing follows it. */
  forget(connection: ConnectionId): void {
    for (const join of this.#joins) if (join.connection === connection) join.isGone = true
    const kept = this.#joins.filter((join, i) => !join.isGone || (i === 0 && this.#isChanging))
    this.#joins.splice(0, this.#joins.length, ...kept)
  }

  /** Takes the next step of the first, when nothing else is pending. */
  advance(): void {
    const join = this.#joins[0]
    if (join === undefined || this.#isChanging) return
    const { committedInTerm, isConfPending } = this.#options.raft.status
    if (!committedInTerm || isConfPending) return
    const next = this.#nextStep(join)
    switch (next.kind) {
      case 'wait':
        return
      case 'refuse':
        this.#joins.shift()
        return this.#refuse(join, next.why)
      case 'disarm':
        return this.#change(join, next.step, undefined)
      case 'admit':
        return this.#change(join, next.step, next.incarnation)
      default:
        unreachable(next)
    }
  }

  /** Whoever waits asks the next leader: to ask twice does no harm. */
  unlead(leader: LeaderHint | undefined): void {
    this.#isChanging = false
    for (const join of this.#joins.splice(0)) this.#refuse(join, adminRefused(notLeader(leader)))
  }

  #nextStep({ request, version, since }: Join): NextStep {
    const { raft, replica, clock, electionTimeoutMs } = this.#options
    const { id: ownId, conf, followers } = raft.status
    const { id, voter } = request
    if (conf.removed.includes(id)) return refuse('removedId', `node ${id} was removed, and an id is never used again: choose another one`)
    // It would stop at the first entry that it does not know.
    if (version !== 0 && version < replica.version) {
      const message = `version ${replica.version} of the schema is in force, and node ${id} runs a build that knows version ${version} at most`
      return { kind: 'refuse', why: { code: 'VERSION_UNKNOWN', message, reason: undefined } }
    }
    const problem = addressProblem(conf.members, request)
    if (problem !== undefined) return { kind: 'refuse', why: problem }
    const known = conf.members.find((member) => member.id === id)
    if (known === undefined) {
      const member = memberOf(request, 1)
      return { kind: 'admit', step: { kind: 'addLearner', member, joining: voter ?? true }, incarnation: 1 }
    }
    // To take the vote of a voter that is alive because another machine claims its id would cost the cluster a good one. A leader counts
    // everyone as heard from when its term begins.
    const now = clock.monotonicMs()
    const isActive = id === ownId || followers.some((follower) => follower.id === id && follower.isActive)
    if (id === ownId || (isActive && now - since >= aliveAfterTimeouts * electionTimeoutMs)) return alive(known, electionTimeoutMs)
    if (isActive) return { kind: 'wait' }
    // Whether it is to vote again is kept in the configuration, so that whoever leads next knows it too.
    if (isVoterOf(conf, id)) return { kind: 'disarm', step: { kind: voter === false ? 'demote' : 'suspend', id } }
    const incarnation = known.incarnation + 1
    const joining = voter ?? conf.joining.includes(id)
    return { kind: 'admit', step: { kind: 'update', member: memberOf(request, incarnation), joining }, incarnation }
  }

  /** `incarnation`: with this change it is let in. */
  #change(join: Join, step: ConfStep, incarnation: number | undefined): void {
    this.#isChanging = true
    this.#options.changes.ask({ steps: [step], force: false, done: (outcome) => this.#onOutcome(join, outcome, incarnation) })
  }

  #onOutcome(join: Join, outcome: ConfOutcome, incarnation: number | undefined): void {
    this.#isChanging = false
    switch (outcome.kind) {
      case 'settled':
        if (incarnation !== undefined) this.#maybeAdmit(join, incarnation, outcome.index)
        break
      case 'refused':
        this.#onRefused(join, outcome.refusal)
        break
      case 'open':
        break
      default:
        unreachable(outcome)
    }
    // Nobody would hear of what follows; and whoever asks again would be taken for the next to have lost a disk.
    if (join.isGone && this.#joins[0] === join) this.#joins.shift()
  }

  #onRefused(join: Join, { reason, message, leader }: Refusal): void {
    if (passes.has(reason)) return
    this.#joins.shift()
    const { conf } = this.#options.raft
    this.#refuse(join, adminRefused({ reason, message, leader: hintOf(conf, leader) }))
  }

  /**
   * Told is what is committed: what the node that joins bases its log on, and whom it takes for removed, must not be undone. Where a later change
   * has taken its place away again, it is judged anew.
   */
  #maybeAdmit(join: Join, incarnation: number, minIndex: Index): void {
    const { clusterId, raft } = this.#options
    const conf = raft.committedConf
    if (!conf.members.some((member) => member.id === join.request.id && member.incarnation === incarnation)) return
    this.#joins.shift()
    this.#answer(join, { refused: undefined, clusterId, incarnation, conf, minIndex })
  }

  #refuse(join: Join, refused: AdminRefused): void {
    this.#answer(join, { refused, clusterId: this.#options.clusterId, incarnation: 0, conf: undefined, minIndex: 0 })
  }

  #answer({ connection, request }: Join, reply: Omit<JoinReply, 'kind' | 'requestId'>): void {
    this.#options.connections.toTell(connection)?.say({ kind: 'JoinReply', requestId: request.requestId, ...reply })
  }
}

const refuse = (reason: AdminRefused['reason'], message: string): NextStep => ({
  kind: 'refuse',
  why: { code: 'CHANGE_REFUSED', reason, message },
})

/** No reason for programs: it passes as soon as that process has ended. */
const alive = ({ id, peer }: Member, electionTimeoutMs: Ms): NextStep =>
  refuse(
    undefined,
    `node ${id} is alive: within the last ${electionTimeoutMs} ms it was heard from as ${peer}. Stop it first, or choose another id for this machine`,
  )

const memberOf = ({ id, peer, client }: JoinRequest, incarnation: number): Member => ({ id, incarnation, peer, client })

const isVoterOf = (conf: ConfState, id: NodeId): boolean => conf.voters.includes(id)
