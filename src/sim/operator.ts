// Whoever runs the cluster: asks its leader for changes of the members, over the port of clients, as the real tools do.
import type { ConfState, ConfStep, Index, Ms, NodeId } from '../core/types.ts'
import type { AdminOperation, AdminReply, AdminRefused } from '../wire/client-messages.ts'
import type { Cluster } from './cluster.ts'
import { type Answer, Inquiry } from './inquiry.ts'

/** Its tools stand somewhere: after the servers, before the clients. */
const place = 900
/** Numbers of its connections, apart from those of clients and of servers that join. */
const connectionsFrom = 60_000_000
/** How long one answer is waited for: a change may have to be committed twice. Milliseconds. */
const answerMs = 3_000
/** How long it looks for the leader at least, before it gives up what nobody has taken on. Milliseconds. */
const searchMs = 2_000
/** Between two attempts, on average. Milliseconds. */
const pauseMs = 40

export type OrderOutcome =
  | { readonly kind: 'pending' }
  | { readonly kind: 'done'; readonly reply: AdminReply | undefined }
  | { readonly kind: 'refused'; readonly why: AdminRefused }
  /** Given up; it may have taken effect, or may yet. */
  | { readonly kind: 'unknown' }

/** Something that was asked of the cluster. */
export interface Order {
  readonly operation: AdminOperation
  readonly outcome: OrderOutcome
}

export interface OrderTerms {
  /** How long it is tried again where that may help; 0: never. Milliseconds. */
  readonly persistMs: Ms
  /** Whether the order has been carried out, as this committed configuration says, whatever was answered. */
  readonly isDone?: (conf: ConfState) => boolean
  readonly settled?: (outcome: OrderOutcome) => void
}

interface Open extends OrderTerms {
  readonly order: { readonly operation: AdminOperation; outcome: OrderOutcome }
  readonly since: Ms
  until: Ms
  inquiry: Inquiry | undefined
}

/** What stays so, however often one asks. */
const final: ReadonlySet<string> = new Set([
  'noSteps',
  'unknownId',
  'duplicateId',
  'removedId',
  'notLearner',
  'notVoter',
  'noVoters',
  'badLease',
  'transferToSelf',
])

export class Operator {
  readonly #cluster: Cluster
  readonly #open = new Set<Open>()
  #asked = 0
  #hint: string | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Something was asked for and is not settled. */
  get isBusy(): boolean {
    return this.#open.size > 0
  }

  change(steps: readonly ConfStep[], terms: OrderTerms & { readonly force?: boolean }): Order {
    return this.#order({ kind: 'changeConf', steps, force: terms.force === true }, terms)
  }

  transfer(to: NodeId | undefined, terms: OrderTerms): Order {
    return this.#order({ kind: 'transfer', to }, terms)
  }

  skip(index: Index, terms: OrderTerms): Order {
    return this.#order({ kind: 'skip', index }, terms)
  }

  /** Gives up everything that is not settled. */
  stop(): void {
    for (const open of this.#open) this.#settle(open, { kind: 'unknown' })
  }

  #order(operation: AdminOperation, terms: OrderTerms): Order {
    const order = { operation, outcome: { kind: 'pending' } as OrderOutcome }
    const { now } = this.#cluster.world.scheduler
    const open = { ...terms, order, since: now, until: now + terms.persistMs, inquiry: undefined }
    this.#open.add(open)
    this.#ask(open)
    return order
  }

  #ask(open: Open): void {
    const { world } = this.#cluster
    const { chance, directory, contacts, safety } = world
    if (open.isDone?.(safety.confs.newest) === true) return this.#settle(open, { kind: 'done', reply: undefined })
    const leader = this.#cluster.leader()
    const known = this.#hint === undefined ? leader : directory.find(this.#hint)?.id
    this.#hint = undefined
    const server =
      known !== undefined && chance.happens(0.8) ? this.#cluster.server(known) : contacts()[chance.whole(0, contacts().length - 1)]
    if (server === undefined) return this.#again(open)
    this.#asked += 1
    open.inquiry = new Inquiry(world, {
      id: connectionsFrom + this.#asked,
      place,
      who: 'operator',
      server,
      request: { kind: 'AdminRequest', requestId: this.#asked, operation: open.order.operation },
      timeoutMs: answerMs,
      done: (answer, hint) => this.#onAnswer(open, answer, hint?.client),
    })
  }

  #onAnswer(open: Open, answer: Answer | undefined, hint: string | undefined): void {
    if (!this.#open.has(open)) return
    if (answer?.kind !== 'AdminReply') return this.#again(open)
    const { refused } = answer
    if (refused === undefined) return this.#settle(open, { kind: 'done', reply: answer })
    const { now } = this.#cluster.world.scheduler
    if (refused.code === 'NOT_LEADER') {
      this.#hint = hint
      open.until = Math.max(open.until, open.since + searchMs)
    }
    const isFinal = refused.reason !== undefined && final.has(refused.reason)
    if (now < open.until && !isFinal && (refused.code === 'NOT_LEADER' || open.persistMs > 0)) return this.#again(open)
    if (open.isDone?.(this.#cluster.world.safety.confs.newest) === true) return this.#settle(open, { kind: 'done', reply: undefined })
    this.#settle(open, refused.code === 'RETRY' ? { kind: 'unknown' } : { kind: 'refused', why: refused })
  }

  #again(open: Open): void {
    const { scheduler, chance } = this.#cluster.world
    if (scheduler.now >= open.until) return this.#settle(open, { kind: 'unknown' })
    scheduler.after(chance.wait(pauseMs), () => {
      if (this.#open.has(open)) this.#ask(open)
    })
  }

  #settle(open: Open, outcome: OrderOutcome): void {
    open.inquiry?.cancel()
    this.#open.delete(open)
    open.order.outcome = outcome
    this.#cluster.world.note(this.#asked, { who: 'operator', what: `${open.order.operation.kind} is ${outcome.kind}`, about: outcome })
    open.settled?.(outcome)
  }
}
