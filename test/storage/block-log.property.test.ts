import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry, HardState, LogBase, LogSummary, Persist } from '../../src/core/types.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import type { KeyValue } from '../../src/storage/kv.ts'
import { type BatchFate, MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { conf, identity } from './support.ts'

// The log against the plainest model of one: a base and an array. Everything is driven step by step, so a crash can come between any two.

interface Model {
  readonly hardState: HardState
  readonly base: LogBase
  /** Above the base. */
  readonly entries: readonly Entry[]
}
const firstBase: LogBase = { id: { term: 0, index: 0 }, conf }
const empty: Model = { hardState: { term: 0, votedFor: undefined }, base: firstBase, entries: [] }
const lastIndexOf = ({ base, entries }: Model): number => base.id.index + entries.length
const entryAt = ({ base, entries }: Model, index: number): Entry | undefined => entries[index - base.id.index - 1]

/** Callbacks come back only when they are asked for. */
class Steps {
  readonly #tasks: (() => void)[] = []
  readonly defer = (task: () => void): void => {
    this.#tasks.push(task)
  }

  run(stepsMax = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < stepsMax; i++) {
      const task = this.#tasks.shift()
      if (task === undefined) return
      task()
    }
  }
}

function open(kv: KeyValue, steps: Steps): BlockLog {
  let opened: BlockLog | undefined
  BlockLog.open(kv, { name: 'model' }, (error, log) => {
    if (error !== undefined) throw error
    opened = log
  })
  steps.run()
  if (opened === undefined) throw new Error('open has not ended')
  return opened
}

type Change =
  | {
      readonly kind: 'write'
      readonly terms: number
      readonly age: number
      readonly cut: number | undefined
      readonly count: number
      readonly bytes: number
      readonly vote: boolean
      /** How far from the end of the log a snapshot ends that takes its place. */
      readonly reset: number | undefined
    }
  | { readonly kind: 'compact'; readonly at: number }
type Write = Change & { readonly kind: 'write' }
type Action =
  | Change
  | { readonly kind: 'reopen' }
  | { readonly kind: 'crash'; readonly change: Change; readonly steps: number; readonly stored: boolean }
  | { readonly kind: 'read'; readonly first: number; readonly length: number; readonly bytesMax: number }

const writes = fc.record({
  kind: fc.constant('write' as const),
  /** Terms that pass before it. */
  terms: fc.integer({ min: 0, max: 2 }),
  /** How much older than the term of the node its entries are, where the entry before them allows it. */
  age: fc.integer({ min: 0, max: 3 }),
  /** Where in the log it truncates, of 1. */
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
  count: fc.integer({ min: 0, max: 40 }),
  bytes: fc.constantFrom(0, 1, 30, 400_000),
  vote: fc.boolean(),
  reset: fc.option(fc.integer({ min: -30, max: 30 }), { nil: undefined, freq: 6 }),
})
const compactions = fc.record({
  kind: fc.constant('compact' as const),
  /** Where in the log, from a little below its base. */
  at: fc.double({ min: -0.1, max: 1, noNaN: true }),
})
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: writes },
  { weight: 3, arbitrary: compactions },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      change: fc.oneof(writes, compactions),
      steps: fc.integer({ min: 0, max: 3 }),
      stored: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      first: fc.integer({ min: 0, max: 150 }),
      length: fc.integer({ min: 0, max: 100 }),
      bytesMax: fc.constantFrom(0, 100, 1_000_000_000),
    }),
  },
)

function persistOf(model: Model, write: Write, seq: number): Persist {
  const { term, votedFor } = model.hardState
  const next = term + write.terms + (term === 0 ? 1 : 0)
  const reset = write.reset === undefined ? undefined : resetOf(model, { by: write.reset, term: next, seq })
  const before = reset === undefined ? model : { ...model, base: reset, entries: [] }
  const length = before.entries.length
  const kept = write.cut === undefined ? length : Math.floor(write.cut * length)
  const last = before.entries[kept - 1] ?? before.base.id
  const entryTerm = Math.max(next - write.age, last.term, 1)
  const count = write.bytes > 1_000 ? Math.min(write.count, 6) : write.count
  const firstIndex = before.base.id.index + kept + 1
  const added = Array.from({ length: count }, (_, i): Entry => {
    const index = firstIndex + i
    const data = new Uint8Array(write.bytes).fill(seq)
    return index % 7 === 0
      ? { term: entryTerm, index, kind: 'conf', data: new Uint8Array(0), conf: { ...conf, learners: [seq + 1] } }
      : { term: entryTerm, index, kind: 'command', data, conf: undefined }
  })
  const votes = write.vote ? 1 : undefined
  const hardState = { term: next, votedFor: next === term && votedFor !== undefined ? votedFor : votes }
  const truncateFrom = write.cut === undefined || reset !== undefined ? undefined : firstIndex
  return { seq, hardState, reset, truncateFrom, entries: added }
}

const resetOf = (model: Model, { by, term, seq }: { by: number; term: number; seq: number }): LogBase => ({
  id: { term, index: Math.max(1, lastIndexOf(model) + by) },
  conf: { ...conf, removed: [seq + 1] },
})

function baseOf(model: Model, at: number, seq: number): LogBase {
  const index = Math.max(0, model.base.id.index + Math.round(at * model.entries.length))
  const term = entryAt(model, index)?.term ?? model.base.id.term
  return { id: { term, index }, conf: { ...conf, removed: [seq + 1] } }
}

