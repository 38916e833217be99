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

class Taking {
  now = 1_000
  readonly #tasks: (() => void)[] = []
  readonly snapshots = new MemorySnapshots((task) => void this.#tasks.push(task))
  readonly events: NodeEvent[] = []
  readonly replica: Replica
  readonly snapshotter: Snapshotter

  constructor({ machine = lines(), snapshotEntries = 4 }: { machine?: StateMachine; snapshotEntries?: number } = {}) {
    const { snapshots } = this
    this.replica = new Replica(machine)
    this.snapshotter = new Snapshotter(
      {
        snapshots,
        replica: this.replica,
        clock: { monotonicMs: () => this.now, wallMs: () => this.now },
        limits: { snapshotEntries, snapshotLogBytes: 1_000_000 },
        wake: () => {},
        report: (event) => void this.events.push(event),
      },
      conf,
    )
  }

  /** One entry is applied, then a turn ends. */
  apply(of?: ConfState): void {
    const index = this.replica.lastApplied + 1
    const entry: Entry = { term: 2, index, kind: of === undefined ? 'noop' : 'conf', data: new Uint8Array(0), conf: of }
    this.replica.skip(entry)
    this.snapshotter.passed(entry)
    this.snapshotter.maybeTake()
  }

  settle(): void {
    while (this.#tasks.length > 0) for (const task of this.#tasks.splice(0)) task()
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
    taking.snapshotter.maybeTake()
    taking.settle()
    expect(taking.snapshots.indexes).toEqual([5, 1])
  })

  test('is taken on demand, but not twice of the same state, nor of none', () => {
    const taking = new Taking({ snapshotEntries: 1_000 })
    const demand = () => {
      taking.snapshotter.request()
      taking.snapshotter.maybeTake()
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

  test('that could not be written is not tried at every demand', () => {
    const taking = new Taking({ snapshotEntries: 1_000 })
    taking.apply()
    taking.snapshots.failure = new Error('no space left')
    for (let i = 0; i < 20; i++) {
      taking.now += 1_000
      taking.snapshotter.request()
      taking.snapshotter.maybeTake()
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
