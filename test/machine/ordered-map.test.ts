import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Loader, OrderedMap } from '../../src/machine/ordered-map.ts'
import type { Compare } from '../../src/machine/tree-walk.ts'

const byNumber: Compare<number> = (a, b) => a - b
const pairsOf = <K, V>(map: OrderedMap<K, V>): [K, V][] => Array.from(map.walk((key, value): [K, V] => [key, value]))
const sorted = (model: ReadonlyMap<number, number>): [number, number][] => [...model].sort(([a], [b]) => a - b)

function load(map: OrderedMap<number, number>, entries: readonly (readonly [number, number])[]): void {
  const loader = map.loader()
  for (const [key, value] of entries) loader.add(key, value)
  loader.install()
}

/** Few keys, so that writes meet; `view` and `walk` are what makes nodes shared. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), key: fc.nat(200), value: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), key: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fill' as const), key: fc.nat(200), count: fc.nat(120) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), key: fc.nat(200), count: fc.nat(120) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('view' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('walk' as const), steps: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeze' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), which: fc.nat(3), steps: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('load' as const, 'slowLoad' as const, 'install' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Runs steps on a map and on its model; remembers every view and unfinished walk with what it must go on showing. */
class Run {
  readonly map = new OrderedMap<number, number>(byNumber)
  readonly model = new Map<number, number>()
  loader: { readonly loader: Loader<number, number>; readonly model: readonly (readonly [number, number])[] } | undefined
  readonly frozen: { readonly entries: IterableIterator<readonly [number, number]>; readonly model: [number, number][] }[] = []
  readonly promised: { readonly entries: Iterable<readonly [number, number]>; readonly model: [number, number][] }[] = []

  do(step: Step): void {
    switch (step.kind) {
      case 'put':
        return this.put(step.key, step.value)
      case 'remove':
        return this.remove(step.key)
      case 'fill':
        for (let i = 0; i < step.count; i++) this.put(step.key + i, i)
        return
      case 'clear':
        for (let i = 0; i < step.count; i++) this.remove(step.key + i)
        return
      case 'view': {
        const view = this.map.view()
        expect(view.size).toBe(this.model.size)
        this.promised.push({ entries: { [Symbol.iterator]: () => view.entries() }, model: sorted(this.model) })
        return
      }
      case 'walk': {
        const walk = this.map.walk((key, value): readonly [number, number] => [key, value])
        const model = sorted(this.model)
        for (let i = 0; i < step.steps; i++) expect(walk.next().value).toEqual(model.shift())
        this.promised.push({ entries: walk, model })
        return
      }
      case 'slowLoad': {
        this.loader = { loader: this.map.loader(), model: sorted(this.model) }
        for (const [key, value] of this.loader.model) this.loader.loader.add(key, value)
        return
      }
      case 'install': {
        // What was written, walked, viewed and frozen since it began is replaced.
        this.loader?.loader.install()
        if (this.loader !== undefined) {
          this.model.clear()
          for (const [key, value] of this.loader.model) this.model.set(key, value)
        }
        this.loader = undefined
        return
      }
      case 'freeze': {
        const frozen = this.map.freeze()
        expect(frozen.size).toBe(this.model.size)
        this.frozen.push({ entries: frozen.entries(), model: sorted(this.model) })
        return
      }
      case 'read': {
        const { entries, model } = this.frozen[step.which] ?? {}
        for (let i = 0; i < step.steps; i++) expect(entries?.next().value).toEqual(model?.shift())
        return
      }
      case 'load': {
        load(this.map, sorted(this.model))
        return
      }
    }
  }

  put(key: number, value: number): void {
    expect(this.map.put(key, value)).toBe(this.model.get(key))
    this.model.set(key, value)
  }

  remove(key: number): void {
    expect(this.map.remove(key)).toBe(this.model.get(key))
    this.model.delete(key)
  }

  check(): void {
    expect(this.map.size).toBe(this.model.size)
    expect(pairsOf(this.map)).toEqual(sorted(this.model))
    for (const { entries, model } of [...this.promised, ...this.frozen]) expect([...entries]).toEqual(model)
  }
}

