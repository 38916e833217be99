import fc from 'fast-check'
import { expect, test } from 'vitest'
import { QueriesByIndex } from '../../src/node/queries-by-index.ts'

const queryOf = (requestId: number, connection = 1) => ({ connection, requestId, query: new Uint8Array(0), since: 0 })

/** Takes all that are due. */
function drain(queries: QueriesByIndex, lastApplied: number): readonly number[] {
  const taken: number[] = []
  for (let query = queries.take(lastApplied); query !== undefined; query = queries.take(lastApplied)) taken.push(query.requestId)
  return taken
}

test('queries are taken once their index is applied, by index, and of one index in the order they came', () => {
  const queries = new QueriesByIndex()
  queries.add(5, [queryOf(1), queryOf(2)])
  queries.add(3, [queryOf(3)])
  queries.add(5, [queryOf(4)])
  expect(drain(queries, 2)).toEqual([])
  expect(drain(queries, 4)).toEqual([3])
  expect(queries.isDue(4)).toBe(false)
  expect(drain(queries, 5)).toEqual([1, 2, 4])
  expect(queries.count).toBe(0)
})

test('one of a lower index that comes while a batch is half taken loses none of that batch', () => {
  const queries = new QueriesByIndex()
  queries.add(5, [queryOf(1), queryOf(2), queryOf(3)])
  expect(queries.take(5)?.requestId).toBe(1)
  queries.add(4, [queryOf(4)])
  expect(drain(queries, 5)).toEqual([4, 2, 3])
})

test('in any order of adding, taking and removing, each is taken or removed once, and none before its time', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add'), index: fc.integer({ min: 1, max: 20 }), count: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ kind: fc.constant('take'), index: fc.integer({ min: 1, max: 20 }), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant('remove'), index: fc.integer({ min: 0, max: 2 }), count: fc.constant(0) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queries = new QueriesByIndex()
      const waiting = new Map<number, { readonly index: number; readonly connection: number }>()
      let last = 0
      for (const { kind, index, count } of steps) {
        if (kind === 'add') {
          const added = Array.from({ length: count }, () => queryOf(++last, last % 3))
          queries.add(index, added)
          for (const { requestId, connection } of added) waiting.set(requestId, { index, connection })
        } else if (kind === 'take') {
          for (let i = 0; i < count; i++) {
            const lowest = Math.min(...[...waiting.values()].map((one) => one.index))
            const taken = queries.take(index)
            expect(taken === undefined).toBe(lowest > index)
            if (taken === undefined) continue
            expect(waiting.get(taken.requestId)?.index).toBe(lowest)
            waiting.delete(taken.requestId)
          }
        } else {
          const removed = queries.remove(({ connection }) => connection === index).map(({ query }) => query.requestId)
          const expected = [...waiting].filter(([, { connection }]) => connection === index).map(([id]) => id)
          expect(removed.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b))
          for (const id of removed) waiting.delete(id)
        }
        expect(queries.count).toBe(waiting.size)
      }
    }),
  )
})
