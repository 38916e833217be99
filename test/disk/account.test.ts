import { expect, test } from 'vitest'
import { Account, writerNumbers } from './account.ts'

const one = writerNumbers
const two = 2 * writerNumbers

/** Acknowledged: `one` at 1, `two` at 2. */
function account(): Account {
  const account = new Account()
  for (const [i, number] of [one, two].entries()) {
    account.called(number)
    account.acknowledged(number, i + 1)
  }
  return account
}

test('what was acknowledged and is there is fine, and so is what nobody was told about', () => {
  const open = account()
  open.called(one + 1)
  open.failed(one + 1, 'unknown')
  expect(open.close([one, two, one + 1])).toEqual({ lost: [], wrong: [] })
  expect(account().close([one, two])).toEqual({ lost: [], wrong: [] })
})

test('an acknowledged number that is missing in the end is lost', () => {
  expect(account().close([one]).lost).toEqual([`number ${two} was acknowledged at position 2, and there are 1`])
})

test('an acknowledged number whose place another one has is lost', () => {
  const other = account()
  other.called(two + 1)
  expect(other.close([one, two + 1]).lost).toEqual([`position 2 holds ${two + 1}, and ${two} was acknowledged there`])
})

test('a read that misses what was acknowledged before it began is lost, one that sees more is fine', () => {
  const early = account()
  early.read({ count: 1, numbers: [one] }, { from: 0, floor: 2 })
  expect(early.verdict.lost).toEqual(['a read saw 1 numbers after 2 had been acknowledged'])
  const late = account()
  late.called(one + 1)
  late.read({ count: 3, numbers: [two, one + 1] }, { from: 1, floor: 2 })
  expect(late.verdict).toEqual({ lost: [], wrong: [] })
})

test.each([
  ['a number that is there twice', [one, two, one], `number ${one} was applied twice, the second time at position 3`],
  ['a number that nobody sent', [one, two, two + 7], `position 3 holds ${two + 7}, which was acknowledged elsewhere or never sent`],
])('%s is wrong', (_, all, what) => {
  expect(account().close(all).wrong).toContain(what)
})

test('numbers of one writer in another order than that of its calls are wrong', () => {
  const swapped = account()
  for (const number of [one + 1, one + 2]) swapped.called(number)
  expect(swapped.close([one, two, one + 2, one + 1]).wrong).toEqual([`number ${one + 1} stands behind ${one + 2} of the same writer`])
})

test('a number whose client was told that it was not applied is wrong when it is there', () => {
  const refused = account()
  refused.called(one + 1)
  refused.failed(one + 1, 'notApplied')
  expect(refused.close([one, two, one + 1]).wrong).toEqual([`number ${one + 1} is there, and its client was told that it was not applied`])
})

test('two numbers that were acknowledged at one position are wrong, and so is a text that changed on its way', () => {
  const twice = account()
  twice.acknowledged(one + 1, 2)
  twice.acknowledged(one + 2, 0)
  expect(twice.verdict.wrong).toEqual([
    `numbers ${two} and ${one + 1} were both acknowledged at position 2`,
    `number ${one + 2} was applied with another text than its own`,
  ])
})
