// Operations on the cluster itself: who is in it, changes of that, and handing leadership over. Only a leader does them; each is answered
// once, when it is settled.
import {
  type ConfStep,
  type Ms,
  type NodeId,
  type Raft,
  type RaftStatus,
  type ReadGrant,
  type Refusal,
  unreachable,
} from '../core/index.ts'
import type { Clock } from '../ports/clock.ts'
import type { AdminOperation, AdminRefused, AdminReply, AdminRequest, LeaderHint, MemberProgress } from '../wire/client-messages.ts'
import { addressProblem } from './addresses.ts'
import type { ConfChanges, ConfOutcome } from './conf-changes.ts'
import type { Connections } from './connections.ts'
import type { ConnectionId } from './options.ts'
import { adminRefused, hintOf, notLeader, overloaded } from './refusals.ts'
import type { SkipOrders } from './skip-orders.ts'
import type { Tickets } from './tickets.ts'
import type { VersionGate } from './version-gate.ts'

/** Operations taken in and not answered yet. People and scripts ask for them, not traffic. */
export const adminPendingMax = 64
/** A leader that has handed over waits so many election timeouts for another to lead: two elections that fail, and one that does not. */
const leaderlessTimeouts = 5

export interface AdministrationOptions {
  readonly raft: Raft
  readonly clock: Clock
  readonly connections: Connections
  readonly changes: ConfChanges
  readonly skips: SkipOrders
  readonly versions: VersionGate
  readonly tickets: Tickets
  readonly electionTimeoutMs: Ms
}

interface Asked<Operation extends AdminOperation = AdminOperation> {
  readonly connection: ConnectionId
  readonly requestId: number
  readonly operation: Operation
}
interface HandingOver {
  readonly asked: Asked
  readonly to: NodeId | undefined
  readonly since: Ms
}

const fateOpen: AdminRefused = {
  code: 'RETRY',
  message:
    'this node lost its leadership while the change was on its way: it may take effect, or not. Ask the next leader for the members first',
  reason: undefined,
}

export class Administration {
  readonly #options: AdministrationOptions
  /** Not handed to the core yet. */
  #waiting: Asked[] = []
  /** By the id of their read. */
  readonly #reading = new Map<number, Asked>()
  #changing = 0
  /** By ticket. They outlive the leadership of this node: its end is what they wait for. */
  readonly #handingOver = new Map<number, HandingOver>()

  constructor(options: AdministrationOptions) {
    this.#options = options
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Called only while this node leads. */
  receive(connection: ConnectionId, { requestId, operation }: AdminRequest): void {
    const asked = { connection, requestId, operation }
    const pending = this.#waiting.length + this.#reading.size + this.#changing + this.#handingOver.size
    if (pending >= adminPendingMax) this.#refuse(asked, adminRefused(overloaded('adminPendingMax')))
    else this.#waiting.push(asked)
  }

  forget(connection: ConnectionId): void {
    this.#waiting = this.#waiting.filter((asked) => asked.connection !== connection)
    for (const [ticket, { asked }] of this.#handingOver) if (asked.connection === connection) this.#handingOver.delete(ticket)
  }

  /** Hands what waits to the core. */
  ask(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const { operation, ...from } of waiting) {
      switch (operation.kind) {
        case 'members':
          this.#read({ operation, ...from })
          break
        case 'changeConf':
          this.#change({ operation, ...from })
          break
        case 'transfer':
          this.#transfer({ operation, ...from })
          break
        case 'skip':
          this.#skip({ operation, ...from })
          break
        case 'activate':
          this.#activate({ operation, ...from })
          break
        default:
          unreachable(operation)
      }
    }
  }

  /** False when it is none of these. */
  granted({ id }: ReadGrant): boolean {
    const asked = this.#reading.get(id)
    if (asked === undefined) return false
    this.#reading.delete(id)
    this.#succeed(asked)
    return true
  }

  /** Of a read or a transfer. */
  refused({ id, reason, message, leader }: Refusal): boolean {
    const asked = this.#reading.get(id) ?? this.#handingOver.get(id)?.asked
    if (asked === undefined) return false
    this.#reading.delete(id)
    this.#handingOver.delete(id)
    this.#refuse(asked, adminRefused({ reason, message, leader: hintOf(this.#options.raft.conf, leader) }))
    return true
  }

  /** After the core has said what it refuses: have the transfers come to an end? */
  settle(): void {
    if (this.#handingOver.size === 0) return
    const { role, leader, transferee } = this.#options.raft.status
    if (role === 'leader' && transferee !== undefined) return
    for (const [ticket, handingOver] of this.#handingOver) {
      const isOver = role === 'leader' || leader !== undefined || this.#isLate(handingOver)
      if (!isOver) continue
      this.#handingOver.delete(ticket)
      if (role !== 'leader' && leader !== undefined) this.#succeed(handingOver.asked)
      else this.#refuse(handingOver.asked, this.#whyNotHandedOver(handingOver))
    }
  }

  unlead(leader: LeaderHint | undefined): void {
    for (const asked of this.#waiting.splice(0)) this.#refuse(asked, adminRefused(notLeader(leader)))
  }

  #read(asked: Asked): void {
    const id = this.#options.tickets.next()
    this.#reading.set(id, asked)
    this.#options.raft.step({ kind: 'read', id, lease: false })
  }

  #change(asked: Asked<Extract<AdminOperation, { kind: 'changeConf' }>>): void {
    const { steps, force } = asked.operation
    const problem = this.#problem(steps)
    if (problem !== undefined) return this.#refuse(asked, problem)
    this.#changing += 1
    this.#options.changes.ask({ steps, force, done: (outcome) => this.#onOutcome(asked, outcome) })
  }

  #skip(asked: Asked<Extract<AdminOperation, { kind: 'skip' }>>): void {
    this.#changing += 1
    this.#options.skips.ask({ index: asked.operation.index, done: (refused) => this.#done(asked, refused) })
  }

