import { expect, test } from 'vitest'
import { Chance } from '../../src/sim/chance.ts'
import { Deck } from './deck.ts'
import type { Family, Fault } from './faults/fault.ts'
import { faultsOf } from './faults/index.ts'

const fault = (family: Family, name: string): Fault => ({
  family,
  lane: 'process',
  name,
  run: () => Promise.resolve({ hits: 1, detail: '' }),
})
const all = [fault('kill', 'a'), fault('kill', 'b'), fault('kill', 'c'), fault('stop', 'd'), fault('clock', 'e')]
const dealt = (deck: Deck, count: number): readonly (Fault | undefined)[] => Array.from({ length: count }, () => deck.next())

test('each family has its turn, and each variant comes once before any comes again', () => {
  const faults = dealt(new Deck(all, new Chance(3)), 10)
  expect(new Set(faults.slice(0, 3).map((one) => one?.family))).toEqual(new Set(['kill', 'stop', 'clock']))
  expect(new Set(faults.slice(0, 5))).toEqual(new Set(all))
  expect(new Set(faults.slice(5))).toEqual(new Set(all))
})

test('the same seed deals in the same order, another one in another', () => {
  const names = (seed: number): string =>
    dealt(new Deck(faultsOf(5), new Chance(seed)), 60)
      .map((one) => one?.name)
      .join()
  expect(names(1)).toBe(names(1))
  expect(names(1)).not.toBe(names(2))
})

test('what was not noticed comes again after the next one', () => {
  const deck = new Deck(all, new Chance(1))
  const first = deck.next() ?? fault('disk', 'none')
  deck.again(first)
  const [next, after] = dealt(deck, 2)
  expect([next === first, after]).toEqual([false, first])
})

test('without faults there is nothing to deal', () => {
  expect(new Deck([], new Chance(1)).next()).toBeUndefined()
})

test('no two faults have the same name', () => {
  const names = faultsOf(5).map(({ family, name }) => `${family}: ${name}`)
  expect(new Set(names).size).toBe(names.length)
})
