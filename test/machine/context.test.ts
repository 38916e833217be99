import { describe, expect, test } from 'vitest'
import { createContext, type EntryFacts } from '../../src/machine/context.ts'

const facts: EntryFacts = { index: 7, term: 3, now: 1_767_225_600_123, version: 1 }
const contextOf = (overrides: Partial<EntryFacts> = {}) => {
  const context = createContext(() => {})
  context.enter({ ...facts, ...overrides })
  return context
}
const draws = (overrides: Partial<EntryFacts>, count = 5): number[] => {
  const context = contextOf(overrides)
  return Array.from({ length: count }, () => context.random())
}

describe('ctx', () => {
  test('says what entry is applied', () => {
    expect({ ...facts }).toEqual(pick(contextOf()))
  })

  test('serves one entry after the other', () => {
    const context = contextOf()
    const ids = [context.id(), context.id()]
    context.leave()
    context.enter({ ...facts, index: 8 })
    expect(context.index).toBe(8)
    expect(ids).not.toContain(context.id())
  })

  test.each(['index', 'term', 'now', 'version', 'random', 'id'] as const)('.%s is refused once the handler has returned', (what) => {
    const context = contextOf()
    const use = (): unknown => (what === 'random' || what === 'id' ? context[what]() : context[what])
    use()
    context.leave()
    expect(use).toThrow(new TypeError(`ctx.${what} was used after its handler returned: handlers are synchronous`))
  })
})

describe('ctx.random', () => {
  test('is the same on every replica for the same entry', () => {
    expect(draws({})).toEqual(draws({}))
    // For good: a replica of a later version applies the same log.
    expect(draws({}, 3)).toMatchInlineSnapshot(`
      [
        0.8182820203514859,
        0.4264104137238962,
        0.8704866657289957,
      ]
    `)
  })

  test('differs between entries, also between neighbours and far ones', () => {
    const first = [{}, { index: 8 }, { term: 4 }, { index: 3, term: 7 }, { index: 7 + 2 ** 32 }, { term: 3 + 2 ** 32 }].map(
      (each) => draws(each)[0],
    )
    expect(new Set(first).size).toBe(first.length)
  })

  test('does not depend on what was drawn for the entry before', () => {
    const context = contextOf({ index: 6 })
    context.random()
    context.enter(facts)
    expect(context.random()).toBe(draws({})[0])
  })

  test('is spread evenly over [0, 1)', () => {
    const buckets = new Array(10).fill(0)
    for (let index = 1; index <= 20_000; index++) buckets[Math.floor((draws({ index }, 1)[0] ?? 0) * 10)]++
    for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(250)
  })
})

describe('ctx.id', () => {
  test('has 26 digits: time, index and count within the entry', () => {
    const context = contextOf()
    expect([context.id(), context.id()]).toEqual(['01KDVDNA3V0000000007000000', '01KDVDNA3V0000000007000001'])
  })

  test('is never given twice and sorts as it was given', () => {
    const ids: string[] = []
    for (const [step, index] of [1, 2, 31, 32, 33, 1_023, 1_024, 2 ** 32, 2 ** 48 - 1].entries()) {
      const context = contextOf({ index, now: facts.now + Math.floor(step / 3) })
      for (let i = 0; i < 40; i++) ids.push(context.id())
    }
    expect(ids.toSorted()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
  })
})

function pick({ index, term, now, version }: EntryFacts): EntryFacts {
  return { index, term, now, version }
}