function written(model: Model, { hardState, reset, truncateFrom, entries }: Persist): Model {
  if (reset !== undefined) return { hardState, base: reset, entries }
  const kept = truncateFrom === undefined ? undefined : truncateFrom - model.base.id.index - 1
  return { hardState, base: model.base, entries: [...model.entries.slice(0, kept), ...entries] }
}

function compacted(model: Model, base: LogBase): Model {
  const dropped = base.id.index - model.base.id.index
  return dropped <= 0 ? model : { ...model, base, entries: model.entries.slice(dropped) }
}

function summaryOf(model: Model): LogSummary {
  const { hardState, base, entries } = model
  const terms = entries.filter(({ term }, i) => entries[i - 1]?.term !== term).map(({ term, index }) => ({ term, firstIndex: index }))
  const confs = entries.flatMap(({ index, conf }) => (conf === undefined ? [] : [{ index, conf }]))
  return { hardState, base, lastIndex: lastIndexOf(model), terms, confs }
}

function rangeOf(model: Model, { first, length, bytesMax }: Action & { readonly kind: 'read' }): readonly Entry[] {
  const found: Entry[] = []
  let bytes = 0
  for (let index = first; index < first + length; index++) {
    const entry = entryAt(model, index)
    if (entry === undefined) break
    bytes += entry.data.length
    if (found.length > 0 && bytes > bytesMax) break
    found.push(entry)
  }
  return found
}

/** `Buffer`s and `Uint8Array`s of the same bytes look the same. */
const plain = (entries: readonly Entry[]): readonly unknown[] =>
  entries.map((entry) => ({ ...entry, data: Buffer.from(entry.data).toString('base64') }))

function check(log: BlockLog, model: Model, steps: Steps): void {
  let found: readonly Entry[] | undefined
  const lastIndex = lastIndexOf(model)
  log.entries({ firstIndex: log.firstIndex, lastIndex, bytesMax: Number.MAX_SAFE_INTEGER }, (error, entries) => {
    if (error !== undefined) throw error
    found = entries
  })
  steps.run()
  expect(plain(found ?? [])).toEqual(plain(model.entries))
  const { term, votedFor } = model.hardState
  expect([log.currentTerm, log.votedFor, log.firstIndex, log.latestLogIndex]).toEqual([term, votedFor, model.base.id.index + 1, lastIndex])
  expect(log.latestLogTerm).toBe((model.entries.at(-1) ?? model.base.id).term)
}

/** Asks for `change`, and gives what the model is after it. `onDone` is called when the log says that it is durable. */
function begin(log: BlockLog, { model, change, seq }: { model: Model; change: Change; seq: number }, onDone: () => void): Model {
  const done = (error: Error | undefined): void => {
    if (error === undefined) onDone()
  }
  if (change.kind === 'compact') {
    const base = baseOf(model, change.at, seq)
    log.compact(base, done)
    return compacted(model, base)
  }
  const persist = persistOf(model, change, seq)
  log.appendEntries(persist, done)
  return written(model, persist)
}

/** Runs all actions; every log that is opened has exactly what the model has. */
function play(list: readonly Action[], { reopens }: { readonly reopens: boolean }): void {
  const steps = new Steps()
  let kv = new MemoryKeyValue({ defer: steps.defer })
  BlockLog.bootstrap(kv, { identity, conf }, () => undefined)
  steps.run()
  let log = open(kv, steps)
  let model = empty
  const reopen = (): void => {
    kv = kv.crash(0, { defer: steps.defer })
    log = open(kv, steps)
    expect(log.summary).toEqual(summaryOf(model))
  }
  for (const [seq, action] of list.entries()) {
    switch (action.kind) {
      case 'write':
      case 'compact': {
        let completed = false
        model = begin(log, { model, change: action, seq }, () => {
          completed = true
        })
        steps.run()
        expect(completed).toBe(true)
        break
      }
      case 'crash': {
        let completed = false
        let batches = 0
        const fate = (): BatchFate => {
          batches++
          return 'stored'
        }
        kv = kv.crash(0, { defer: steps.defer, fate })
        log = open(kv, steps)
        const after = begin(log, { model, change: action.change, seq }, () => {
          completed = true
        })
        steps.run(action.steps)
        // Acknowledged is stored; not acknowledged is all of it or nothing.
        if (completed || (batches > 0 && action.stored)) model = after
        kv = kv.crash(action.stored ? 1 : 0, { defer: steps.defer })
        log = open(kv, steps)
        expect(log.summary).toEqual(summaryOf(model))
        break
      }
      case 'reopen':
        reopen()
        break
      case 'read': {
        let found: readonly Entry[] | undefined
        const { first, length, bytesMax } = action
        log.entries({ firstIndex: first, lastIndex: first + length - 1, bytesMax }, (error, entries) => {
          found = error === undefined ? entries : undefined
        })
        steps.run()
        expect(plain(found ?? [])).toEqual(plain(rangeOf(model, action)))
        break
      }
    }
    if (reopens) reopen()
  }
  check(log, model, steps)
}

test('a log equals an array through any writes, truncations, compactions, resets, reopens and crashes', () => {
  fc.assert(
    fc.property(fc.array(actions, { maxLength: 25 }), (list) => play(list, { reopens: false })),
    { numRuns: 200 },
  )
})

test('a log that is opened anew after every write, truncation, compaction and reset equals an array', () => {
  fc.assert(
    fc.property(fc.array(actions, { maxLength: 12 }), (list) => play(list, { reopens: true })),
    { numRuns: 100 },
  )
})
