// Who leads which term, and by whose votes.
import type { ConfState, EntryId, HardState, NodeId, Persist, Term } from '../../core/types.ts'
import type { Verdict } from '../violation.ts'
import { describe, isQuorum } from './confs.ts'
import type { Watched } from './watched.ts'

/** A node and which of its disks it has. */
export interface Identity {
  readonly id: NodeId
  readonly incarnation: number
}

const nameOf = ({ id, incarnation }: Identity): string => `${id}@${incarnation}`

export class Elections {
  readonly #verdict: Verdict
  readonly #leaders = new Map<Term, Identity>()
  /** By term and voter: for whom. */
  readonly #votes = new Map<Term, Map<string, NodeId>>()

  /** By term and candidate: how its log ended when it asked for votes. */
  readonly #logs = new Map<string, EntryId>()

  constructor(verdict: Verdict) {
    this.#verdict = verdict
  }

  /** Elections that were won. */
  get count(): number {
    return this.#leaders.size
  }

  leaderOf(term: Term): NodeId | undefined {
    return this.#leaders.get(term)?.id
  }

  onVote({ voter, candidate, term }: { readonly voter: Identity; readonly candidate: NodeId; readonly term: Term }, disk: HardState): void {
    const votes = this.#votes.get(term) ?? new Map<string, NodeId>()
    this.#votes.set(term, votes)
    const before = votes.get(nameOf(voter)) ?? candidate
    votes.set(nameOf(voter), candidate)
    this.#verdict.check(
      before === candidate,
      'one vote a term (§3.4)',
      () => `node ${voter.id} votes for ${before} and ${candidate} in term ${term}`,
    )
    this.#verdict.check(
      disk.term > term || (disk.term === term && disk.votedFor === candidate),
      'promises only what is durable (§3.8)',
      () => `node ${voter.id} votes for ${candidate} in term ${term}, its disk has a vote for ${disk.votedFor} in term ${disk.term}`,
    )
  }

  /** `candidate` asks for votes with a log that ends so. Only who has a vote may; in a configuration that is not known to be committed, or the one before it (§4.2.1, §4.2.2). */
  onAsks(
    { id, written, conf }: Pick<Watched, 'id' | 'written' | 'conf'>,
    { term, last }: { readonly term: Term; readonly last: EntryId },
  ): void {
    this.#logs.set(`${term} ${id}`, last)
    const possible = [conf, written.conf, written.confAt(written.confIndex - 1)?.conf]
    this.#verdict.check(
      possible.some((one) => one?.voters.includes(id) === true || one?.votersOutgoing.includes(id) === true),
      'only voters campaign (§4.2.1)',
      () => `node ${id} asks for votes in term ${term}, it has none in ${describe(written.conf)}`,
    )
  }

  /**
   * A vote may be on its way to a disk. With entries, too, they are of a leader that was elected meanwhile: what the log was when the vote was given,
   * nobody can tell any more.
   */
  onWritesVote({ id, incarnation, written: { hardState, last } }: Pick<Watched, 'id' | 'incarnation' | 'written'>, persist: Persist): void {
    const { term, votedFor = id } = persist.hardState
    const asked = this.#logs.get(`${term} ${votedFor}`)
    const isNew = hardState.term !== term || hardState.votedFor !== votedFor
    const isAlone = persist.reset === undefined && persist.truncateFrom === undefined && persist.entries.length === 0
    // Others may have told it of a vote that it gave, and forgot, when its log was another; or of what it had acknowledged to a leader, which binds it as a vote does.
    const isRemembered = this.#votes.get(term)?.has(nameOf({ id, incarnation })) === true || persist.fence !== undefined
    if (!isNew || !isAlone || isRemembered || votedFor === id || asked === undefined) return
    this.#verdict.check(
      asked.term > last.term || (asked.term === last.term && asked.index >= last.index),
      'votes go to a log that misses nothing (§3.6.1)',
      () => `node ${id}, whose log ends with ${idText(last)}, votes in term ${term} for ${votedFor}, whose log ends with ${idText(asked)}`,
    )
  }

  /** A node says, or shows, that it leads. */
  onLeads(leader: Identity, term: Term): void {
    const known = this.#leaders.get(term) ?? leader
    this.#leaders.set(term, known)
    this.#verdict.check(
      nameOf(known) === nameOf(leader),
      'election safety (figure 3.2)',
      () => `nodes ${nameOf(known)} and ${nameOf(leader)} both lead term ${term}`,
    )
  }

  /** A node has won its election, in `conf`: those that voted for it are those that it may have counted. */
  onWon({ leader, term, conf, disk }: { leader: Identity; term: Term; conf: ConfState; disk: HardState }): void {
    const votes = this.#votes.get(term)
    const isFor = (id: NodeId, incarnation: number): boolean =>
      id === leader.id
        ? incarnation === leader.incarnation && disk.term === term && disk.votedFor === id
        : votes?.get(nameOf({ id, incarnation })) === leader.id
    this.#verdict.check(
      isQuorum(conf, isFor),
      'elected by a quorum (§3.4)',
      () =>
        `node ${nameOf(leader)} leads term ${term} with the votes of ${[...(votes ?? [])].flatMap(([voter, candidate]) => (candidate === leader.id ? [voter] : [])).join(' ') || 'nobody else'}, in ${describe(conf)}`,
    )
  }
}

const idText = ({ term, index }: EntryId): string => `entry ${index} of term ${term}`
