import { describe, expect, test } from 'vitest'
import { type ConfState, confOfVoters, type Entry } from '../../src/core/index.ts'
import { Replica } from '../../src/machine/replica.ts'
import type { StateMachine } from '../../src/machine/state-machine.ts'
import type { NodeEvent } from '../../src/node/index.ts'
import { Snapshotter } from '../../src/node/snapshotter.ts'
import { MemorySnapshots } from './memory-snapshots.ts'
import { lines, memberOf } from './nodes.ts'

const conf = confOfVoters([memberOf(1)])
const later = confOfVoters([memberOf(1), memberOf(2)])

/** Gives its state in so many parts. `given`: what was taken of it. */
function parted(count: number, bytes = 100_000) {
  const machine = {
    ...lines(),
    given: 0,
    *snapshotParts(): Generator<Uint8Array> {
      for (let i = 0; i < count; i++) {
        machine.given += 1
        yield new Uint8Array(bytes).fill(i)
      }
    },
  }
  return machine
}

/** The same, of a frozen state. */
function frozen(count: number, bytes = 100_000) {
  const { snapshotParts, ...machine } = parted(count, bytes)
  return { ...machine, frozenSnapshotParts: snapshotParts }
}

interface TakingOptions {
  readonly machine?: StateMachine
  readonly snapshotEntries?: number
  readonly applySliceMs?: number
  readonly id?: number
}

