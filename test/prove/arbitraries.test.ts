import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { draftOf } from '../../codegen/draft-of.ts'
import { Evaluator } from '../../codegen/evaluate.ts'
import { Arbitraries } from '../../src/prove/arbitraries.ts'
import { literal } from '../../src/prove/literal.ts'
import { Memory } from '../../src/prove/recall.ts'
import bank from '../../examples/bank/schema.ts'
import queue from '../../examples/queue/schema.ts'
import kitchenSink from '../codegen/golden/kitchen-sink/schema.ts'

describe.each([
  ['bank', bank],
  ['queue', queue],
  ['kitchen sink', kitchenSink],
])('inputs drawn for the %s', (_, { definition }) => {
  const { types, commands, queries } = draftOf(definition)
  const evaluator = new Evaluator(types)

  test.each([...commands, ...queries].map((operation) => [operation.name, operation.input]))('%s fit its schema', (_, input) => {
    const node = { kind: 'named', name: input } as const
    for (const recalls of [false, true]) {
      fc.assert(
        fc.property(new Arbitraries(types, { recalls }).of(node), new Arbitraries(types).of(node), (drawn, before) => {
          const memory = new Memory(types)
          memory.keep(before)
          expect(() => evaluator.check(node, memory.resolve(drawn))).not.toThrow()
        }),
      )
    }
  })

  test.each([...commands, ...queries].map((operation) => [operation.name, operation.input]))(
    '%s are written down as source text',
    (_, input) => {
      const node = { kind: 'named', name: input } as const
      fc.assert(
        fc.property(new Arbitraries(types).of(node), (drawn) => {
          expect(new Function(`return (${literal(drawn)})`)()).toEqual(drawn)
        }),
      )
    },
  )
})

test('what an answer held is recalled: first of a field of that name, then what is in the state, then the rest', () => {
  const { types } = draftOf(queue.definition)
  const text = { kind: 'string', minLength: 1, maxLength: 8, pattern: undefined, format: undefined } as const
  const arbitrary = new Arbitraries(types, { recalls: true }).of(text, 'id')
  const memory = new Memory(types)
  memory.keep({ id: 'named', other: 'else', long: 'longer than it may be' })
  // Bytes and lists can be gone through as well, and have no keys.
  memory.keepKeys({ jobs: [['key', 1]].values(), count: 3, seal: Uint8Array.of(1, 2), list: [1] })
  const recalled = new Set(fc.sample(arbitrary, { seed: 1, numRuns: 300 }).map((drawn) => memory.resolve(drawn)))
  expect(recalled).toContain('named')
  expect(recalled).toContain('key')
  expect(recalled).toContain('else')
  expect(recalled).not.toContain('longer than it may be')
})
