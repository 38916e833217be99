import { expect, test } from 'vitest'
import { readOptions } from './options.ts'

test('without options all that there is happens for ten minutes', () => {
  const { minutes, seed, families, stages, out, isAllRequired } = readOptions([])
  expect({ minutes, seed, families: families.length, stages: stages.length, out, isAllRequired }).toEqual({
    minutes: 10,
    seed: 1,
    families: 12,
    stages: 3,
    out: undefined,
    isAllRequired: false,
  })
})

test('families and stages are chosen by their names', () => {
  const { families, stages } = readOptions(['--faults', 'stop,kill', '--stages', 'relay-3'])
  expect([families, stages.map(({ name }) => name)]).toEqual([['kill', 'stop'], ['relay-3']])
})

test.each([
  [['--minutes', 'ten'], '--minutes is "ten", it must be a number from 0.1 to 100000'],
  [['--minutes', '0'], '--minutes is "0", it must be a number from 0.1 to 100000'],
  [['--seed', '1.5'], '--seed is "1.5", it must be a whole number'],
  [['--clients', '201'], '--clients is "201", it must be a number from 1 to 200'],
  [['--stages', 'moon'], '--stages has "moon", known are relay-3, relay-5, namespaces-5'],
  [
    ['--faults', 'kill,'],
    '--faults has "", known are kill, stop, partition, oneway, partial, slow, flip, frames, cut, clients, clock, disk',
  ],
  [['--fault', 'kill'], "Unknown option '--fault'"],
])('%j is wrong use', (args, message) => {
  expect(() => readOptions(args)).toThrow(message)
})
