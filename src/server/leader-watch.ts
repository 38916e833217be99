// A node that has known no leader for a while asks the others how they are, and says what it found out: it may be no member at all, or those
// that it needs are away. It looks less and less often, and changes nothing.
import type { Member, Ms, NodeId } from '../core/index.ts'
import { askStatus } from '../transport/index.ts'
import type { Identity } from '../ports/log.ts'
import type { NodeStatus } from '../wire/client-messages.ts'
import type { Logger } from './options.ts'

/** Without a leader for so many election timeouts, something other than chance keeps it away. */
const leaderlessTimeouts = 5
/** Nor is it worth a word before. Milliseconds. */
const leaderlessMinMs = 5_000
/** The time between two looks doubles up to this. Milliseconds. */
const pauseMaxMs = 600_000
/** Of one answer. Milliseconds. */
const askTimeoutMs = 1_000

export interface LeaderWatchOptions {
  readonly identity: Identity
  readonly electionTimeoutMs: Ms
  readonly logger: Logger
  /** Everyone, as this node knows them. */
  readonly members: () => readonly Member[]
  /** Default: over TCP. */
  readonly ask?: typeof askStatus
}

/** What one member answered: how it is, or why there is no answer. */
interface Answer {
  readonly member: Pick<Member, 'id' | 'client'>
  readonly status: NodeStatus | undefined
  readonly why: string
}

export class LeaderWatch {
  readonly #options: LeaderWatchOptions
  readonly #stopped = new AbortController()
  /** Since when no leader is known. */
  #since: Ms | undefined
  #pauseMs: Ms = 0
  #lookAt: Ms = 0

  constructor(options: LeaderWatchOptions) {
    this.#options = options
  }

  /** Called in every turn. */
  turn(leader: NodeId | undefined, now: Ms): void {
    if (leader !== undefined) {
      this.#since = undefined
      return
    }
    if (this.#since === undefined) {
      this.#since = now
      this.#pauseMs = Math.max(leaderlessMinMs, leaderlessTimeouts * this.#options.electionTimeoutMs)
      this.#lookAt = now + this.#pauseMs
    }
    if (now < this.#lookAt) return
    // A look ends well before the next one begins: it waits twice for `askTimeoutMs` at most.
    this.#pauseMs = Math.min(pauseMaxMs, 2 * this.#pauseMs)
    this.#lookAt = now + this.#pauseMs
    void this.#look(this.#since, now)
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #look(since: Ms, now: Ms): Promise<void> {
    const { nodeId } = this.#options.identity
    const others = this.#options.members().filter(({ id }) => id !== nodeId)
    const answers = await Promise.all(others.map((member) => this.#ask(member)))
    const leader = await this.#leaderAmong(answers)
    // It may have ended, or found a leader, meanwhile.
    if (this.#stopped.signal.aborted || this.#since !== since) return
    const seconds = Math.round((now - since) / 1_000)
    const { logger } = this.#options
    logger.warn(leader === undefined ? this.#describe(answers, seconds) : this.#describeLed(leader, seconds))
  }

  async #ask(member: Pick<Member, 'id' | 'client'>): Promise<Answer> {
    const { identity, ask = askStatus } = this.#options
    const hello = { kind: 'Hello', clusterId: identity.clusterId, machine: '', version: 0, wire: '' } as const
    try {
      const status = await ask({ address: member.client, hello, timeoutMs: askTimeoutMs, signal: this.#stopped.signal })
      // Another node may have its address now.
      if (status.nodeId === member.id) return { member, status, why: '' }
      return { member, status: undefined, why: `node ${status.nodeId} answers at ${member.client}` }
    } catch (error) {
      return { member, status: undefined, why: error instanceof Error ? error.message : String(error) }
    }
  }

  /** Of those who say that they lead, the one of the newest term. Whom this node does not know is asked where others say that it is. */
  async #leaderAmong(answers: readonly Answer[]): Promise<NodeStatus | undefined> {
    const asked = new Set([this.#options.identity.nodeId, ...answers.map(({ member }) => member.id)])
    const named = new Map<NodeId, Member>()
    for (const { status } of answers) {
      const leader = status?.conf.members.find(({ id }) => id === status.leader)
      if (leader !== undefined && !asked.has(leader.id)) named.set(leader.id, leader)
    }
    const more = await Promise.all([...named.values()].map((member) => this.#ask(member)))
    const leaders = [...answers, ...more].flatMap(({ status }) => (status?.role === 'leader' ? [status] : []))
    return leaders.sort((a, b) => b.term - a.term)[0]
  }

  #describeLed({ nodeId: leader, conf }: NodeStatus, seconds: number): string {
    const { nodeId } = this.#options.identity
    const known = conf.members.find(({ id }) => id === nodeId)
    if (known === undefined) {
      const cure = conf.removed.includes(nodeId)
        ? 'its id was removed, so that it needs another one, an empty directory, and `join`'
        : 'start it on an empty directory with `join`'
      return `node ${nodeId} is no member of the cluster that node ${leader} leads: ${cure}`
    }
    return `node ${nodeId} has heard from no leader for ${seconds} s, though node ${leader} leads: that one reaches it as ${known.peer}, or not at all`
  }

  #describe(answers: readonly Answer[], seconds: number): string {
    const reachable = answers.flatMap(({ member, status }) => (status === undefined ? [] : [`node ${member.id}`]))
    const unreachable = answers.flatMap(({ member, status, why }) => (status === undefined ? [`node ${member.id} (${why})`] : []))
    const list = (some: readonly string[]): string => (some.length === 0 ? 'none' : some.join(', '))
    const { nodeId } = this.#options.identity
    return `node ${nodeId} has known no leader for ${seconds} s; reachable: ${list(reachable)}; unreachable: ${list(unreachable)}`
  }
}
