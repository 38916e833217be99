import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SnapshotMeta } from '../../src/core/types.ts'
import type { Snapshots } from '../../src/ports/snapshots.ts'
import { type FilesCrash, MemoryFiles } from '../../src/storage/memory-files.ts'
import { openSnapshots } from '../../src/storage/snapshot-store.ts'
import { content, id, place, Steps } from './snapshots.ts'
import { conf } from './support.ts'

// A snapshot is written step by step, and the power is cut after each of them: it must be there whole, or not at all, and must be there when
// it was reported finished.

const before = content(70_000, 1)
const after = content(150_000, 2)

const noDamage = (_: string, error: Error): void => expect.unreachable(error.message)

/** Opens what a crash has left. */
function opened(files: MemoryFiles, steps: Steps, onDamage = noDamage): Snapshots {
  let found: Snapshots | undefined
  openSnapshots(files, { name: place, onDamage }, (error, snapshots) => {
    if (error !== undefined) throw error
    found = snapshots
  })
  steps.run()
  return found ?? expect.unreachable('open has not ended')
}

function contentOf(snapshots: Snapshots, meta: SnapshotMeta, steps: Steps): Buffer {
  let found = Buffer.alloc(0)
  snapshots.read(meta, { offset: 0, bytesMax: meta.bytes }, (error, data) => {
    if (error !== undefined) throw error
    found = Buffer.from(data)
  })
  steps.run()
  return found
}

/** Two writes and the end; `done` once that is reported. */
function begin(snapshots: Snapshots, { index, data }: { index: number; data: Buffer }, done: () => void): void {
  const writer = snapshots.create({ id: id(index), conf })
  const check = (next: () => void) => (error: Error | undefined) => {
    if (error !== undefined) throw error
    next()
  }
  writer.write(
    data.subarray(0, 80_000),
    check(() =>
      writer.write(
        data.subarray(80_000),
        check(() => writer.finish(check(done))),
      ),
    ),
  )
}

interface Crashed {
  readonly isFinished: boolean
  /** What had been there to begin with. */
  readonly old: SnapshotMeta
  readonly files: MemoryFiles
  /** The crash came after all there was to do. */
  readonly isLate: boolean
}

/** A store with one snapshot, of which another of `index` is written; after `stepsMax` steps the power is cut. */
function crashed(index: number, stepsMax: number, crash: FilesCrash): Crashed {
  const steps = new Steps()
  const files = new MemoryFiles({ defer: steps.defer })
  const snapshots = opened(files, steps)
  begin(snapshots, { index: 10, data: before }, () => undefined)
  steps.run()
  const [old] = snapshots.list
  let isFinished = false
  begin(snapshots, { index, data: after }, () => {
    isFinished = true
  })
  steps.run(stepsMax)
  const isLate = steps.isDone
  return { isFinished, old: old ?? expect.unreachable('it is not listed'), files: files.crash(crash), isLate }
}

/** What was there is there; what was written is there as a whole, or not at all. Returns whether the crash came after the end. */
function check(index: number, stepsMax: number, crash: FilesCrash): boolean {
  const { isFinished, old, files, isLate } = crashed(index, stepsMax, crash)
  const steps = new Steps()
  const disk = files.crash({}, { defer: steps.defer })
  const snapshots = opened(disk, steps)
  const [newest] = snapshots.list
  const isNew = newest !== undefined && newest.bytes === after.length
  expect(isNew || !isFinished, 'what was finished is there').toBe(true)
  const replaces = index === 10
  expect(snapshots.list.map(({ id }) => id.index)).toEqual(isNew && !replaces ? [index, 10] : [10])
  if (isNew) expect(contentOf(snapshots, newest, steps).equals(after)).toBe(true)
  if (!isNew || !replaces) expect(contentOf(snapshots, old, steps).equals(before)).toBe(true)
  expect(disk.names.filter((name) => name.endsWith('.new'))).toEqual([])
  return isLate
}

