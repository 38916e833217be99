// Each bug that other implementations had once is a test with its number in its name. Which they are: `README.md` beside this file.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const files = ['test/core/known-bugs.test.ts', ...readdirSync('test/known-bugs').map((file) => `test/known-bugs/${file}`)]
const names = files.flatMap((file) => {
  const text = readFileSync(file, 'utf8')
  return file.endsWith('.test.ts')
    ? [...text.matchAll(/\b(?:test|describe)(?:\.each\([^)]*\))?\('([^']*)/g)].map((match) => match[1] ?? '')
    : []
})

test('each of the 36 known bugs, and those of the older library, has a test', () => {
  const numbers = names.flatMap((name) => [...name.matchAll(/\bbug (\d+):/g)].map((match) => Number(match[1])))
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: 36 }, (_, i) => i + 1))
  expect(names.filter((name) => name.startsWith('of the older library: ')).length).toBeGreaterThanOrEqual(5)
})

test('each is described in the list, by number', () => {
  const listed = [...readFileSync('test/known-bugs/README.md', 'utf8').matchAll(/^(\d+)\. /gm)].map((match) => Number(match[1]))
  expect(listed).toEqual(Array.from({ length: 36 }, (_, i) => i + 1))
})
