// Linearizable reads without the log (§6.4): a read sees everything that was committed when it was asked, if afterwards a quorum has said that
// it still follows this leader, and the leader knew what is committed, from an entry of its own term. Leases are a matter of clocks, which the reference
// does not have: while they are on, it does not judge.
import type { Input } from '../../core/api.ts'
import type { HeartbeatReply, Index, Message, NodeId, ReadIndexReply, Term } from '../../core/types.ts'
import { isQuorumOf } from './majorities.ts'
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
  /** The newest round of this term that each server has answered. */
  #answered = new Map<NodeId, number>()
  readonly #asked = new Map<number, Asked>()
  /** Questions of followers, each one's newest. */
  readonly #questions = new Map<NodeId, Asked & { readonly counter: number }>()
  /** The answer that has just come. */
  #reply: ReadIndexReply | undefined

  /** See `Refinement.account`. */
  get account(): unknown {
    if (this.#asked.size === 0 && this.#questions.size === 0) return undefined
    return { answered: this.#answered, asked: [...this.#asked], questions: this.#questions }
  }

  stepped(input: Input, { term }: ReferenceServer): void {
    if (term !== this.#term) this.#answered = new Map()
    this.#term = term
    const now = { term, round: this.#round, question: this.#question }
    this.#reply = undefined
    if (input.kind === 'read') this.#asked.set(input.id, now)
    if (input.kind !== 'receive' || input.message.term !== term) return
    const { message } = input
    if (message.kind === 'HeartbeatReply') this.#confirm(message)
    if (message.kind === 'ReadIndex') this.#questions.set(message.from, { ...now, counter: message.counter })
    if (message.kind === 'ReadIndexReply') this.#reply = message
  }

  onSend(message: Message, server: ReferenceServer): Refused | undefined {
    if (message.kind === 'Heartbeat') this.#round = Math.max(this.#round, message.round)
    if (message.kind === 'ReadIndex') {
      this.#question = Math.max(this.#question, message.counter)
      this.#nonce = message.nonce
    }
    if (message.kind !== 'ReadIndexReply') return undefined
    const question = this.#questions.get(message.to)
    if (question === undefined || question.counter < message.counter)
      return { rule: 'ReadIndex (§6.4)', because: `answers question ${message.counter} of ${message.to}, which it was not asked` }
    // An older question of the same server was asked before this one: it is judged by its own answer, not by what came since.
    return question.counter > message.counter ? undefined : this.#judge(question, message.index, server)
  }

  onGrant({ id, index }: { readonly id: number; readonly index: Index }, server: ReferenceServer): Refused | undefined {
    const asked = this.#asked.get(id)
    if (asked === undefined) return { rule: 'Read (§6.4)', because: `grants read ${id}, which was not asked` }
    this.#asked.delete(id)
    if (server.role === 'leader') return this.#judge(asked, index, server)
    const reply = this.#reply
    const isAnswer = reply !== undefined && reply.nonce === this.#nonce && reply.counter > asked.question && reply.index <= index
    if (isAnswer) return undefined
    return { rule: 'Read (§6.4)', because: `grants read ${id} at ${index} without an answer to a question that was put after it` }
  }

  #judge(asked: Asked, index: Index, { id, log, commitIndex, term, role }: ReferenceServer): Refused | undefined {
    const rule = 'Read (§6.4)'
    const conf = confIn(log)
    if (conf.leaseMs > 0) return undefined
    if (role !== 'leader' || asked.term !== term) return { rule, because: `grants a read of term ${asked.term} as ${role} of term ${term}` }
    if (termAt(log, commitIndex) !== term) return { rule, because: `grants a read before a commit in term ${term}` }
    if (index > commitIndex) return { rule, because: `grants a read at ${index}, committed is ${commitIndex}` }
    const since = [...this.#answered].filter(([, round]) => round > asked.round).map(([from]) => from)
    if (isQuorumOf(conf, new Set([id, ...since]))) return undefined
    return { rule, because: `grants a read after which only ${[id, ...since].join(', ')} of ${conf.voters.join(', ')} have confirmed that it leads` }
  }

  #confirm({ from, round }: HeartbeatReply): void {
    if (round <= this.#round) this.#answered.set(from, Math.max(round, this.#answered.get(from) ?? 0))
  }
}