class Taking {
  now = 1_000
  /** The store has answered: another turn. */
  isAwake = false
  readonly #tasks: (() => void)[] = []
  readonly snapshots = new MemorySnapshots((task) => void this.#tasks.push(task))
  readonly events: NodeEvent[] = []
  readonly replica: Replica
  readonly snapshotter: Snapshotter

  /** Of node 21, whose entries are the last of each number of them, as long as that is below 46. */
  constructor({ machine = lines(), snapshotEntries = 4, applySliceMs = 5, id = 21 }: TakingOptions = {}) {
    const { snapshots } = this
    this.replica = new Replica(machine)
    this.snapshotter = new Snapshotter(
      {
        id,
        snapshots,
        replica: this.replica,
        clock: { monotonicMs: () => this.now, wallMs: () => this.now },
        limits: { snapshotEntries, snapshotLogBytes: 1_000_000, applySliceMs },
        wake: () => {
          this.isAwake = true
        },
        report: (event) => void this.events.push(event),
      },
      conf,
    )
  }

  /** One entry is applied, then a turn ends. */
  apply(of?: ConfState): void {
    const index = this.replica.lastApplied + 1
    const entry: Entry = { term: 2, index, kind: of === undefined ? 'noop' : 'conf', data: new Uint8Array(0), conf: of }
    this.replica.pass(entry)
    this.snapshotter.passed(entry)
    this.turn()
  }

  turn(): void {
    this.isAwake = false
    this.snapshotter.advance()
    this.snapshotter.maybeTake()
  }

  /** What the store has to do is done, and a turn follows when somebody asks for it. True when anything happened. */
  step(): boolean {
    const tasks = this.#tasks.splice(0)
    for (const task of tasks) task()
    const isAwake = this.isAwake
    if (isAwake) this.turn()
    return tasks.length > 0 || isAwake
  }

  settle(): void {
    while (this.step());
  }

  demand(): void {
    this.snapshotter.request()
    this.turn()
  }
}

describe('a snapshot', () => {
  test('is of the state and the configuration at its index, whatever follows while it is written', () => {
    const taking = new Taking()
    for (const of of [undefined, undefined, undefined, undefined, later]) taking.apply(of)
    taking.settle()
    expect(taking.snapshots.list).toMatchObject([{ id: { term: 2, index: 4 }, conf }])
    for (let i = 0; i < 4; i++) taking.apply()
    taking.settle()
    expect(taking.snapshots.list[0]).toMatchObject({ id: { index: 8 }, conf: later })
  })

  test('is not begun while another is written', () => {
    const taking = new Taking({ snapshotEntries: 1 })
    for (let i = 0; i < 5; i++) taking.apply()
    taking.settle()
    taking.turn()
    taking.settle()
    expect(taking.snapshots.indexes).toEqual([5, 1])
  })

  test('is taken on demand, but not twice of the same state, nor of none', () => {
    const taking = new Taking({ snapshotEntries: 1_000 })
    const demand = () => {
      taking.demand()
      taking.settle()
    }
    demand()
    expect(taking.snapshots.indexes).toEqual([])
    taking.apply()
    demand()
    demand()
    expect(taking.events.map(({ kind }) => kind)).toEqual(['snapshotTaken'])
    expect(taking.snapshots.indexes).toEqual([1])
  })

  test('tells how long it kept the node from anything else at a time, the drawing of it included', () => {
    const longest = (frozenMs: number, partMs: readonly number[]) => {
      const machine = {
        ...lines(),
        *frozenSnapshotParts(): Generator<Uint8Array> {
          for (const ms of partMs) {
            taking.now += ms
            yield new Uint8Array(100_000)
          }
        },
      }
      const { frozenSnapshotParts } = machine
      machine.frozenSnapshotParts = () => {
        taking.now += frozenMs
        return frozenSnapshotParts()
      }
      const taking: Taking = new Taking({ machine, snapshotEntries: 1_000 })
      taking.apply()
      taking.demand()
      for (let turn = 0; turn < 1_000 && taking.events.length === 0; turn++) {
        taking.now += 1
        taking.turn()
        taking.step()
      }
      return taking.events.flatMap((event) => (event.kind === 'snapshotTaken' ? [event.longestMs] : []))
    }
    expect(longest(3, [1, 2, 1])).toEqual([3])
    // The first two come in one slice.
    expect(longest(0, [1, 7, 2])).toEqual([8])
  })

  test('that could not be written is not tried at every demand', () => {
    const taking = new Taking({ snapshotEntries: 1_000 })
    taking.apply()
    taking.snapshots.failure = new Error('no space left')
    for (let i = 0; i < 20; i++) {
      taking.now += 1_000
      taking.demand()
      taking.settle()
    }
    expect(taking.events).toHaveLength(2)
    expect(taking.events[0]).toMatchObject({ kind: 'snapshotFailed', index: 1, error: { message: 'no space left' } })
  })

  test('that its machine fails at is reported, and the node goes on', () => {
    const snapshot = () => {
      throw new Error('a list of lists')
    }
    const taking = new Taking({ machine: { ...lines(), snapshot } })
    for (let i = 0; i < 8; i++) taking.apply()
    expect(taking.events.map((event) => event.kind === 'snapshotFailed' && [event.index, event.error.message])).toEqual([
      [4, 'a list of lists'],
      [8, 'a list of lists'],
    ])
  })
})

describe('a large state', () => {
  test('is encoded a slice a turn, the next only when that is written', () => {
    const machine = parted(10)
    const taking = new Taking({ machine })
    for (let i = 0; i < 4; i++) taking.apply()
    // One is looked ahead, to see whether there is more.
    expect(machine.given).toBeLessThanOrEqual(3)
    const given = machine.given
    for (let i = 0; i < 5; i++) taking.turn()
    expect(machine.given).toBe(given)
    const slices: number[] = []
    for (let before = given; taking.step(); before = machine.given) slices.push(machine.given - before)
    expect(Math.max(...slices)).toBeLessThanOrEqual(2)
    expect(machine.given).toBe(10)
    expect(taking.snapshots.list[0]?.bytes).toBeGreaterThan(1_000_000)
  })

  test('is encoded until time is up, however little that was', () => {
    const machine = parted(10, 1_000)
    const taking = new Taking({ machine, applySliceMs: 0 })
    for (let i = 0; i < 4; i++) taking.apply()
    expect(taking.snapshotter.isEncoding).toBe(true)
    expect(machine.given).toBe(0)
    taking.settle()
    expect(taking.snapshots.list[0]?.bytes).toBeGreaterThan(10_000)
  })

  test('of a frozen state holds nothing up', () => {
    const taking = new Taking({ machine: frozen(10) })
    for (let i = 0; i < 4; i++) taking.apply()
    expect([taking.snapshotter.isWriting, taking.snapshotter.isEncoding]).toEqual([true, false])
    taking.apply(later)
    taking.settle()
    expect(taking.snapshots.list[0]).toMatchObject({ id: { index: 4 }, conf })
  })

  test('of a frozen state leaves five sixths of the time to commands, and takes all of it when there are none', () => {
    const sliceMs = 2
    const slices = 12
    const take = ({ isBusy }: { readonly isBusy: boolean }): number => {
      const frozenSnapshotParts = function* (): Generator<Uint8Array> {
        for (let i = 0; i < slices; i++) {
          taking.now += sliceMs
          yield new Uint8Array(65_536)
        }
      }
      const taking: Taking = new Taking({ machine: { ...lines(), frozenSnapshotParts }, snapshotEntries: 1_000 })
      taking.apply()
      taking.demand()
      const begunAt = taking.now
      for (let turn = 0; turn < 1_000 && taking.events.length === 0; turn++) {
        taking.now += 1
        if (isBusy) taking.apply()
        else taking.turn()
        taking.step()
      }
      expect(taking.events.map(({ kind }) => kind)).toEqual(['snapshotTaken'])
      return taking.now - begunAt
    }
    expect(take({ isBusy: true })).toBeGreaterThan(slices * sliceMs * 5)
    expect(take({ isBusy: true })).toBeLessThan(slices * sliceMs * 9)
    expect(take({ isBusy: false })).toBeLessThan(slices * sliceMs * 3)
  })

  test('must stay as it is until the last of it was read, and then a turn is asked for', () => {
    const machine = parted(10)
    const taking = new Taking({ machine })
    for (let i = 0; i < 4; i++) taking.apply()
    while (machine.given < 10) {
      expect(taking.snapshotter.isEncoding).toBe(true)
      taking.step()
    }
    while (taking.snapshotter.isEncoding) taking.step()
    expect(taking.isAwake).toBe(true)
    expect(taking.snapshots.list).toEqual([])
    // What is applied from here on is in the next one.
    taking.apply(later)
    taking.settle()
    expect(taking.snapshots.list).toMatchObject([{ id: { index: 4 }, conf }])
  })

  test('of a machine that gives it in one part may change while that is written', () => {
    const snapshot = () => new Uint8Array(1_000_000)
    const taking = new Taking({ machine: { ...lines(), snapshot } })
    for (let i = 0; i < 4; i++) taking.apply()
    expect([taking.snapshotter.isEncoding, taking.snapshotter.isWriting]).toEqual([false, true])
  })

  test('that is about to be replaced is not encoded any further, and another can be taken after it', () => {
    const machine = parted(10)
    const taking = new Taking({ machine })
    for (let i = 0; i < 4; i++) taking.apply()
    const given = machine.given
    taking.snapshotter.cancel()
    expect([taking.snapshotter.isEncoding, taking.snapshotter.isWriting]).toEqual([false, true])
    taking.settle()
    expect(taking.snapshotter.isWriting).toBe(false)
    expect([machine.given, taking.snapshots.list, taking.events]).toEqual([given, [], []])
    taking.snapshotter.restored(4, later)
    taking.apply()
    taking.demand()
    taking.settle()
    expect(taking.snapshots.list).toMatchObject([{ id: { index: 5 }, conf: later }])
  })

  test('that is none that the log leads to is not written, neither what was being made of it nor what was set aside', () => {
    const taking = new Taking({ machine: frozen(10) })
    for (let i = 0; i < 5; i++) taking.apply()
    taking.snapshotter.takeThis()
    taking.snapshotter.abandon()
    taking.settle()
    taking.snapshotter.restored(5, conf)
    for (let i = 0; i < 3; i++) {
      taking.turn()
      taking.settle()
    }
    expect([taking.snapshots.list, taking.events]).toEqual([[], []])
  })

  test('that cannot be written in the middle is held no longer', () => {
    const machine = parted(10)
    const taking = new Taking({ machine })
    for (let i = 0; i < 4; i++) taking.apply()
    taking.step()
    taking.snapshots.failure = new Error('no space left')
    while (taking.snapshotter.isEncoding) expect(taking.step()).toBe(true)
    expect(taking.isAwake).toBe(true)
    expect(taking.events).toMatchObject([{ kind: 'snapshotFailed', index: 4 }])
    expect(taking.snapshotter.isWriting).toBe(false)
    expect(machine.given).toBeLessThan(10)
  })

  test('at which its machine fails in the middle leaves nothing behind', () => {
    const whole = parted(3)
    const machine = {
      ...whole,
      *snapshotParts(): Generator<Uint8Array> {
        yield* whole.snapshotParts()
        throw new Error('a list of lists')
      },
    }
    const taking = new Taking({ machine })
    for (let i = 0; i < 4; i++) taking.apply()
    taking.settle()
    expect(taking.events).toMatchObject([{ kind: 'snapshotFailed', index: 4, error: { message: 'a list of lists' } }])
    expect([taking.snapshotter.isEncoding, taking.snapshotter.isWriting]).toEqual([false, false])
    expect(taking.snapshots.list).toEqual([])
  })
})

describe('the nodes of a cluster', () => {
  /** Where each of them takes its snapshots. */
  function taken(id: number, { entries = 300, snapshotEntries = 100 } = {}): readonly number[] {
    const taking = new Taking({ id, snapshotEntries })
    for (let i = 0; i < entries; i++) {
      taking.apply()
      taking.settle()
    }
    return taking.events.map((event) => (event.kind === 'snapshotTaken' ? event.index : 0))
  }

  test('take their snapshots at different entries, each as often as it should', () => {
    expect([1, 2, 3, 4, 5].map((id) => taken(id))).toEqual([
      [62, 162, 262],
      [24, 124, 224],
      [86, 186, 286],
      [48, 148, 248],
      [10, 110, 210],
    ])
  })

  test('come back to their own entries after one on demand', () => {
    const taking = new Taking({ id: 1, snapshotEntries: 100 })
    for (let i = 1; i <= 300; i++) {
      taking.apply()
      if (i === 100 || i === 220) taking.demand()
      taking.settle()
    }
    expect(taking.events.map((event) => event.kind === 'snapshotTaken' && event.index)).toEqual([62, 100, 162, 220])
  })
})
