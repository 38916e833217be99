// Configurations of the cluster, judged by a second arithmetic: counted by hand, in every subset, where the core is clever.
import type { ConfState, EntryId, Index, NodeId } from '../../core/types.ts'
import type { Verdict } from '../violation.ts'
import { isSameConf } from './log-shadow.ts'

/** Whether those for whom `has` holds decide in `conf`: a majority of the voters and, while it is joint, one of the outgoing ones (§4.3). */
export function isQuorum(conf: ConfState, has: (id: NodeId, incarnation: number) => boolean): boolean {
  const isMajority = (ids: readonly NodeId[]): boolean => {
    let count = 0
    for (const id of ids) if (has(id, incarnationIn(conf, id))) count += 1
    return 2 * count > ids.length
  }
  return isMajority(conf.voters) && (conf.votersOutgoing.length === 0 || isMajority(conf.votersOutgoing))
}

/** 0 for who is no member. */
export function incarnationIn({ members }: ConfState, id: NodeId): number {
  for (const member of members) if (member.id === id) return member.incarnation
  return 0
}

/** Everyone with a vote, as (id, incarnation): a voter that lost its disk comes back as another one. */
function votersIn(conf: ConfState): readonly string[] {
  return [...new Set([...conf.voters, ...conf.votersOutgoing])].map((id) => nameOf(id, incarnationIn(conf, id)))
}

const nameOf = (id: NodeId, incarnation: number): string => `${id}@${incarnation}`

/** Whether no two quorums, one of each, are without a common voter: all ways to split the voters are tried. */
export function haveCommonVoter(a: ConfState, b: ConfState): boolean {
  const voters = [...new Set([...votersIn(a), ...votersIn(b)])]
  for (let mask = 0; mask < 2 ** voters.length; mask++) {
    const isOnSide = (id: NodeId, incarnation: number): boolean => (mask >> voters.indexOf(nameOf(id, incarnation))) % 2 === 1
    if (isQuorum(a, isOnSide) && isQuorum(b, (id, incarnation) => !isOnSide(id, incarnation))) return false
  }
  return true
}

interface Committed {
  readonly index: Index
  readonly conf: ConfState
}

/** The configurations that were committed, in their order. */
export class Confs {
  readonly #verdict: Verdict
  readonly #committed: Committed[]
  /** Pairs that were looked at. */
  readonly #judged = new Set<string>()

  constructor(verdict: Verdict, conf: ConfState) {
    this.#verdict = verdict
    this.#committed = [{ index: 0, conf }]
  }

  get newest(): ConfState {
    const { conf } = this.#committed.at(-1) ?? {}
    if (conf === undefined) throw new Error('a cluster has a configuration')
    return conf
  }

  /** How many were committed after the first. */
  get changes(): number {
    return this.#committed.length - 1
  }

  /** Whether `conf` was committed. */
  has(conf: ConfState): boolean {
    return this.#committed.some((one) => isSameConf(one.conf, conf))
  }

  onCommitted(index: Index, conf: ConfState): void {
    this.onFollows(this.newest, conf, index)
    this.#committed.push({ index, conf })
  }

  /** `conf` follows `before` in some log, committed or not. */
  onFollows(before: ConfState, conf: ConfState, index: Index): void {
    const pair = `${JSON.stringify([before.members, before.voters, before.votersOutgoing])} ${JSON.stringify([conf.members, conf.voters, conf.votersOutgoing])}`
    if (this.#judged.has(pair)) return
    this.#judged.add(pair)
    this.#verdict.check(
      haveCommonVoter(before, conf),
      'successive configurations share a quorum (§4.3)',
      () => `configuration ${index} has ${describe(conf)}, the one before it ${describe(before)}`,
    )
  }

  /** The committed configuration in force at `index`. */
  at(index: Index): ConfState {
    let found = this.#committed[0]?.conf ?? this.newest
    for (const one of this.#committed) if (one.index <= index) found = one.conf
    return found
  }

  /** A snapshot, or the base of a log: its configuration is the one that was in force there, not a newer one. */
  checkAt(what: string, { index }: EntryId, conf: ConfState): void {
    this.#verdict.check(
      isSameConf(this.at(index), conf),
      'a snapshot has the configuration of its index (§5.1)',
      () => `${what} of ${index} has ${describe(conf)}, in force there was ${describe(this.at(index))}`,
    )
  }
}

/** In words, for messages. */
export function describe(conf: ConfState): string {
  const { voters, votersOutgoing, learners, joining, removed, leaseMs } = conf
  const names = (ids: readonly NodeId[]): string => ids.map((id) => nameOf(id, incarnationIn(conf, id))).join(' ')
  const parts = [`voters ${names(voters) || 'none'}`]
  if (votersOutgoing.length > 0) parts.push(`outgoing ${names(votersOutgoing)}`)
  if (learners.length > 0) parts.push(`learners ${names(learners)}`)
  if (joining.length > 0) parts.push(`joining ${joining.join(' ')}`)
  if (removed.length > 0) parts.push(`removed ${removed.join(' ')}`)
  if (leaseMs > 0) parts.push(`leases of ${leaseMs} ms`)
  return parts.join(', ')
}