const fates: Readonly<Record<string, FilesCrash>> = {
  'nothing that was not synced': {},
  everything: { keepsName: () => true, keptBytes: (bytes) => bytes },
  'names without content': { keepsName: () => true },
  'content without names': { keptBytes: (bytes) => bytes },
  'names, and half of the content': { keepsName: () => true, keptBytes: (bytes) => bytes >> 1 },
}

describe.each([
  { what: 'a new snapshot', index: 20 },
  { what: 'a snapshot that replaces one', index: 10 },
])('$what', ({ index }) => {
  test.each(Object.keys(fates))('is there as a whole or not at all, wherever a crash comes that leaves %s', (fate) => {
    let stepsMax = 0
    while (!check(index, stepsMax, fates[fate] ?? {})) stepsMax++
    expect(stepsMax).toBeGreaterThan(12)
  })

  test('is there as a whole or not at all, whatever a crash leaves', () => {
    const chances = fc.record({
      stepsMax: fc.integer({ min: 0, max: 40 }),
      names: fc.array(fc.boolean(), { maxLength: 6 }),
      parts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
    })
    const property = fc.property(chances, ({ stepsMax, names, parts }) => {
      const [keeps, kept] = [[...names], [...parts]]
      check(index, stepsMax, {
        keepsName: () => keeps.shift() ?? false,
        keptBytes: (bytes) => Math.floor(bytes * (kept.shift() ?? 0)),
      })
    })
    fc.assert(property, { numRuns: 300 })
  })
})

test('a removed snapshot is gone or whole, wherever a crash comes', () => {
  for (const keeps of [true, false]) {
    for (let stepsMax = 0; stepsMax < 6; stepsMax++) {
      const steps = new Steps()
      const files = new MemoryFiles({ defer: steps.defer })
      const snapshots = opened(files, steps)
      begin(snapshots, { index: 10, data: before }, () => undefined)
      steps.run()
      const [meta] = snapshots.list
      let isRemoved = false
      snapshots.remove(meta ?? expect.unreachable('it is not listed'), () => {
        isRemoved = true
      })
      steps.run(stepsMax)
      const after = opened(files.crash({ keepsName: () => keeps }, { defer: steps.defer }), steps)
      expect(after.list).toEqual(isRemoved || after.list.length === 0 ? [] : [meta])
    }
  }
})

test.each(['read', 'remove'] as const)('a %s of a snapshot, while another takes its place, never costs the new one', (kind) => {
  let isLate = false
  for (let stepsMax = 0; !isLate; stepsMax++) {
    const steps = new Steps()
    const files = new MemoryFiles({ defer: steps.defer })
    const snapshots = opened(files, steps, () => undefined)
    begin(snapshots, { index: 10, data: before }, () => undefined)
    steps.run()
    const [old] = snapshots.list
    const bytes = files.peek('snapshot-10-2') ?? Buffer.alloc(0)
    begin(snapshots, { index: 10, data: after }, () => undefined)
    steps.run(stepsMax)
    isLate = steps.isDone
    if (old === undefined || isLate) break
    // Rot sets in while it is being replaced.
    if (kind === 'read' && files.peek('snapshot-10-2')?.length === bytes.length) files.poke('snapshot-10-2', Buffer.alloc(bytes.length))
    if (kind === 'read') snapshots.read(old, { offset: 0, bytesMax: 10 }, () => undefined)
    else snapshots.remove(old, () => undefined)
    steps.run()
    const [meta] = snapshots.list
    expect(meta?.bytes, `after ${stepsMax} steps`).toBe(after.length)
    if (meta !== undefined) expect(contentOf(snapshots, meta, steps).equals(after)).toBe(true)
    const reopened = opened(files.crash({}, { defer: steps.defer }), steps)
    expect(reopened.list).toEqual([meta])
  }
})
