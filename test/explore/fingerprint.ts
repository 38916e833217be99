// What a core (under glass), a message or anything else made of plain fields is, as a string: equal for two that behave alike from now on.
//
// Everything counts that is reachable, and which of it is the same object (the core compares some by identity). Left out is what cannot make a difference here:
// - absolute time. Clocks are compared with nobody's, so only what a stopwatch shows matters, and of that only which thresholds it has passed. In
//   an exploration time passes in three ways (see `server.ts`): exactly until an election timer expires, a heartbeat, or an election timeout. So a
//   stopwatch that runs shows 0 until a leader's heartbeats add up; these are few (the budget), together less than an election timeout. One that waits for
//   the next tick to be dated shows 0 too, because every passing of time begins with a tick.
// - the drawn election timeout and the generator behind it: time passes until it expires, however long that is. And whether a leader was heard, where
//   there is none to be heard.
// - numbers of writes: one is in flight at a time, and they are only compared with its own.
// - witnesses: they are kept for other nodes that come back with a forgetful disk, which none does here.
// - limits and timing: the same for all, for good.
import type { ConfState, Entry, NodeId } from '../../src/core/index.ts'

/** New numbers of servers, by the old: servers are alike, so states that differ by their numbers only are one. */
export type Renaming = readonly NodeId[]

const ignored = new Set(['limits', 'timing', 'now', 'witnesses', 'seq'])
const ignoredPrivate = new Set(['_random', '_seq', '_timeoutMs', '_silence', '_limits', '_electionTimeoutMs', '_isNews'])
const isIgnored = (key: string): boolean => ignored.has(key) || ignoredPrivate.has(key)
const idFields = new Set(['id', 'from', 'to', 'votedFor', 'leader', '_leader', 'peer'])
const idLists = new Set(['voters', 'votersOutgoing', 'learners', 'joining', 'removed'])

/** Milliseconds that stopwatches are compared with in more than one place: what is beyond counts alike. */
const capsMs: Readonly<Record<string, number>> = { _waited: 300 }
const electionTimeoutMs = 1_000

export function fingerprint(value: unknown, renaming: Renaming): string {
  const now = field(field(value, '_ctx'), 'now')
  const hasLeader = field(field(field(value, '_elections'), '_role'), 'leader') !== undefined
  return new Printer(renaming, { now: typeof now === 'number' ? now : 0, hasLeader }).print(value, '')
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined

class Printer {
  readonly #renaming: Renaming
  readonly #now: number
  readonly #hasLeader: boolean
  readonly #seen = new Map<object, number>()

  constructor(renaming: Renaming, { now, hasLeader }: { readonly now: number; readonly hasLeader: boolean }) {
    this.#renaming = renaming
    this.#now = now
    this.#hasLeader = hasLeader
  }

  print(value: unknown, key: string): string {
    if (typeof value === 'number') return idFields.has(key) ? `s${this.#rename(value)}` : String(value)
    if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '' : String(value)
    if (value instanceof Uint8Array) return `'${String.fromCharCode(...value)}'`
    // Two equal ones are as good as one and the same.
    if (isEntry(value)) return this.#entry(value)
    if (isConf(value)) return this.#conf(value)
    if (value.constructor.name === 'Stopwatch') return this.#stopwatch(value, key)
    if (value.constructor.name === 'ElectionTimer' && !this.#hasLeader) return ''
    const known = this.#seen.get(value)
    if (known !== undefined) return `^${known}`
    this.#seen.set(value, this.#seen.size)
    if (Array.isArray(value)) return this.#list(value, key)
    if (value instanceof Map) return this.#map(value)
    return this.#fields(value)
  }

  #fields(value: object): string {
    let text = '{'
    for (const [key, each] of Object.entries(value)) {
      if (!isIgnored(key) && typeof each !== 'function') text += `${key}:${this.print(each, key)} `
    }
    return `${text}}`
  }

  #list(items: readonly unknown[], key: string): string {
    if (idLists.has(key)) return this.#ids(items)
    let text = '['
    for (const item of items) text += `${this.print(item, '')},`
    return `${text}]`
  }

  /** All maps of a core are by server. */
  #map(map: ReadonlyMap<unknown, unknown>): string {
    const entries = [...map].map(([key, value]) => ({ id: this.#rename(Number(key)), value }))
    entries.sort((a, b) => a.id - b.id)
    let text = '('
    for (const { id, value } of entries) text += `${id}=${this.print(value, '')},`
    return `${text})`
  }

  #entry({ term, index, kind, data, conf }: Entry): string {
    return `${term}.${index}${conf === undefined ? `${kind[0]}${String.fromCharCode(...data)}` : this.#conf(conf)}`
  }

  #conf({ voters, votersOutgoing, learners, joining, removed }: ConfState): string {
    return `<${this.#ids(voters)}${this.#ids(votersOutgoing)}${this.#ids(learners)}${this.#ids(joining)}${this.#ids(removed)}>`
  }

  #ids(ids: readonly unknown[]): string {
    return `[${ids
      .map((id) => this.#rename(Number(id)))
      .sort((a, b) => a - b)
      .join()}]`
  }

  #stopwatch(value: object, key: string): string {
    const since = field(value, '_since')
    if (typeof since !== 'number') return '0'
    const elapsedMs = this.#now - since
    const capMs = capsMs[key]
    if (capMs !== undefined) return String(Math.min(elapsedMs, capMs))
    return elapsedMs >= electionTimeoutMs ? '1' : '0'
  }

  #rename(id: NodeId): NodeId {
    return this.#renaming[id] ?? id
  }
}

const isEntry = (value: object): value is Entry => 'data' in value && 'index' in value && 'term' in value
const isConf = (value: object): value is ConfState => 'votersOutgoing' in value
