import { describe, expect, test } from 'vitest'
import { confOfVoters, type Index, type NodeId, noConf, type SnapshotRequest } from '../../src/core/index.ts'
import { Replica } from '../../src/machine/replica.ts'
import { ConfWatch } from '../../src/node/conf-watch.ts'
import type { NodeEvent } from '../../src/node/index.ts'
import { SnapshotShelf } from '../../src/node/snapshot-shelf.ts'
import { SnapshotSource } from '../../src/node/snapshot-source.ts'
import { checksum } from '../../src/storage/checksum.ts'
import { MemorySnapshots } from './memory-snapshots.ts'
import { lines, memberOf } from './nodes.ts'

const conf = confOfVoters([1, 2, 3].map((id) => memberOf(id)))
const contentOf = (index: Index): Buffer => Buffer.alloc(100_000, `${index}.`)

/** Node 1, whose state is that after entry 50. */
class Store {
  now = 1_000
  readonly tasks: (() => void)[] = []
  readonly snapshots = new MemorySnapshots((task) => void this.tasks.push(task))
  readonly events: NodeEvent[] = []
  readonly wanted: Index[] = []
  readonly inUse = new Set<Index>()
  isSound = true
  readonly replica = new Replica(lines())
  readonly shelf: SnapshotShelf
  readonly source: SnapshotSource

  constructor(...indexes: readonly Index[]) {
    const { snapshots, replica } = this
    const clock = { monotonicMs: () => this.now, wallMs: () => this.now }
    const report = (event: NodeEvent) => void this.events.push(event)
    replica.restore(
      { lastApplied: { term: 3, index: 50 }, now: 0, ceiling: 0, ceilingTerm: 0, sessions: [], skipped: [], begunAt: 0 },
      new Uint8Array(0),
    )
    this.shelf = new SnapshotShelf({ snapshots, replica, clock, isInUse: (index) => this.inUse.has(index), report })
    const isSound = () => this.isSound
    const wanted = (index: Index) => void this.wanted.push(index)
    this.source = new SnapshotSource({ id: 1, snapshots, shelf: this.shelf, isSound, wanted, wake: () => {}, report })
    for (const index of indexes) this.put(index)
  }

  put(index: Index): void {
    const content = contentOf(index)
    this.snapshots.put({ id: { term: 3, index }, conf, bytes: content.length, checksum: checksum(content) }, content)
  }

  ask(from: NodeId, { minIndex = 1, of = undefined, offset = 0 }: Partial<SnapshotRequest> = {}): void {
    this.source.receive({ kind: 'SnapshotRequest', from, to: 1, term: 3, minIndex, of, offset })
  }

  /** Of each answer: for whom, of which snapshot, from where, how much. */
  answers(): readonly string[] {
    for (const task of this.tasks.splice(0)) task()
    return this.source
      .takeAnswers()
      .map(
        ({ to, snapshot, offset, data }) => `${to}: ${snapshot === undefined ? 'none' : `${snapshot.id.index} ${offset}+${data.length}`}`,
      )
  }
}