describe('an ordered map', () => {
  test('is a sorted Map, and its views and walks show what was there when they began', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const run = new Run()
        for (const each of steps) run.do(each)
        run.check()
      }),
      { numRuns: 300 },
    )
  })

  test('walks any part of itself, from either end, as a sorted Map filtered', () => {
    const bound = fc.option(fc.record({ key: fc.integer({ min: -1, max: 101 }), isOpen: fc.boolean() }), { nil: undefined })
    const span = fc.record({
      low: bound,
      high: bound,
      isReversed: fc.boolean(),
      limit: fc.oneof(fc.nat(8), fc.constant(Number.POSITIVE_INFINITY)),
    })
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(100)), span, (keys, part) => {
        const map = new OrderedMap<number, number>(byNumber)
        for (const key of keys) map.put(key, key)
        const { low, high, isReversed, limit } = part
        const isIn = (key: number): boolean =>
          (low === undefined || key > low.key || (key === low.key && !low.isOpen)) &&
          (high === undefined || key < high.key || (key === high.key && !high.isOpen))
        const expected = keys.filter(isIn).sort((a, b) => (isReversed ? b - a : a - b))
        const walk = map.walk((key) => key, part)
        map.put(50, 0)
        map.remove(51)
        expect([...walk]).toEqual(expected.slice(0, limit))
      }),
      { numRuns: 500 },
    )
  })

  test('finds a part without a look at what comes before it', () => {
    const map = new OrderedMap<number, number>(byNumber)
    const keys = Array.from({ length: 100_000 }, (_, i) => i)
    load(
      map,
      keys.map((key) => [key, key]),
    )
    const start = performance.now()
    for (let i = 0; i < 1_000; i++) {
      const span = { low: { key: 99_000, isOpen: true }, high: undefined, isReversed: false, limit: 2 }
      expect([...map.walk((key) => key, span)]).toEqual([99_001, 99_002])
    }
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  test('keeps a view of many entries while every one of them is replaced or removed', () => {
    const map = new OrderedMap<number, number>(byNumber)
    for (let i = 0; i < 20_000; i++) map.put((i * 7_919) % 20_000, i)
    const before = pairsOf(map)
    const view = map.view()
    for (let i = 0; i < 20_000; i++) {
      if (i % 3 === 0) map.remove(i)
      else map.put(i, -i)
    }
    expect([...view.entries()]).toEqual(before)
    expect(map.size).toBe(13_333)
  })

  test('frozen, shows what was there while every entry is replaced or removed, and lets go of it', () => {
    const map = new OrderedMap<number, number>(byNumber)
    for (let i = 0; i < 20_000; i++) map.put((i * 7_919) % 20_000, i)
    const before = pairsOf(map)
    const frozen = map.freeze()
    const entries = frozen.entries()
    const read = Array.from({ length: 5_000 }, () => entries.next().value)
    for (let i = 0; i < 20_000; i++) {
      if (i % 3 === 0) map.remove(i)
      else map.put(i, -i)
    }
    expect([...read, ...entries]).toEqual(before)
    expect(entries.next().done).toBe(true)
    expect(map.size).toBe(13_333)
  })

  test('of a walk that was given up early no later walk suffers', () => {
    const map = new OrderedMap<number, number>(byNumber)
    for (let i = 0; i < 100; i++) map.put(i, i)
    for (const key of map.walk((key) => key)) if (key === 3) break
    const abandoned = map.walk((key) => key)
    abandoned.next()
    map.put(1_000, 1)
    const later = map.walk((key) => key)
    expect([...abandoned].at(-1)).toBe(99)
    map.remove(0)
    expect([...later].length).toBe(101)
    expect(pairsOf(map).length).toBe(100)
  })

  test('refuses to load keys that do not ascend, and keeps what it had', () => {
    const map = new OrderedMap<number, number>(byNumber)
    map.put(1, 1)
    expect(() =>
      load(map, [
        [2, 0],
        [2, 0],
      ]),
    ).toThrow('strictly ascending')
    expect(pairsOf(map)).toEqual([[1, 1]])
  })
})
