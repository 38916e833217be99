// What was true once and must stay so, whoever has forgotten it: who led which term, what is committed, what a read has to see. Part of the state of an
// exploration: two states with different pasts are different.
import type { Index, NodeId, Term } from '../../src/core/index.ts'
import type { Renaming } from './fingerprint.ts'
import type { Facts } from './local-states.ts'
import { type Hash, hashOf } from './visited.ts'

interface Committed {
  readonly entry: string
  /** Term of whoever knew it first. */
  readonly inTerm: Term
}

export interface History {
  readonly number: number
  readonly leaders: ReadonlyMap<Term, NodeId>
  /** By index, from 1 on. */
  readonly committed: readonly Committed[]
  /** By read: what was committed when it was asked. */
  readonly floors: ReadonlyMap<number, Index>
  readonly hashes: readonly Hash[]
}

type Past = Pick<History, 'leaders' | 'committed' | 'floors'>

/** What a server has just done. */
export interface Deed {
  readonly facts: Facts
  readonly asked: number | undefined
  readonly grants: readonly { readonly id: number; readonly index: Index }[]
}

export class Histories {
  readonly #renamings: readonly Renaming[]
  readonly #known = new Map<string, History>()
  /** Logs that were compared. */
  readonly #matching = new Map<string, string | undefined>()

  constructor(renamings: readonly Renaming[]) {
    this.#renamings = renamings
  }

  start(committed: readonly Committed[]): History {
    return this.#keep({ leaders: new Map(), committed, floors: new Map() })
  }

  /** What it is now, or what was broken: a sentence. */
  after(history: History, { facts, asked, grants }: Deed): History | string {
    const { role, term, id } = facts
    const leaders = new Map(history.leaders)
    const known = leaders.get(term)
    if (role === 'leader' && known !== undefined && known !== id) return `election safety: nodes ${known} and ${id} lead term ${term}`
    if (role === 'leader') leaders.set(term, id)
    const committed = afterCommits(history.committed, facts)
    if (typeof committed === 'string') return committed
    const gap = role === 'leader' ? lacking(committed, facts) : undefined
    if (gap !== undefined) return gap
    const floors = new Map(history.floors)
    for (const grant of grants) {
      const floor = floors.get(grant.id) ?? 0
      if (grant.index < floor)
        return `linearizable reads (§6.4): read ${grant.id} is granted at ${grant.index}, ${floor} was committed when it was asked`
      floors.delete(grant.id)
    }
    if (asked !== undefined) floors.set(asked, committed.length)
    const isSame = leaders.size === history.leaders.size && committed === history.committed && grants.length === 0 && asked === undefined
    return isSame ? history : this.#keep({ leaders, committed, floors })
  }

  /** Where two logs have an entry of the same index and term they are the same up to there (figure 3.2). */
  whyNotMatching(one: Facts, other: Facts): string | undefined {
    if (one.logKey === other.logKey) return undefined
    const key = `${one.logKey}|${other.logKey}`
    if (!this.#matching.has(key)) this.#matching.set(key, mismatch(one, other))
    return this.#matching.get(key)
  }

  #keep(past: Past): History {
    const printed = this.#renamings.map((renaming) => print(past, renaming))
    const key = printed[0] ?? ''
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const history = { ...past, number: this.#known.size, hashes: printed.map(hashOf) }
    this.#known.set(key, history)
    return history
  }
}

const print = ({ leaders, committed, floors }: Past, renaming: Renaming): string =>
  JSON.stringify([[...leaders].map(([term, id]) => [term, renaming[id] ?? id]).sort(byFirst), committed, [...floors].sort(byFirst)])

const byFirst = ([a = 0]: readonly number[], [b = 0]: readonly number[]): number => a - b

/** What `facts` knows to be committed is what anybody knew, and perhaps more. */
function afterCommits(committed: readonly Committed[], { id, term, commitIndex, firstIndex, log }: Facts): readonly Committed[] | string {
  const more: Committed[] = []
  for (let index = firstIndex; index <= commitIndex; index++) {
    const entry = log[index - firstIndex] ?? ''
    const was = committed[index - 1]
    if (was !== undefined && was.entry !== entry)
      return `state machine safety: node ${id} commits ${entry} at ${index}, committed was ${was.entry}`
    if (was === undefined) more.push({ entry, inTerm: term })
  }
  return more.length === 0 ? committed : [...committed, ...more]
}

/** A leader has everything that was committed in terms before its own (figure 3.2). */
function lacking(committed: readonly Committed[], { id, term, firstIndex, log }: Facts): string | undefined {
  for (const [i, { entry, inTerm }] of committed.entries()) {
    const index = i + 1
    if (inTerm >= term || index < firstIndex || log[index - firstIndex] === entry) continue
    return `leader completeness: node ${id} leads term ${term} without entry ${index} (${entry}), committed in term ${inTerm}`
  }
  return undefined
}

function mismatch(one: Facts, other: Facts): string | undefined {
  const termOf = (entry: string): string => entry.slice(0, entry.indexOf('.'))
  const first = Math.max(one.firstIndex, other.firstIndex)
  const last = Math.min(one.firstIndex + one.log.length, other.firstIndex + other.log.length) - 1
  let mustMatch = false
  for (let index = last; index >= first; index--) {
    const [a = '', b = ''] = [one.log[index - one.firstIndex], other.log[index - other.firstIndex]]
    mustMatch ||= termOf(a) === termOf(b)
    if (mustMatch && a !== b) return `log matching: entry ${index} is ${a} on node ${one.id} and ${b} on node ${other.id}`
  }
  return undefined
}