describe('whoever asks for a snapshot', () => {
  test('is given none by a node whose state cannot be trusted, and none is taken for it', () => {
    const store = new Store(40, 45)
    store.isSound = false
    store.ask(2)
    expect(store.answers()).toEqual(['2: none'])
    expect(store.wanted).toEqual([])
    store.isSound = true
    store.ask(2)
    expect(store.answers().at(-1)).toContain('45 0+')
  })

  test('is given a piece of the newest, then of that one', () => {
    const store = new Store(40, 45)
    store.ask(2)
    expect(store.answers()).toEqual(['2: 45 0+65536'])
    store.put(50)
    const of = { id: { term: 3, index: 45 }, checksum: checksum(contentOf(45)) }
    store.ask(2, { of, offset: 65_536 })
    expect(store.answers()).toEqual(['2: 45 65536+34464'])
  })

  test.each([
    ['the one asked for is another by its checksum', { of: { id: { term: 3, index: 45 }, checksum: 1 } }],
    ['the one asked for is another by its term', { of: { id: { term: 2, index: 45 }, checksum: checksum(contentOf(45)) } }],
    ['the one asked for has no such piece', { of: { id: { term: 3, index: 45 }, checksum: checksum(contentOf(45)) }, offset: 100_000 }],
    ['there is none so new', { minIndex: 46 }],
  ])('is told that there is none, when %s', (_, asked) => {
    const store = new Store(45)
    store.ask(2, asked)
    expect(store.answers()).toEqual(['2: none'])
  })

  test('has one taken only where none is new enough, not where its own is gone', () => {
    const store = new Store(45)
    store.ask(2, { of: { id: { term: 3, index: 40 }, checksum: 7 } })
    expect(store.wanted).toEqual([])
    store.ask(2, { minIndex: 48 })
    expect(store.wanted).toEqual([48])
  })

  test('is not given one that this node has fetched, and not reached itself', () => {
    const store = new Store(45, 60)
    store.ask(2)
    expect(store.answers()).toEqual(['2: 45 0+65536'])
    store.ask(3, { minIndex: 51 })
    expect(store.answers()).toEqual(['3: none'])
  })

  test('is told that there is none when it is found to be damaged', () => {
    const store = new Store(45)
    store.snapshots.damage(45)
    store.ask(2)
    expect(store.answers()).toEqual(['2: none'])
    expect(store.events).toMatchObject([{ kind: 'snapshotFailed', index: 45, error: { code: 'STORAGE_DAMAGED' } }])
  })

  test('has one piece read at a time; no more than eight are read for all, the rest ask again', () => {
    const store = new Store(45)
    for (const from of [2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) store.ask(from)
    expect(store.tasks).toHaveLength(8)
    expect(store.answers().map((answer) => answer.split(':')[0])).toEqual(['2', '3', '4', '5', '6', '7', '8', '9'])
    store.ask(11)
    expect(store.answers()).toHaveLength(1)
  })
})

describe('snapshots that newer ones have superseded', () => {
  test('go, all but the two newest', () => {
    const store = new Store(10, 20, 30)
    store.shelf.prune()
    expect(store.snapshots.indexes).toEqual([30, 20])
    expect(store.shelf.coveredIndex).toBe(20)
  })

  test('stay while somebody fetches them, and ten seconds longer', () => {
    const store = new Store(10, 20)
    store.ask(2)
    store.ask(3, { of: { id: { term: 3, index: 10 }, checksum: checksum(contentOf(10)) } })
    for (const index of [30, 40]) store.put(index)
    store.shelf.prune()
    expect(store.snapshots.indexes).toEqual([40, 30, 20, 10])
    store.answers()
    store.now += 9_000
    store.ask(2, { of: { id: { term: 3, index: 20 }, checksum: checksum(contentOf(20)) } })
    store.shelf.pruneLater()
    expect(store.snapshots.indexes).toEqual([40, 30, 20, 10])
    store.now += 1_000
    store.shelf.pruneLater()
    expect(store.snapshots.indexes).toEqual([40, 30, 20])
    store.now += 10_000
    store.shelf.pruneLater()
    expect(store.snapshots.indexes).toEqual([40, 30])
  })

  test('are never more than four, whoever fetches them', () => {
    const store = new Store()
    for (const [from, index] of [10, 20, 30, 40, 50].entries()) {
      store.put(index)
      store.ask(from + 2)
    }
    store.shelf.prune()
    expect(store.snapshots.indexes).toEqual([50, 40, 30, 20])
  })

  test('are not superseded by one that the state has not reached: it was fetched, and may never be used', () => {
    const store = new Store(10, 20, 60, 70)
    store.shelf.prune()
    expect(store.snapshots.indexes).toEqual([70, 20, 10])
    expect(store.shelf.coveredIndex).toBe(10)
  })

  test('stay while they are on their way to become the state', () => {
    const store = new Store(10, 20, 60, 70)
    store.inUse.add(60)
    store.shelf.prune()
    expect(store.snapshots.indexes).toEqual([70, 60, 20, 10])
    store.inUse.clear()
    store.shelf.prune()
    expect(store.snapshots.indexes).toEqual([70, 20, 10])
  })

  test('go once the state has passed them, where nobody ever looked into them: they cover nothing', () => {
    const store = new Store(10, 20, 50)
    const [newest] = store.snapshots.list
    if (newest === undefined) throw new Error('it is not listed')
    store.shelf.doubt(newest)
    expect(store.shelf.coveredIndex).toBe(10)
    store.ask(2)
    expect(store.answers()).toEqual(['2: 20 0+65536'])
    store.shelf.prune()
    expect(store.snapshots.indexes).toEqual([20, 10])
  })

  test('count as soon as somebody has looked into them', () => {
    const store = new Store(20, 50)
    const [newest] = store.snapshots.list
    if (newest === undefined) throw new Error('it is not listed')
    store.shelf.doubt(newest)
    store.shelf.trust(newest)
    expect(store.shelf.coveredIndex).toBe(20)
    expect(store.shelf.newest(1)).toEqual(newest)
  })

  test('hold the log back while there is only one: there is nothing else to fall back to', () => {
    expect(new Store(30).shelf.coveredIndex).toBe(0)
  })
})

describe('the host of a node', () => {
  const watch = (incarnation = 1) => {
    const told: string[] = []
    const confWatch = new ConfWatch(
      {
        id: 3,
        clusterId: 'blue',
        incarnation,
        electionTimeoutMs: 1_000,
        confChanged: (newest, committed) => void told.push(`${newest.members.length} members, ${committed.members.length} committed`),
        report: ({ kind }) => void told.push(kind),
        fail: ({ message }) => void told.push(message),
      },
      { conf, committedConf: conf },
    )
    return { told, confWatch }
  }
  const smaller = { ...confOfVoters([1, 2].map((id) => memberOf(id))), removed: [3] }

  test('is told of a configuration when it is in the log, and again when it is committed', () => {
    const { told, confWatch } = watch()
    confWatch.turn({ conf, committedConf: conf }, 0)
    confWatch.turn({ conf: smaller, committedConf: conf }, 10)
    confWatch.turn({ conf: smaller, committedConf: conf }, 20)
    expect(told).toEqual(['2 members, 3 committed'])
    confWatch.turn({ conf: smaller, committedConf: smaller }, 30)
    expect(told.slice(1)).toEqual(['2 members, 2 committed', 'confCommitted'])
  })

  test('is told that the node was removed once that is committed, an election timeout later', () => {
    const { told, confWatch } = watch()
    confWatch.turn({ conf: smaller, committedConf: conf }, 0)
    confWatch.turn({ conf: smaller, committedConf: smaller }, 5_000)
    confWatch.turn({ conf: smaller, committedConf: smaller }, 5_990)
    expect(told.at(-1)).toBe('confCommitted')
    confWatch.turn({ conf: smaller, committedConf: smaller }, 6_000)
    expect(told.at(-1)).toBe(
      'node 3 was removed from cluster blue: stop starting it; to use this machine again, `join` on an empty directory with a new id',
    )
  })

  test('is told when the id has come back with another disk, and not when the configuration is older than the node', () => {
    const replaced = { ...conf, members: [memberOf(1), memberOf(2), memberOf(3, 2)] }
    const old = watch()
    const back = watch(2)
    for (const now of [0, 1_000]) {
      old.confWatch.turn({ conf: replaced, committedConf: replaced }, now)
      back.confWatch.turn({ conf, committedConf: conf }, now)
    }
    expect(old.told.at(-1)).toBe('node 3 is in cluster blue with incarnation 2: this one, 1, has been replaced; delete this directory')
    expect(back.told).toEqual([])
  })

  test('is told nothing of a node that nobody knows yet', () => {
    const { told, confWatch } = watch()
    for (const now of [0, 2_000]) confWatch.turn({ conf: noConf, committedConf: noConf }, now)
    expect(told.at(-1)).toBe('confCommitted')
  })
})
