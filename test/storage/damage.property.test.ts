import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry, HardState, LogBase, Persist } from '../../src/core/types.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import { compareIds } from '../../src/storage/high-water.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { MemorySlots, type PendingSlot } from '../../src/storage/memory-slots.ts'
import type { SlotPosition } from '../../src/storage/slots.ts'
import { confOfThree as conf, identity } from './support.ts'
import { Steps } from './snapshots.ts'

// Random writes, a crash in the middle of one, damage to one of the two places, a crash while that is being mended: what opens holds nothing that
// was not written, and has forgotten no promise: it has what it acknowledged, or a fence at least as high; and no vote is given twice.

interface State {
  readonly hardState: HardState
  readonly base: LogBase
  readonly entries: readonly Entry[]
}
interface Disk {
  readonly kv: MemoryKeyValue
  readonly slots: MemorySlots
}
const lastOf = ({ base, entries }: State): { term: number; index: number } => {
  const { term, index } = entries.at(-1) ?? base.id
  return { term, index }
}

const writes = fc.record({
  kind: fc.constantFrom('append', 'append', 'append', 'vote', 'truncate', 'reset', 'compact'),
  terms: fc.integer({ min: 0, max: 1 }),
  count: fc.integer({ min: 0, max: 4 }),
  cut: fc.integer({ min: 1, max: 4 }),
  age: fc.integer({ min: 0, max: 2 }),
})
type Write = typeof writes extends fc.Arbitrary<infer T> ? T : never

const crashes = fc.record({
  steps: fc.integer({ min: 0, max: 4 }),
  stored: fc.boolean(),
  slot: fc.constantFrom<PendingSlot>('lost', 'stored', 'torn'),
})
const changes = fc.constantFrom('flip', 'cut', 'zero', 'delete' as const)
const damages = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('record' as const), at: fc.nat(), byte: fc.nat(), change: changes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('records' as const), at: fc.nat(), other: fc.nat(), swap: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('lostBatches' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lostBatch' as const), at: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('slot' as const),
      position: fc.constantFrom<SlotPosition>(0, 1),
      byte: fc.nat(),
      change: changes,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'slots' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sameSlots' as const), position: fc.constantFrom<SlotPosition>(0, 1) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'none' as const }) },
)
type Damage = typeof damages extends fc.Arbitrary<infer T> ? T : never

function persistOf(state: State, write: Write, seq: number): Persist {
  const term = Math.max(state.hardState.term + write.terms + (write.kind === 'truncate' || write.kind === 'reset' ? 1 : 0), 1)
  const votedFor =
    write.kind === 'vote'
      ? term === state.hardState.term
        ? (state.hardState.votedFor ?? 2)
        : 3
      : term === state.hardState.term
        ? state.hardState.votedFor
        : undefined
  const reset = write.kind === 'reset' ? { id: { term, index: lastOf(state).index + 2 }, conf } : undefined
  const length = state.entries.length
  const truncateFrom = write.kind === 'truncate' && length > 0 ? state.base.id.index + Math.max(length - write.cut, 0) + 1 : undefined
  const kept =
    reset === undefined
      ? { ...state, entries: state.entries.slice(0, truncateFrom === undefined ? length : Math.max(length - write.cut, 0)) }
      : { ...state, base: reset, entries: [] }
  const last = lastOf(kept)
  const entryTerm = Math.max(last.term, term - write.age, 1)
  const count = write.kind === 'vote' ? 0 : write.count
  const entries = Array.from(
    { length: count },
    (_, i): Entry => ({
      term: entryTerm,
      index: last.index + 1 + i,
      kind: 'command',
      data: Buffer.from(`${seq}: ${last.index + 1 + i}`),
      conf: undefined,
    }),
  )
  return { seq, hardState: { term, votedFor }, reset, truncateFrom, entries }
}

function after(state: State, { hardState, reset, truncateFrom, entries }: Persist): State {
  const base = reset ?? state.base
  const before = reset === undefined ? state.entries : []
  const kept = truncateFrom === undefined ? before : before.filter(({ index }) => index < truncateFrom)
  return { hardState, base, entries: [...kept, ...entries] }
}

const copyOf = (kv: MemoryKeyValue, steps: Steps): MemoryKeyValue => {
  const copy = new MemoryKeyValue({ defer: steps.defer })
  for (const key of kv.keys) copy.poke(key, kv.peek(key))
  return copy
}

function open(disk: Disk, steps: Steps): BlockLog | Error {
  let result: BlockLog | Error | undefined
  BlockLog.open(disk.kv, { name: 'model', slots: disk.slots, identity }, (error, log) => {
    result = log ?? error
  })
  steps.run()
  return result ?? new Error('open has not ended')
}

