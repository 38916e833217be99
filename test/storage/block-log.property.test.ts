import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry, HardState, LogSummary, Persist } from '../../src/core/types.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import type { KeyValue } from '../../src/storage/kv.ts'
import { type BatchFate, MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { conf, identity } from './support.ts'

// The log against the plainest model of one: an array. Everything is driven step by step, so a crash can come between any two.

interface Model {
  readonly hardState: HardState
  readonly entries: readonly Entry[]
}
const empty: Model = { hardState: { term: 0, votedFor: undefined }, entries: [] }

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

type Action =
  | {
      readonly kind: 'write'
      readonly terms: number
      readonly age: number
      readonly cut: number | undefined
      readonly count: number
      readonly bytes: number
      readonly vote: boolean
    }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'crash'; readonly write: Action & { readonly kind: 'write' }; readonly steps: number; readonly stored: boolean }
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
})
const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: writes },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      write: writes,
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

function persistOf({ hardState: { term, votedFor }, entries }: Model, write: Action & { readonly kind: 'write' }, seq: number): Persist {
  const next = term + write.terms + (term === 0 ? 1 : 0)
  const votes = write.vote ? 1 : undefined
  const kept = write.cut === undefined ? entries.length : Math.floor(write.cut * entries.length)
  const entryTerm = Math.max(next - write.age, entries[kept - 1]?.term ?? 1)
  const count = write.bytes > 1_000 ? Math.min(write.count, 6) : write.count
  const added = Array.from({ length: count }, (_, i): Entry => {
    const index = kept + i + 1
    const data = new Uint8Array(write.bytes).fill(seq)
    return index % 7 === 0
      ? { term: entryTerm, index, kind: 'conf', data: new Uint8Array(0), conf: { ...conf, learners: [seq] } }
      : { term: entryTerm, index, kind: 'command', data, conf: undefined }
  })
  const hardState = { term: next, votedFor: next === term && votedFor !== undefined ? votedFor : votes }
  return { seq, hardState, truncateFrom: write.cut === undefined ? undefined : kept + 1, entries: added }
}
const written = (model: Model, { hardState, truncateFrom, entries }: Persist): Model => ({
  hardState,
  entries: [...model.entries.slice(0, truncateFrom === undefined ? undefined : truncateFrom - 1), ...entries],
})

function summaryOf({ hardState, entries }: Model): LogSummary {
  const terms = entries
    .filter(({ term, index }) => entries[index - 2]?.term !== term)
    .map(({ term, index }) => ({ term, firstIndex: index }))
  const confs = entries.flatMap(({ index, conf }) => (conf === undefined ? [] : [{ index, conf }]))
  return { hardState, base: { id: { term: 0, index: 0 }, conf }, lastIndex: entries.length, terms, confs }
}

function rangeOf({ entries }: Model, { first, length, bytesMax }: Action & { readonly kind: 'read' }): readonly Entry[] {
  const found: Entry[] = []
  let bytes = 0
  for (let index = first; index < first + length && entries[index - 1] !== undefined; index++) {
    const entry = entries[index - 1]
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
  log.entries({ firstIndex: 1, lastIndex: model.entries.length, bytesMax: Number.MAX_SAFE_INTEGER }, (error, entries) => {
    if (error !== undefined) throw error
    found = entries
  })
  steps.run()
  expect(plain(found ?? [])).toEqual(plain(model.entries))
  expect([log.currentTerm, log.votedFor, log.latestLogIndex]).toEqual([
    model.hardState.term,
    model.hardState.votedFor,
    model.entries.length,
  ])
  expect(log.latestLogTerm).toBe(model.entries.at(-1)?.term ?? 0)
}

/** Runs all actions; every log that is opened has exactly what the model has. */
function play(list: readonly Action[]): void {
  const steps = new Steps()
  let kv = new MemoryKeyValue({ defer: steps.defer })
  BlockLog.bootstrap(kv, { identity, conf }, () => undefined)
  steps.run()
  let log = open(kv, steps)
  let model = empty
  for (const [seq, action] of list.entries()) {
    switch (action.kind) {
      case 'write': {
        const persist = persistOf(model, action, seq)
        let completed = false
        log.appendEntries(persist, (error) => {
          completed = error === undefined
        })
        steps.run()
        expect(completed).toBe(true)
        model = written(model, persist)
        break
      }
      case 'crash': {
        const persist = persistOf(model, action.write, seq)
        let completed = false
        let batches = 0
        const fate = (): BatchFate => {
          batches++
          return 'stored'
        }
        kv = kv.crash(0, { defer: steps.defer, fate })
        log = open(kv, steps)
        log.appendEntries(persist, (error) => {
          completed = error === undefined
        })
        steps.run(action.steps)
        const isStored = completed || (batches > 0 && action.stored)
        kv = kv.crash(action.stored ? 1 : 0, { defer: steps.defer })
        log = open(kv, steps)
        // Acknowledged is stored; not acknowledged is all of it or nothing.
        if (isStored) model = written(model, persist)
        expect(log.summary).toEqual(summaryOf(model))
        break
      }
      case 'reopen':
        kv = kv.crash(0, { defer: steps.defer })
        log = open(kv, steps)
        expect(log.summary).toEqual(summaryOf(model))
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
  }
  check(log, model, steps)
}

test('a log equals an array through any writes, truncations, reopens and crashes', () => {
  fc.assert(
    fc.property(fc.array(actions, { maxLength: 25 }), (list) => play(list)),
    { numRuns: 200 },
  )
})