  #activate(asked: Asked<Extract<AdminOperation, { kind: 'activate' }>>): void {
    this.#changing += 1
    this.#options.versions.ask({ version: asked.operation.version, done: (refused) => this.#done(asked, refused) })
  }

  #done(asked: Asked, refused: AdminRefused | undefined): void {
    this.#changing -= 1
    if (refused === undefined) this.#succeed(asked)
    else this.#refuse(asked, refused)
  }

  #onOutcome(asked: Asked, outcome: ConfOutcome): void {
    this.#changing -= 1
    switch (outcome.kind) {
      case 'settled':
        return this.#succeed(asked)
      case 'refused': {
        const { reason, message, leader } = outcome.refusal
        return this.#refuse(asked, adminRefused({ reason, message, leader: hintOf(this.#options.raft.conf, leader) }))
      }
      case 'open':
        return this.#refuse(asked, fateOpen)
      default:
        unreachable(outcome)
    }
  }

  #transfer(asked: Asked<Extract<AdminOperation, { kind: 'transfer' }>>): void {
    const { raft, tickets, clock } = this.#options
    const ticket = tickets.next()
    raft.step({ kind: 'transfer', ticket, to: asked.operation.to })
    this.#handingOver.set(ticket, { asked, to: raft.transferee, since: clock.monotonicMs() })
  }

  #isLate({ since }: HandingOver): boolean {
    const { clock, electionTimeoutMs } = this.#options
    return clock.monotonicMs() - since > leaderlessTimeouts * electionTimeoutMs
  }

  #whyNotHandedOver({ to }: HandingOver): AdminRefused {
    const { raft, electionTimeoutMs } = this.#options
    const { id, role } = raft.status
    const who = `node ${to} did not take over within`
    if (role === 'leader') return givenUp(`${who} ${electionTimeoutMs} ms, node ${id} leads on`)
    const message = `${who} ${leaderlessTimeouts * electionTimeoutMs} ms, node ${id} does not lead any more, and knows nobody who does`
    return { code: 'RETRY', message, reason: undefined }
  }

  /** The core looks at ids and incarnations; of addresses it knows nothing. */
  #problem(steps: readonly ConfStep[]): AdminRefused | undefined {
    // What the same change takes away from a member is free.
    const changed = new Set(steps.flatMap((step) => (step.kind === 'remove' ? [step.id] : step.kind === 'update' ? [step.member.id] : [])))
    const members = this.#options.raft.conf.members.filter(({ id }) => !changed.has(id))
    for (const step of steps) {
      if (step.kind !== 'addLearner' && step.kind !== 'update') continue
      const problem = addressProblem(members, step.member)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #succeed(asked: Asked): void {
    const { raft, electionTimeoutMs } = this.#options
    this.#answer(asked, { refused: undefined, members: membersOf(raft.status, electionTimeoutMs) })
  }

  #refuse(asked: Asked, refused: AdminRefused): void {
    this.#answer(asked, { refused, members: undefined })
  }

  #answer({ connection, requestId }: Asked, reply: Pick<AdminReply, 'refused' | 'members'>): void {
    this.#options.connections.toTell(connection)?.say({ kind: 'AdminReply', requestId, ...reply })
  }
}

const givenUp = (message: string): AdminRefused => ({ code: 'CHANGE_REFUSED', reason: 'noTarget', message })

/** Progress is what a leader knows: a node that has just stopped leading tells who is in the cluster, and no more. */
function membersOf(status: RaftStatus, electionTimeoutMs: Ms): AdminReply['members'] {
  const { id, role, term, commitIndex, conf, lastIndex } = status
  const own: MemberProgress = { id, state: 'leader', isActive: true, isCaughtUp: true, matchIndex: lastIndex }
  const followers = status.followers.map(({ id, state, isActive, isCaughtUp, matchIndex }) => ({
    id,
    state,
    isActive,
    isCaughtUp,
    matchIndex,
  }))
  const progress = role === 'leader' ? [own, ...followers].sort((a, b) => a.id - b.id) : []
  return { leader: status.leader ?? id, term, commitIndex, conf, progress, electionTimeoutMs }
}