function readAll(log: BlockLog, steps: Steps): readonly Entry[] {
  let found: readonly Entry[] | undefined
  const range = { firstIndex: log.firstIndex, lastIndex: Number.MAX_SAFE_INTEGER, bytesMax: Number.MAX_SAFE_INTEGER }
  log.entries(range, (error, entries) => {
    expect(error).toBeUndefined()
    found = entries
  })
  steps.run()
  return (found ?? []).map((entry) => ({ ...entry, data: Buffer.from(entry.data) }))
}

class Play {
  readonly steps = new Steps()
  disk: Disk
  /** What was acknowledged, and what was under way at the crash. */
  state: State = { hardState: { term: 0, votedFor: undefined }, base: { id: { term: 0, index: 0 }, conf }, entries: [] }
  underWay: State | undefined
  /** Every entry ever written, by term and index. */
  readonly written = new Set<string>()
  /** The store after every batch. */
  readonly history: MemoryKeyValue[] = []

  constructor() {
    const { defer } = this.steps
    this.disk = { kv: new MemoryKeyValue({ defer }), slots: new MemorySlots({ defer }) }
    BlockLog.bootstrap(this.disk.kv, { identity, conf, slots: this.disk.slots }, () => {})
    this.steps.run()
    this.#remember()
  }

  write(list: readonly Write[], crash: { steps: number; stored: boolean; slot: PendingSlot }): void {
    let log: BlockLog | undefined
    BlockLog.open(this.disk.kv, { name: 'model', slots: this.disk.slots, identity }, (_, opened) => {
      log = opened
    })
    this.steps.run()
    expect(log?.findings).toEqual([])
    for (const [i, write] of list.entries()) {
      const isLast = i === list.length - 1
      if (log !== undefined) this.#writeOne(log, write, { seq: i + 1, steps: isLast ? crash.steps : undefined })
    }
    const { defer } = this.steps
    this.disk = { kv: this.disk.kv.crash(crash.stored ? 1 : 0, { defer }), slots: this.disk.slots.crash(crash.slot, { defer }) }
    this.#remember()
  }

