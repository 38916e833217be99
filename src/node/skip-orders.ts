// Orders to skip a command, on their way through the log. The rule of who may be skipped: a leader that has halted at the command itself has told nobody
// what came of it, and nor has anyone since it leads; and a majority of the voters must have told it, after it was asked, that they have not come further.
import type { Accepted, EntryId, Index, Ms, Raft, Refusal } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { AdminRefused, LeaderHint } from '../wire/client-messages.ts'
import { encodeEnvelope } from '../wire/envelope-codec.ts'
import { withoutState } from './halted-members.ts'
import type { Halting } from './halting.ts'
import { adminRefused, notLeader } from './refusals.ts'
import type { Tickets } from './tickets.ts'

export interface SkipOrdersOptions {
  readonly raft: Raft
  readonly replica: Replica
  readonly halting: Pick<Halting, 'current' | 'members'>
  readonly tickets: Tickets
  readonly clock: Clock
  readonly electionTimeoutMs: Ms
}

interface Waiting {
  readonly order: SkipOrder
  readonly since: Ms
}

export interface SkipOrder {
  readonly index: Index
  /** Called once. `undefined`: it is committed. */
  done(refused: AdminRefused | undefined): void
}

const fateOpen: AdminRefused = {
  code: 'RETRY',
  message:
    'this node lost its leadership while the order to skip was on its way: it may take effect, or not. Ask the next leader for its state first',
  reason: undefined,
}

export class SkipOrders {
  readonly #options: SkipOrdersOptions
  /** For who has halted to say so: within a heartbeat or two, again and again. */
  #waiting: Waiting[] = []
  /** Handed to the core, not answered by it. */
  readonly #asked = new Map<number, SkipOrder>()
  #settling: { readonly id: EntryId; readonly order: SkipOrder }[] = []

  constructor(options: SkipOrdersOptions) {
    this.#options = options
  }

  /** Called only while this node leads. */
  ask(order: SkipOrder): void {
    if (this.#options.replica.skipped.includes(order.index)) return order.done(undefined)
    this.#judge({ order, since: this.#options.clock.monotonicMs() })
  }

  /** While this node leads. */
  advance(): void {
    for (const waiting of this.#waiting.splice(0)) this.#judge(waiting)
  }

  /** False when it is none of these. */
  accepted({ ticket, first }: Accepted): boolean {
    const order = this.#asked.get(ticket)
    if (order === undefined) return false
    this.#asked.delete(ticket)
    this.#settling.push({ id: first, order })
    return true
  }

  /** False when it is none of these. */
  refused({ id, reason, message }: Refusal): boolean {
    const order = this.#asked.get(id)
    if (order === undefined) return false
    this.#asked.delete(id)
    order.done(adminRefused({ reason, message, leader: undefined }))
    return true
  }

  /** After anything may have been committed. */
  settle(): void {
    if (this.#settling.length === 0) return
    const { commitIndex, role, term } = this.#options.raft.status
    // A leader's own entry stays in its place.
    const isCommitted = ({ id }: { readonly id: EntryId }): boolean => role === 'leader' && id.term === term && id.index <= commitIndex
    const committed = this.#settling.filter(isCommitted)
    if (committed.length === 0) return
    this.#settling = this.#settling.filter((one) => !isCommitted(one))
    for (const { order } of committed) order.done(undefined)
  }

  unlead(leader: LeaderHint | undefined): void {
    for (const { order } of this.#waiting.splice(0)) order.done(adminRefused(notLeader(leader)))
    const open = [...this.#asked.values(), ...this.#settling.map(({ order }) => order)]
    this.#asked.clear()
    this.#settling = []
    for (const order of open) order.done(fateOpen)
  }

  #judge(waiting: Waiting): void {
    const { order, since } = waiting
    const { clock, electionTimeoutMs } = this.#options
    const problem = this.#problem(order.index, since)
    if (problem === undefined) this.#propose(order)
    else if (problem.reason === 'quorumNotHalted' && clock.monotonicMs() < since + electionTimeoutMs) this.#waiting.push(waiting)
    else order.done(problem)
  }

  #propose(order: SkipOrder): void {
    const { raft, replica, tickets } = this.#options
    const ticket = tickets.next()
    this.#asked.set(ticket, order)
    // Time has stood still since the last entry that was applied. No session may end because of this entry: nobody could show a sign of life.
    const command = encodeEnvelope({ kind: 'skip', now: replica.now, skipped: order.index })
    raft.step({ kind: 'propose', ticket, commands: [command] })
  }

  #problem(index: Index, since: Ms): AdminRefused | undefined {
    const { raft, replica, halting } = this.#options
    const { id } = raft.status
    const { current } = halting
    if (current?.index !== index) {
      const why =
        current === undefined ? `it has applied everything up to entry ${replica.lastApplied}` : `it has halted at entry ${current.index}`
      const way = index <= replica.lastApplied ? '. What it has applied it may have answered' : ''
      return refusedFor('notHalted', `entry ${index} cannot be skipped: node ${id} leads, and ${why}${way}; ${this.#who()}`)
    }
    if (halting.members.isQuorumAt(index, raft.conf, since)) return undefined
    return refusedFor(
      'quorumNotHalted',
      `entry ${index} cannot be skipped: a majority of the voters has to have halted there, or before; ${this.#who()}`,
    )
  }

  #who(): string {
    const { list } = this.#options.halting.members
    if (list.length === 0) return 'no member is known to have halted'
    const where = (index: Index): string => (index === withoutState ? 'without a state' : `at entry ${index}`)
    return `halted are ${list.map(({ id, index }) => `node ${id} ${where(index)}`).join(', ')}`
  }
}

const refusedFor = (reason: 'notHalted' | 'quorumNotHalted', message: string): AdminRefused => ({ code: 'CHANGE_REFUSED', message, reason })
