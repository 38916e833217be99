import { expect, test } from 'vitest'
import { oneWay, partial, type Shape, splits } from './shapes.ts'

const names = (shapes: readonly Shape[]): readonly string[] => shapes.map(({ name }) => name)
const cut = (shapes: readonly Shape[], name: string, others: readonly number[]): string =>
  (shapes.find((one) => one.name === name)?.links(1, others) ?? [])
    .map(({ source, target }) => `${source}>${target}`)
    .sort()
    .join(' ')

test('three nodes come apart in every way there is', () => {
  expect(names(splits(3))).toEqual(['2+1, the leader among 2', '2+1, the leader among 1', '1+1+1, the leader among 1'])
})

test('five nodes come apart in every way there is', () => {
  expect(names(splits(5))).toEqual([
    '4+1, the leader among 4',
    '4+1, the leader among 1',
    '3+2, the leader among 3',
    '3+2, the leader among 2',
    '3+1+1, the leader among 3',
    '3+1+1, the leader among 1',
    '2+2+1, the leader among 2',
    '2+2+1, the leader among 1',
    '2+1+1+1, the leader among 2',
    '2+1+1+1, the leader among 1',
    '1+1+1+1+1, the leader among 1',
  ])
})

test('a split cuts both directions of every link that crosses it, and no other', () => {
  expect(cut(splits(3), '2+1, the leader among 2', [2, 3])).toBe('1>3 2>3 3>1 3>2')
  expect(cut(splits(5), '3+2, the leader among 2', [2, 3, 4, 5])).toBe('1>3 1>4 1>5 2>3 2>4 2>5 3>1 3>2 4>1 4>2 5>1 5>2')
})

test('one direction of a link is cut, or all that a node hears, or says', () => {
  expect(names(oneWay(3))).toHaveLength(7)
  expect(cut(oneWay(3), 'from a follower to the leader', [2, 3])).toBe('2>1')
  expect(cut(oneWay(3), 'the leader is mute', [2, 3])).toBe('1>2 1>3')
  expect(cut(oneWay(5), 'a follower is deaf', [2, 3, 4, 5])).toBe('1>2 3>2 4>2 5>2')
})

test('halves that do not see each other are both seen by a bridge', () => {
  expect(cut(partial(3), 'the leader is the bridge', [2, 3])).toBe('2>3 3>2')
  expect(cut(partial(5), 'a follower is the bridge', [2, 3, 4, 5])).toBe('1>4 1>5 3>4 3>5 4>1 4>3 5>1 5>3')
})

test('in a ring each node sees two others', () => {
  expect(cut(partial(5), 'a ring', [2, 3, 4, 5])).toBe('1>3 1>4 2>4 2>5 3>1 3>5 4>1 4>2 5>2 5>3')
})