  #writeOne(log: BlockLog, write: Write, { seq, steps }: { seq: number; steps: number | undefined }): void {
    if (write.kind === 'compact') {
      const at = this.state.entries[Math.floor(this.state.entries.length / 2)]
      if (at === undefined) return
      log.compact({ id: { term: at.term, index: at.index }, conf }, () => {})
      // Nothing is promised with it: before or after, it holds the same.
      this.state = {
        ...this.state,
        base: { id: { term: at.term, index: at.index }, conf },
        entries: this.state.entries.filter(({ index }) => index > at.index),
      }
      this.steps.run()
      this.#remember()
      return
    } else {
      const persist = persistOf(this.state, write, seq)
      for (const entry of persist.entries) this.written.add(nameOf(entry))
      this.underWay = after(this.state, persist)
      log.appendEntries(persist, (error) => {
        if (error === undefined && this.underWay !== undefined) this.state = this.underWay
        this.underWay = undefined
      })
    }
    this.steps.run(steps)
    if (steps === undefined) this.#remember()
  }

  #remember(): void {
    this.history.push(copyOf(this.disk.kv, this.steps))
  }

  spoil(damage: Damage): void {
    const { kv, slots } = this.disk
    const { keys } = kv
    const keyAt = (at: number): Uint8Array => keys[at % keys.length] ?? new Uint8Array(0)
    if (damage.kind === 'record') kv.poke(keyAt(damage.at), spoilt(kv.peek(keyAt(damage.at)) ?? Buffer.alloc(1), damage))
    else if (damage.kind === 'records') {
      const [a, b] = [keyAt(damage.at), keyAt(damage.other)]
      const [first, second] = [kv.peek(a), kv.peek(b)]
      kv.poke(b, first)
      if (damage.swap) kv.poke(a, second)
    } else if (damage.kind === 'lostBatches') {
      const older = this.history.at(-1 - damage.count) ?? this.history[0]
      if (older !== undefined) this.disk = { kv: copyOf(older, this.steps), slots }
    } else if (damage.kind === 'lostBatch') this.#loseOne(damage.at)
    else if (damage.kind === 'slot')
      slots.poke(
        damage.position,
        spoilt(slots.peek(damage.position), { byte: damage.byte % 200, change: damage.change }) ?? new Uint8Array(0),
      )
    else if (damage.kind === 'sameSlots') slots.poke(damage.position, slots.peek(damage.position === 0 ? 1 : 0))
    else if (damage.kind === 'slots') for (const position of [0, 1] as const) slots.poke(position, new Uint8Array(0))
  }

  /** One batch has left no trace, the later ones have: what a damaged place in LevelDB's own log does. */
  #loseOne(at: number): void {
    const lost = 1 + (at % Math.max(this.history.length - 1, 1))
    const [before, afterLost] = [this.history[lost - 1], this.history[lost]]
    if (before === undefined || afterLost === undefined) return
    const names = new Map([...before.keys, ...afterLost.keys].map((key) => [Buffer.from(key).toString('hex'), key]))
    for (const key of names.values()) {
      const [was, became, is] = [before.peek(key), afterLost.peek(key), this.disk.kv.peek(key)]
      const isItsOwn = !same(was, became) && same(became, is)
      if (isItsOwn) this.disk.kv.poke(key, was)
    }
  }

  /** Opens what is left; `crash`: once more, after a crash in the middle of that. */
  check(crash: { steps: number; stored: boolean; slot: PendingSlot } | undefined): void {
    const { defer } = this.steps
    if (crash !== undefined) {
      BlockLog.open(this.disk.kv, { name: 'model', slots: this.disk.slots, identity }, () => {})
      this.steps.run(crash.steps * 3)
      this.disk = { kv: this.disk.kv.crash(crash.stored ? 1 : 0, { defer }), slots: this.disk.slots.crash(crash.slot, { defer }) }
    }
    const log = open(this.disk, this.steps)
    if (log instanceof Error) throw log
    this.#checkHardState(log)
    const entries = readAll(log, this.steps)
    for (const entry of entries) expect(this.written, 'holds only what was written').toContain(nameOf(entry))
    const { fence } = log.summary
    if (fence === undefined) this.#checkWhole(log, entries)
    else if (fence.floor !== undefined) {
      // The write under way may be durable, though nobody was told, and may have truncated.
      const durable = this.underWay ?? this.state
      const least = compareIds(lastOf(durable), lastOf(this.state)) < 0 ? durable : this.state
      expect(compareIds(fence.floor, lastOf(least)), 'the floor is no lower than what was acknowledged').toBeGreaterThanOrEqual(0)
      expect(compareIds(log.end, fence.floor)).toBeLessThan(0)
    }
    const again = open({ kv: this.disk.kv.crash(0, { defer }), slots: this.disk.slots.crash('lost', { defer }) }, this.steps)
    if (again instanceof Error) throw again
    expect([again.summary, again.findings]).toEqual([log.summary, []])
  }

  #checkHardState({ summary: { hardState } }: BlockLog): void {
    // Without slots and without the record nothing tells; the node is fenced then, and asks.
    const { term, votedFor } = this.state.hardState
    expect(hardState.term).toBeGreaterThanOrEqual(term)
    if (hardState.term === term && votedFor !== undefined) expect(hardState.votedFor).toBe(votedFor)
  }

  #checkWhole(log: BlockLog, entries: readonly Entry[]): void {
    const candidates = [this.state, ...(this.underWay === undefined ? [] : [this.underWay])]
    const isOne = candidates.some((state) => {
      const firstIndex = Math.max(log.firstIndex, state.base.id.index + 1)
      const names = (list: readonly Entry[]): string =>
        list
          .filter(({ index }) => index >= firstIndex)
          .map(nameOf)
          .join()
      return log.latestLogIndex === lastOf(state).index && names(entries) === names(state.entries)
    })
    expect(isOne, 'a log without a fence is as it was acknowledged, or as the write under way made it').toBe(true)
  }
}

const nameOf = ({ term, index, data }: Entry): string => `${term} ${index} ${Buffer.from(data).toString()}`
const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0

function spoilt(bytes: Uint8Array, { byte, change }: { byte: number; change: string }): Uint8Array | undefined {
  const at = byte % Math.max(bytes.length, 1)
  const copy = Buffer.from(bytes)
  if (change === 'delete') return undefined
  if (change === 'cut') return copy.subarray(0, at)
  if (change === 'zero') return copy.fill(0, at, Math.min(at + 64, copy.length))
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ 0x10
  return copy
}

test('whatever happens to one of database and slots, no promise is forgotten, and nothing is held that was not written', () => {
  fc.assert(
    fc.property(
      fc.array(writes, { minLength: 1, maxLength: 10 }),
      crashes,
      damages,
      fc.option(crashes, { nil: undefined }),
      (list, crash, damage, again) => {
        const play = new Play()
        play.write(list, crash)
        play.spoil(damage)
        play.check(again)
      },
    ),
    { numRuns: 3_000 },
  )
}, 60_000)
