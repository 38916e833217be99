import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linearity, type SequentialModel, type TimedOperation } from '../../src/sim/oracle/wing-gong-lowe.ts'

/** A register of one number. */
type Input = { readonly kind: 'write'; readonly value: number } | { readonly kind: 'read' }
const register: SequentialModel<number, Input, number> = {
  initial: 0,
  next: (state, input) => (input.kind === 'write' ? { state: input.value, output: 0 } : { state, output: state }),
  isSame: (one, other) => one === other,
  keyOf: String,
}
const write = (id: number, value: number, from: number, to?: number): TimedOperation<Input, number> => ({
  ...{ id, invokedAt: from, returnedAt: to, input: { kind: 'write', value } },
  output: to === undefined ? undefined : 0,
})
const read = (id: number, output: number, from: number, to: number): TimedOperation<Input, number> => ({
  ...{ id, invokedAt: from, returnedAt: to, input: { kind: 'read' }, output },
})

describe('a history of a register', () => {
  test.each<[string, readonly TimedOperation<Input, number>[], string]>([
    ['of nothing is', [], 'linearizable'],
    ['one after the other is', [write(1, 5, 0, 1), read(2, 5, 2, 3)], 'linearizable'],
    ['with a read of what was overwritten before it is not', [write(1, 5, 0, 1), write(2, 6, 2, 3), read(3, 5, 4, 5)], 'not linearizable'],
    [
      'with two reads beside a write, the new value first, is not',
      [write(1, 5, 0, 9), read(2, 5, 1, 2), read(3, 0, 3, 4)],
      'not linearizable',
    ],
    ['with two reads beside a write, the old value first, is', [write(1, 5, 0, 9), read(2, 0, 1, 2), read(3, 5, 3, 4)], 'linearizable'],
    ['with a write that nobody was told of, and that is read, is', [write(1, 5, 0), read(2, 5, 1, 2)], 'linearizable'],
    [
      'with a write that nobody was told of, and that is never read, is',
      [write(1, 5, 0), read(2, 0, 1, 2), read(3, 0, 3, 4)],
      'linearizable',
    ],
    ['with such a write that is read, and then is not, is not', [write(1, 5, 0), read(2, 5, 1, 2), read(3, 0, 3, 4)], 'not linearizable'],
    ['with a read before the call of what it read is not', [read(1, 5, 0, 1), write(2, 5, 2, 3)], 'not linearizable'],
    ['whose calls touch overlap there', [write(1, 5, 0, 1), read(2, 0, 1, 2)], 'linearizable'],
  ])('%s', (_, operations, kind) => {
    expect(linearity(operations, register).kind).toBe(kind)
  })

  test('that is not says at which calls it ends', () => {
    expect(linearity([write(1, 5, 0, 1), write(2, 6, 2, 3), read(3, 5, 4, 5)], register)).toEqual({ kind: 'not linearizable', stuck: [3] })
  })

  test('that takes too long is not decided', () => {
    const writes = Array.from({ length: 12 }, (_, i) => write(i, i, 0, 100))
    expect(linearity([...writes, read(99, 77, 101, 102)], register, { stepsMax: 1_000 })).toEqual({ kind: 'undecided', steps: 1_000 })
  })
})

/** Every order that time allows, tried one after the other: what the search must agree with. */
function isLinearizable(left: readonly TimedOperation<Input, number>[], state: number): boolean {
  if (left.every(({ returnedAt }) => returnedAt === undefined)) return true
  const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt ?? Number.POSITIVE_INFINITY))
  return left.some((operation) => {
    if (operation.invokedAt > firstReturn) return false
    const { state: after, output } = register.next(state, operation.input)
    if (operation.output !== undefined && operation.output !== output) return false
    return isLinearizable(
      left.filter((other) => other !== operation),
      after,
    )
  })
}

test('the search finds what trying every order finds', () => {
  const operation = fc.record({
    invokedAt: fc.nat(12),
    lasts: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 6 }),
    input: fc.oneof(
      fc.record({ kind: fc.constant('write' as const), value: fc.nat(2) }),
      fc.record({ kind: fc.constant('read' as const) }),
    ),
    output: fc.nat(2),
  })
  let refused = 0
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 7 }), (drawn) => {
      const operations = drawn.map(({ invokedAt, lasts, input, output }, id): TimedOperation<Input, number> => {
        const told = input.kind === 'write' ? 0 : output
        return {
          id,
          invokedAt,
          returnedAt: lasts === undefined ? undefined : invokedAt + lasts,
          input,
          output: lasts === undefined ? undefined : told,
        }
      })
      const expected = isLinearizable(operations, 0)
      if (!expected) refused += 1
      expect(linearity(operations, register).kind).toBe(expected ? 'linearizable' : 'not linearizable')
    }),
    { numRuns: 2_000 },
  )
  expect(refused).toBeGreaterThan(200)
})
