import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Mutant } from '../mutants/mutant.ts'
import { mutants } from '../mutants/mutants.ts'
import { beneath, bugsOf, medianMax, medianOf, teethPage } from '../mutants/teeth-page.ts'

const path = new URL('../../docs/teeth.md', import.meta.url)
const page = readFileSync(path, 'utf8')

const mutant = (name: string, bug: number, missed?: string): Mutant & { readonly bug: number } => ({
  name,
  bug,
  file: 'src/core/raft.ts',
  find: 'a',
  replace: 'b',
  ...(missed === undefined ? {} : { missed }),
})
const [vote, read, wait] = [mutant('two votes (§3.4)', 3), mutant('a | b', 8), mutant('nobody waits', 1, 'it does no harm')]
const caught = { seeds: 7, steps: 12_345, by: 'one | vote', finding: 'node 1' }
const rowsOf = (text: string): readonly string[] => text.split('\n').filter((line) => /^\| \d/.test(line))

// `npx vitest run test/docs -u` adds the rows of new mutants, and takes away those of old ones.
test('docs/teeth.md has a row for each mutant that brings back a bug', async () => {
  await expect(teethPage(mutants, [], page)).toMatchFileSnapshot(path.pathname)
})

test('every bug of the list is brought back, or it is said why no seed can show it', () => {
  const numbers = new Set([...bugsOf(mutants), ...beneath].map(({ bug }) => bug))
  expect(Array.from({ length: 36 }, (_, i) => i + 1).filter((bug) => !numbers.has(bug))).toEqual([])
})

test('every bug that seeds can show was found, half of them within 50', () => {
  expect(page).not.toContain('**')
  expect(page).not.toContain('not run yet')
  expect(Number(/Median: (\d+) seeds/.exec(page)?.[1])).toBeLessThanOrEqual(medianMax)
})

test('a row tells by what it was found, after how many seeds; one that was not found stands out, unless that is right', () => {
  const outcomes = [
    { mutant: vote, caught, seedsMax: 500 },
    { mutant: read, caught: undefined, seedsMax: 500 },
    { mutant: wait, caught: undefined, seedsMax: 500 },
  ]
  expect(rowsOf(teethPage([vote, read, wait], outcomes, ''))).toEqual([
    '| 1 | nobody waits | *not in 500* |  | see below |',
    '| 3 | two votes (§3.4) | 7 | 12,345 | one \\| vote |',
    '| 8 | a \\| b | **not in 500** |  |  |',
    ...rowsOf(teethPage([], [], '')),
  ])
})

test('rows of mutants that were not run stay', () => {
  const first = teethPage(
    [vote, read],
    [
      { mutant: vote, caught, seedsMax: 500 },
      { mutant: read, caught, seedsMax: 500 },
    ],
    '',
  )
  expect(rowsOf(teethPage([read, wait], [], first)).slice(0, 2)).toEqual([
    '| 1 | nobody waits | not run yet |  |  |',
    '| 8 | a \\| b | 7 | 12,345 | one \\| vote |',
  ])
})

test('what was not found counts with all the seeds that were run, unless it need not be found', () => {
  const outcome = (one: Mutant & { readonly bug: number }, seeds: number | undefined) => ({
    mutant: one,
    caught: seeds === undefined ? undefined : { ...caught, seeds },
    seedsMax: 500,
  })
  expect(medianOf([outcome(vote, 7), outcome(read, undefined), outcome(vote, 9)])).toBe(9)
  expect(medianOf([outcome(vote, 7), outcome(wait, undefined)])).toBe(7)
})
