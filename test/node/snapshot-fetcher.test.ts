import { describe, expect, test } from 'vitest'
import {
  type ConfState,
  confOfVoters,
  type NodeId,
  type SnapshotChunk,
  type SnapshotMeta,
  type SnapshotRequest,
} from '../../src/core/index.ts'
import type { NodeEvent } from '../../src/node/index.ts'
import { SnapshotFetcher } from '../../src/node/snapshot-fetcher.ts'
import { checksum } from '../../src/storage/checksum.ts'
import { MemorySnapshots } from './memory-snapshots.ts'
import { memberOf } from './nodes.ts'

const kibibyte = 1_024
const pieceBytes = 64 * kibibyte
const conf = confOfVoters([1, 2, 3].map((id) => memberOf(id)))

type Asked = Omit<SnapshotRequest, 'from' | 'term'>

/** Content as large as asked for, different for each index. */
const contentOf = (index: number, bytes = 300 * kibibyte): Buffer => Buffer.alloc(bytes, `${index}.`)
function metaOf(index: number, content = contentOf(index)): SnapshotMeta {
  return { id: { term: 2, index }, conf, bytes: content.length, checksum: checksum(content) }
}

/** Node 1 fetches; 2 and 3 have what a test gives them, and 3 leads. */
class Fetching {
  now = 1_000
  readonly #tasks: (() => void)[] = []
  readonly store = new MemorySnapshots((task) => void this.#tasks.push(task))
  readonly events: NodeEvent[] = []
  readonly asked: Asked[] = []
  readonly has = new Map<NodeId, SnapshotMeta[]>([
    [2, []],
    [3, []],
  ])
  /** These do not answer. */
  readonly silent = new Set<NodeId>()
  readonly terms = new Map<NodeId, number>()
  readonly fetcher: SnapshotFetcher
  received: unknown[] = []
  /** What becomes of each that was received. */
  judge: (fetcher: SnapshotFetcher) => void = (fetcher) => fetcher.accept()

  readonly #conf: ConfState

  constructor({ bytesPerSecond = 1_024 * 1_024 * 1_024, incarnation = 1, members = 3 } = {}) {
    this.#conf = confOfVoters(Array.from({ length: members }, (_, i) => memberOf(i + 1)))
    this.fetcher = new SnapshotFetcher({
      id: 1,
      incarnation,
      seed: 5,
      snapshots: this.store,
      clock: { monotonicMs: () => this.now, wallMs: () => this.now },
      bytesPerSecond,
      wake: () => {},
      report: (event) => this.events.push(event),
    })
  }

  /** Everything that can happen without time passing. */
  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.#tasks.length > 0
      for (const task of this.#tasks.splice(0)) task()
      const received = this.fetcher.takeReceived()
      if (received !== undefined) {
        const { id, conf } = received.snapshot
        this.received.push({ base: { id, conf }, term: received.term })
        this.judge(this.fetcher)
      }
      const request = this.fetcher.next({ conf: this.#conf, leader: 3 })
      if (request === undefined) continue
      moved = true
      this.asked.push(request)
      const chunk = this.answer(request)
      if (!this.silent.has(request.to)) this.fetcher.receive(chunk)
    }
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 10) {
      this.now += 10
      this.settle()
    }
  }

  answer({ to, minIndex, of, offset }: Asked): SnapshotChunk {
    const header = { kind: 'SnapshotChunk', from: to, to: 1, term: this.terms.get(to) ?? 2, offset } as const
    const snapshot = this.has.get(to)?.find((one) => (of === undefined ? one.id.index >= minIndex : one.checksum === of.checksum))
    if (snapshot === undefined) return { ...header, snapshot, data: new Uint8Array(0) }
    return { ...header, snapshot, data: contentOf(snapshot.id.index, snapshot.bytes).subarray(offset, offset + pieceBytes) }
  }

  get offsets(): readonly string[] {
    return this.asked.map(({ to, offset }) => `${to}@${offset / kibibyte}`)
  }
}

describe('a node that needs a snapshot', () => {
  test('asks other followers before the leader, and never itself', () => {
    const fetching = new Fetching()
    fetching.fetcher.want(1)
    fetching.settle()
    expect(fetching.asked.map(({ to }) => to)).toEqual([2, 3])
  })

  test('fetches it piece by piece from the one that has it, and says from which term it is', () => {
    const fetching = new Fetching()
    fetching.has.set(3, [metaOf(40)])
    fetching.terms.set(3, 7)
    fetching.fetcher.want(30)
    fetching.settle()
    expect(fetching.offsets).toEqual(['2@0', '3@0', '3@64', '3@128', '3@192', '3@256'])
    expect(fetching.received).toEqual([{ base: { id: { term: 2, index: 40 }, conf }, term: 7 }])
    expect(contentOf(40).equals(fetching.store.content(40))).toBe(true)
    expect(fetching.fetcher.isActive).toBe(false)
  })

  test('does not take an older one than it needs', () => {
    const fetching = new Fetching()
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(41)
    fetching.pass(5_000)
    expect(fetching.store.list).toEqual([])
    expect(fetching.received).toEqual([])
  })

  test.each([
    ['nobody of its id', confOfVoters([2, 3].map((id) => memberOf(id))), confOfVoters([1, 2, 3].map((id) => memberOf(id)))],
    [
      'the voter that it was before it lost its disk',
      conf,
      { ...conf, members: conf.members.map((one) => ({ ...one, incarnation: one.id === 1 ? 2 : 1 })) },
    ],
  ])('passes over one that knows %s, and asks for a later one', (_, before, after) => {
    const incarnation = after.members.find(({ id }) => id === 1)?.incarnation ?? 0
    const fetching = new Fetching({ incarnation })
    fetching.has.set(2, [{ ...metaOf(40), conf: before }])
    fetching.fetcher.want(1)
    fetching.pass(1_000)
    expect(fetching.received).toEqual([])
    expect(fetching.store.list).toEqual([])
    expect(fetching.asked.at(-1)?.minIndex).toBe(41)
    fetching.has.set(3, [{ ...metaOf(50), conf: after }])
    fetching.pass(5_000)
    expect(fetching.received).toEqual([{ base: { id: { term: 2, index: 50 }, conf: after }, term: 2 }])
  })

  test('takes one that knows that it was removed: it has to find out', () => {
    const fetching = new Fetching()
    const removed = { ...confOfVoters([2, 3].map((id) => memberOf(id))), removed: [1] }
    fetching.has.set(2, [{ ...metaOf(40), conf: removed }])
    fetching.fetcher.want(1)
    fetching.settle()
    expect(fetching.received).toEqual([{ base: { id: { term: 2, index: 40 }, conf: removed }, term: 2 }])
  })

  test('asks again while nobody has one, ever more seldom', () => {
    const fetching = new Fetching()
    fetching.fetcher.want(1)
    fetching.pass(1_000)
    const first = fetching.asked.length
    fetching.pass(60_000)
    const later = fetching.asked.length
    fetching.pass(10_000)
    expect(first).toBeGreaterThan(5)
    expect(fetching.asked.length - later).toBe(10)
    fetching.has.set(2, [metaOf(9)])
    fetching.pass(2_000)
    expect(fetching.received).toHaveLength(1)
  })

  test('does not ask for what it was given already, and asks for what is newer', () => {
    const fetching = new Fetching()
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.settle()
    fetching.fetcher.want(40)
    expect(fetching.fetcher.isActive).toBe(false)
    fetching.fetcher.want(41)
    expect(fetching.fetcher.isActive).toBe(true)
  })

  test('reports how far it is at the start, about every second, and at the end', () => {
    const fetching = new Fetching({ bytesPerSecond: 128 * kibibyte })
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.pass(5_000)
    const progress = fetching.events.map((event) => (event.kind === 'snapshotFetching' ? event.offset / kibibyte : event.kind))
    expect(progress).toEqual([0, 192, 300])
  })
})

describe('a fetch that is interrupted', () => {
  test('goes on where it was when its source answers again', () => {
    const fetching = new Fetching({ bytesPerSecond: 1_024 * kibibyte })
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.pass(130)
    fetching.silent.add(2)
    fetching.pass(3_000)
    const written = fetching.store.written.length
    expect(written).toBeGreaterThan(1)
    fetching.silent.delete(2)
    fetching.pass(9_000)
    expect(fetching.received).toHaveLength(1)
    // Every piece once.
    expect(fetching.store.written).toHaveLength(5)
    expect(new Set(fetching.asked.slice(written).map(({ of }) => of?.checksum))).toEqual(new Set([metaOf(40).checksum]))
  })

  test('goes on at another member that has the same snapshot', () => {
    const fetching = new Fetching({ bytesPerSecond: 1_024 * kibibyte })
    fetching.has.set(2, [metaOf(40)])
    fetching.has.set(3, [metaOf(40)])
    fetching.terms.set(3, 5)
    fetching.fetcher.want(30)
    fetching.pass(130)
    fetching.silent.add(2)
    fetching.pass(100)
    fetching.fetcher.unreachable(2)
    fetching.pass(800)
    expect(fetching.store.written).toHaveLength(5)
    expect(fetching.asked.some(({ to }) => to === 3)).toBe(true)
    // The largest of those who gave a piece.
    expect(fetching.received).toMatchObject([{ term: 5 }])
  })

  test('starts over with another snapshot where nobody has the first one any more', () => {
    const fetching = new Fetching({ bytesPerSecond: 1_024 * kibibyte })
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.pass(130)
    fetching.has.set(2, [metaOf(60)])
    fetching.pass(5_000)
    expect(fetching.store.indexes).toEqual([60])
    expect(fetching.received).toMatchObject([{ base: { id: { index: 60 } } }])
  })

  test('starts over at another member when its source stays away', () => {
    const fetching = new Fetching({ bytesPerSecond: 1_024 * kibibyte })
    fetching.has.set(2, [metaOf(40)])
    fetching.has.set(3, [metaOf(50)])
    fetching.fetcher.want(30)
    fetching.pass(130)
    fetching.silent.add(2)
    fetching.pass(4_500)
    expect(fetching.received).toEqual([])
    fetching.pass(1_500)
    expect(fetching.received).toMatchObject([{ base: { id: { index: 50 } } }])
  })

  test('starts over within seconds when its source is gone, although another member never answers', () => {
    const fetching = new Fetching({ bytesPerSecond: 64 * kibibyte, members: 4 })
    fetching.has.set(2, [metaOf(40)])
    fetching.silent.add(4)
    fetching.fetcher.want(30)
    fetching.pass(2_300)
    expect(fetching.store.written.length).toBeGreaterThan(0)
    fetching.silent.add(2)
    fetching.has.set(3, [metaOf(50)])
    fetching.pass(7_500)
    expect(fetching.asked.at(-1)?.of?.id.index).toBe(50)
  })

  test('a member that never answers holds up nobody who does', () => {
    const fetching = new Fetching({ members: 4 })
    fetching.silent.add(2)
    fetching.silent.add(4)
    fetching.fetcher.want(30)
    fetching.pass(30_000)
    const before = fetching.asked.length
    fetching.pass(10_000)
    expect(fetching.asked.slice(before).filter(({ to }) => to === 3).length).toBeGreaterThanOrEqual(2)
    fetching.has.set(3, [metaOf(40)])
    fetching.pass(4_500)
    expect(fetching.received).toHaveLength(1)
  })

  test('takes the piece it waits for from whoever sends it, however late, and no piece twice', () => {
    const fetching = new Fetching()
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.silent.add(2)
    fetching.silent.add(3)
    const first = fetching.fetcher.next({ conf, leader: 3 })
    if (first === undefined) throw new Error('nothing was asked')
    const chunk = fetching.answer(first)
    fetching.fetcher.receive(chunk)
    fetching.fetcher.receive(chunk)
    fetching.pass(1_100)
    const [late] = fetching.asked
    if (late === undefined) throw new Error('the second piece was not asked for')
    fetching.fetcher.receive(fetching.answer(late))
    fetching.fetcher.receive(fetching.answer(late))
    fetching.settle()
    expect(fetching.store.written).toEqual([pieceBytes, pieceBytes])
  })

  test('begins anew when a newer snapshot is needed, and goes on when it is new enough', () => {
    const fetching = new Fetching({ bytesPerSecond: 1_024 * kibibyte })
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.pass(130)
    fetching.fetcher.want(40)
    fetching.pass(60)
    expect(fetching.asked.at(-1)?.offset).toBeGreaterThan(pieceBytes)
    fetching.fetcher.want(41)
    fetching.has.set(2, [metaOf(45)])
    fetching.pass(1_000)
    expect(fetching.store.indexes).toEqual([45])
  })

  test('leaves nothing behind when it is not needed any more', () => {
    const fetching = new Fetching({ bytesPerSecond: 1_024 * kibibyte })
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.pass(130)
    fetching.fetcher.cancel()
    fetching.pass(20)
    expect(fetching.fetcher.isActive).toBe(false)
    // Only one is written at a time: the store is free again.
    fetching.store.create({ id: { term: 1, index: 1 }, conf })
    expect(fetching.store.list).toEqual([])
  })
})

describe('what is wrong with a snapshot', () => {
  test('is found at its end: it is fetched again', () => {
    const fetching = new Fetching()
    const content = contentOf(40)
    fetching.has.set(2, [{ ...metaOf(40), checksum: 1 }])
    fetching.has.set(3, [metaOf(40, content)])
    fetching.fetcher.want(30)
    fetching.settle()
    expect(fetching.events.at(-1)).toMatchObject({ kind: 'snapshotFailed', index: 40, error: { code: 'STORAGE_DAMAGED' } })
    expect(fetching.store.list).toEqual([])
    fetching.pass(2_100)
    expect(fetching.received).toHaveLength(1)
    expect(fetching.store.list).toMatchObject([{ checksum: checksum(content) }])
  })

  test('a disk that fails is tried again later, not at once', () => {
    const fetching = new Fetching()
    fetching.has.set(2, [metaOf(40)])
    fetching.store.failure = new Error('no space left')
    fetching.fetcher.want(30)
    fetching.pass(1_000)
    expect(fetching.events.filter(({ kind }) => kind === 'snapshotFailed')).toHaveLength(1)
    fetching.store.failure = undefined
    fetching.pass(2_000)
    expect(fetching.received).toHaveLength(1)
  })

  test('a piece without bytes, or beyond the end, is taken for none', () => {
    const fetching = new Fetching()
    fetching.fetcher.want(30)
    const request = fetching.fetcher.next({ conf, leader: 3 })
    if (request === undefined) throw new Error('nothing was asked')
    const chunk = { ...fetching.answer(request), snapshot: metaOf(40, contentOf(40, 10)) }
    fetching.fetcher.receive({ ...chunk, data: new Uint8Array(11) })
    fetching.settle()
    expect(fetching.store.written).toEqual([])
  })
})

describe('an offer that no correct member makes', () => {
  const joint = { ...conf, learners: [1] }
  test.each([
    ['a configuration that cannot be', { conf: joint }, {}, 'of its configuration: a voter is a learner'],
    ['an index beyond all indexes', { id: { term: 2, index: 2 ** 48 - 1 } }, {}, /^its index is 281474976710655, not a whole number/],
    ['a term beyond all terms', { id: { term: 2 ** 47, index: 40 } }, {}, /^its term is 140737488355328, not a whole number/],
    ['more bytes than a state can have', { bytes: 2 ** 40 }, {}, 'it has 1099511627776 bytes, and a state has 1 to 4294967296'],
    ['a sender in a term beyond all terms', {}, { term: 2 ** 48 - 1 }, /^its sender is in term 281474976710655/],
  ])('(%s) is passed over, said once, and made up for by the next member', (_, snapshot, chunk, problem) => {
    const fetching = new Fetching()
    fetching.fetcher.want(30)
    const impossible = { ...metaOf(40), ...snapshot }
    fetching.answer = (request) => {
      const answer = Fetching.prototype.answer.call(fetching, request)
      return request.to === 2 ? { ...answer, snapshot: impossible, data: new Uint8Array(10), ...chunk } : answer
    }
    fetching.pass(1_000)
    const said = fetching.events.map((event) => (event.kind === 'snapshotFailed' ? event.error.message : event.kind))
    expect(said).toHaveLength(1)
    expect(said[0]?.split(' that cannot be: ')[1]?.replace('. It is not fetched from there', '')).toMatch(problem)
    expect(fetching.store.written).toEqual([])
    fetching.has.set(3, [metaOf(50)])
    fetching.pass(5_000)
    expect(fetching.received).toMatchObject([{ base: { id: { index: 50 } }, term: 2 }])
  })
})

describe('a snapshot whose content was found to be of no use', () => {
  test('is fetched from nobody again: each who has it is asked for a newer one', () => {
    const fetching = new Fetching()
    fetching.judge = (fetcher) => fetcher.refuse()
    for (const peer of [2, 3]) fetching.has.set(peer, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.pass(10_000)
    expect(fetching.received).toHaveLength(1)
    const { length } = fetching.store.written
    fetching.pass(10_000)
    expect(fetching.store.written).toHaveLength(length)
    expect(new Set(fetching.asked.slice(-4).map(({ to, minIndex }) => `${to}: ${minIndex}`))).toEqual(new Set(['2: 41', '3: 41']))
    fetching.judge = (fetcher) => fetcher.accept()
    fetching.has.set(3, [metaOf(41)])
    fetching.pass(5_000)
    expect(fetching.received.at(-1)).toMatchObject({ base: { id: { index: 41 } } })
    expect(fetching.fetcher.isActive).toBe(false)
  })

  test('is made up for by an older one that is new enough', () => {
    const fetching = new Fetching()
    fetching.judge = (fetcher) => fetcher.refuse()
    fetching.has.set(2, [metaOf(40)])
    fetching.fetcher.want(30)
    fetching.pass(100)
    fetching.judge = (fetcher) => fetcher.accept()
    fetching.has.set(3, [metaOf(35)])
    fetching.pass(5_000)
    expect(fetching.received.at(-1)).toMatchObject({ base: { id: { index: 35 } } })
  })
})

test('nothing is asked for while it is not known whether what came is good', () => {
  const fetching = new Fetching()
  fetching.judge = () => {}
  fetching.has.set(2, [metaOf(40)])
  fetching.fetcher.want(30)
  fetching.pass(100)
  const { length } = fetching.asked
  fetching.fetcher.want(45)
  fetching.pass(10_000)
  expect(fetching.asked).toHaveLength(length)
  expect(fetching.fetcher.isActive).toBe(true)
  fetching.fetcher.accept()
  fetching.has.set(2, [metaOf(50)])
  fetching.pass(3_000)
  expect(fetching.received.at(-1)).toMatchObject({ base: { id: { index: 50 } } })
})

test('one that the disk did not give back is looked at again, and not fetched again', () => {
  const fetching = new Fetching()
  fetching.judge = (fetcher) => fetcher.retry()
  fetching.has.set(2, [metaOf(40)])
  fetching.fetcher.want(30)
  fetching.pass(100)
  const { length } = fetching.store.written
  fetching.judge = (fetcher) => fetcher.accept()
  fetching.pass(5_000)
  expect(fetching.received).toHaveLength(2)
  expect(fetching.store.written).toHaveLength(length)
})

test('a snapshot that an earlier life fetched, and did not come to use, is not fetched again', () => {
  const fetching = new Fetching()
  fetching.has.set(2, [metaOf(40)])
  fetching.terms.set(2, 9)
  fetching.store.put(metaOf(40), contentOf(40))
  fetching.fetcher.want(30)
  fetching.settle()
  expect(fetching.asked).toHaveLength(1)
  expect(fetching.received).toEqual([{ base: { id: { term: 2, index: 40 }, conf }, term: 9 }])
})

test('no more bytes a second are fetched than allowed, also when turns are seldom', () => {
  const fetching = new Fetching({ bytesPerSecond: 256 * kibibyte })
  fetching.has.set(2, [metaOf(40, contentOf(40, 2_048 * kibibyte))])
  fetching.fetcher.want(30)
  fetching.pass(4_000)
  const bytes = fetching.store.written.reduce((sum, length) => sum + length, 0)
  expect(bytes / kibibyte).toBeGreaterThanOrEqual(960)
  expect(bytes / kibibyte).toBeLessThanOrEqual(1_152)
})
