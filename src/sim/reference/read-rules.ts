// Linearizable reads without the log (§6.4): a read sees everything that was committed when it was asked, if afterwards a quorum has said that
// it still follows this leader, and the leader knew what is committed, from an entry of its own term. Leases are a matter of clocks, which the reference
// does not have: while they are on, it does not judge.
import type { Input } from '../../core/api.ts'
import type { HeartbeatReply, Index, Message, NodeId, ReadIndex, ReadIndexReply, Term } from '../../core/types.ts'
import { isQuorumOf } from './majorities.ts'
import { type Moment, whyNever } from './moment.ts'
import { confIn, termAt } from './reference-log.ts'
import type { ReferenceServer } from './reference-server.ts'
import type { Refused } from './rules.ts'

interface Asked {
  readonly term: Term
  /** The newest round, or question to a leader, that had begun by then: neither says anything of later. */
  readonly round: number
  readonly question: number
}

export class ReadRules {
  #round = 0
  #question = 0
  #nonce: number | undefined
  #term: Term = 0
  /** By term, of each server the newest round that it has answered: of this term, and of those before it since it was last asked what to do. */
  readonly #answered = new Map<Term, Map<NodeId, number>>()
  readonly #asked = new Map<number, Asked>()
  /** Questions of followers, the newest of each life. */
  readonly #questions = new Map<string, Asked & { readonly from: NodeId; readonly counter: number }>()
  /** Those that have come since then. */
  #replies: readonly ReadIndexReply[] = []

  /** See `Refinement.account`. */
  get account(): unknown {
    if (this.#asked.size === 0 && this.#questions.size === 0) return undefined
    return { answered: this.#answered.get(this.#term), asked: [...this.#asked], questions: [...this.#questions.values()] }
  }

  stepped(input: Input, { term }: ReferenceServer): void {
    this.#term = term
    const now = { term, round: this.#round, question: this.#question }
    if (input.kind === 'read') this.#asked.set(input.id, now)
    if (input.kind !== 'receive' || input.message.term !== term) return
    const { message } = input
    if (message.kind === 'HeartbeatReply') this.#confirm(message)
    if (message.kind === 'ReadIndexReply') this.#replies = [...this.#replies, message]
    if (message.kind !== 'ReadIndex') return
    // The same question may come twice: what was answered to the first is judged by the first. An older one may come later, and takes nothing back.
    const newest = this.#questions.get(lifeOf(message))
    if (newest !== undefined && newest.counter >= message.counter) return
    this.#questions.set(lifeOf(message), { ...now, from: message.from, counter: message.counter })
  }

  /** All that came of it has been said. */
  settled(): void {
    this.#replies = []
    for (const term of this.#answered.keys()) if (term !== this.#term) this.#answered.delete(term)
  }

  onSend(message: Message, moments: readonly Moment[]): Refused | undefined {
    if (message.kind === 'Heartbeat') this.#round = Math.max(this.#round, message.round)
    if (message.kind === 'ReadIndex') {
      this.#question = Math.max(this.#question, message.counter)
      this.#nonce = message.nonce
    }
    if (message.kind !== 'ReadIndexReply') return undefined
    const question = this.#questions.get(`${message.to} ${message.nonce}`)
    if (question === undefined || question.counter < message.counter)
      return { rule: 'ReadIndex (§6.4)', because: `answers question ${message.counter} of ${message.to}, which it was not asked` }
    // An older question of the same server was asked before this one: it is judged by its own answer, not by what came since.
    if (question.counter > message.counter) return undefined
    return whyNever(moments, ({ server }) => this.#judge(question, message.index, server))
  }

  onGrant({ id, index }: { readonly id: number; readonly index: Index }, moments: readonly Moment[]): Refused | undefined {
    const asked = this.#asked.get(id)
    if (asked === undefined) return { rule: 'Read (§6.4)', because: `grants read ${id}, which was not asked` }
    this.#asked.delete(id)
    const refused = whyNever(moments, ({ server }) => this.#judge(asked, index, server))
    if (refused === undefined || moments.every(({ server }) => server.role === 'leader')) return refused
    const isAnswer = ({ nonce, counter, index: least }: ReadIndexReply) =>
      nonce === this.#nonce && counter > asked.question && least <= index
    if (this.#replies.some(isAnswer)) return undefined
    return { rule: 'Read (§6.4)', because: `grants read ${id} at ${index} without an answer to a question that was put after it` }
  }

  #judge(asked: Asked, index: Index, { id, log, commitIndex, term, role }: ReferenceServer): Refused | undefined {
    const rule = 'Read (§6.4)'
    const conf = confIn(log)
    if (conf.leaseMs > 0) return undefined
    if (role !== 'leader' || asked.term !== term) return { rule, because: `grants a read of term ${asked.term} as ${role} of term ${term}` }
    if (termAt(log, commitIndex) !== term) return { rule, because: `grants a read before a commit in term ${term}` }
    if (index > commitIndex) return { rule, because: `grants a read at ${index}, committed is ${commitIndex}` }
    const since = [...(this.#answered.get(term) ?? [])].filter(([, round]) => round > asked.round).map(([from]) => from)
    if (isQuorumOf(conf, new Set([id, ...since]))) return undefined
    return {
      rule,
      because: `grants a read after which only ${[id, ...since].join(', ')} of ${conf.voters.join(', ')} have confirmed that it leads`,
    }
  }

  #confirm({ from, round }: HeartbeatReply): void {
    if (round > this.#round) return
    const answered = this.#answered.get(this.#term) ?? new Map<NodeId, number>()
    this.#answered.set(this.#term, answered.set(from, Math.max(round, answered.get(from) ?? 0)))
  }
}

const lifeOf = ({ from, nonce }: ReadIndex): string => `${from} ${nonce}`
