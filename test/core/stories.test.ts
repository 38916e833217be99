// Each file is a story: prose after `#`, commands, `----`, what the cores did. `npx vitest run test/core/stories.test.ts -u` rewrites the
// answers. Read that diff as you would read code, and commit it only if you can say why each line moved.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { InvariantError } from '../../src/core/index.ts'
import { StoryTeller } from './story-teller.ts'

const folder = new URL('./stories/', import.meta.url)

for (const name of readdirSync(folder)) {
  test(name.replace('.txt', '').replaceAll('-', ' '), async () => {
    const teller = new StoryTeller()
    const told = readFileSync(new URL(name, folder), 'utf8')
    const actual = told.replace(/((?:^[^#\n].*\n)+?)----\n(?:.+\n)*/gm, (_, commands: string) => {
      const answers = commands
        .trimEnd()
        .split('\n')
        .flatMap((line) => teller.execute(line))
      return `${commands}----\n${answers.length === 0 ? 'nothing happens' : answers.join('\n')}\n`
    })
    await expect(actual).toMatchFileSnapshot(fileURLToPath(new URL(name, folder)))
  })
}

test('a story that says what nobody knows is an error', () => {
  expect(() => new StoryTeller().execute('dance 1')).toThrow(new InvariantError("the story says 'dance 1', and nobody knows 'dance'"))
})
