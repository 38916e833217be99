import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Mutant } from '../mutants/mutant.ts'
import { mutants } from '../mutants/mutants.ts'
import { mutantsPage } from '../mutants/results.ts'

const path = new URL('../../docs/mutants.md', import.meta.url)

const mutant = (name: string, harmless?: Mutant['harmless']): Mutant => ({
  name,
  file: 'src/core/raft.ts',
  find: 'a',
  replace: 'b',
  ...(harmless === undefined ? {} : { harmless }),
})
const [vote, read, wait] = [mutant('two votes (§3.4)'), mutant('a | b', 'equivalent'), mutant('nobody waits', 'liveness only')]
const rowsOf = (page: string): readonly string[] => page.split('\n').filter((line) => /^\| \d/.test(line))

// `npx vitest run test/docs -u` adds the rows of new mutants, and takes away those of old ones.
test('docs/mutants.md has a row for each mutant', async () => {
  await expect(mutantsPage(mutants, [], readFileSync(path, 'utf8'))).toMatchFileSnapshot(path.pathname)
})

test.each(mutants)('what is broken stands in its file once: $name', ({ file, find }) => {
  const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  expect(source.split(find)).toHaveLength(2)
})

test('what became of a mutant stands in its row: what caught it, or why nothing had to', () => {
  const outcomes = [
    { mutant: vote, caughtBy: 'x.test.ts: a | b (seed 7)' },
    { mutant: read, caughtBy: undefined },
  ]
  expect(rowsOf(mutantsPage([vote, read, wait], outcomes, ''))).toEqual([
    '| 1 | two votes | §3.4 | `src/core/raft.ts` | x.test.ts: a \\| b (seed 7) |',
    '| 2 | a \\| b |  | `src/core/raft.ts` | *equivalent* |',
    '| 3 | nobody waits |  | `src/core/raft.ts` | not run yet |',
  ])
})

test('a survivor that should have been caught is shown as one', () => {
  expect(rowsOf(mutantsPage([vote], [{ mutant: vote, caughtBy: undefined }], ''))[0]).toContain('| **nothing** |')
})

test('rows of mutants that were not run stay, wherever they stand by now, and those that are no more go', () => {
  const first = mutantsPage(
    [vote, read, wait],
    [
      { mutant: vote, caughtBy: 'one' },
      { mutant: read, caughtBy: 'two' },
    ],
    '',
  )
  const second = mutantsPage([wait, read, vote], [{ mutant: wait, caughtBy: undefined }], first)
  expect(rowsOf(second).map((row) => row.split(/(?<!\\)\|/)[5])).toEqual([' *liveness only* ', ' two ', ' one '])
  expect(rowsOf(mutantsPage([read], [], second))).toEqual(['| 1 | a \\| b |  | `src/core/raft.ts` | two |'])
})
