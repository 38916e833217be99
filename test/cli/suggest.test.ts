import { expect, test } from 'vitest'
import { suggestion } from '../../src/cli/suggest.ts'

const commands = ['generate', 'init', 'bootstrap', 'freeze', 'help']

test.each([
  ['inti', 'init'],
  ['INIT', 'init'],
  ['freze', 'freeze'],
  ['bootstrp', 'bootstrap'],
  ['gnerate', 'generate'],
  ['locks', undefined],
  ['i', undefined],
  ['watch', undefined],
])('%s: %s is suggested', (word, meant) => {
  expect(suggestion(word, commands)).toBe(meant)
})
