// Words of the language as names of commands and queries: each stands in an interface, an object literal and a class.
import { beforeAll, expect, test } from 'vitest'
import { built } from './built.ts'
import { project, textOf } from './project.ts'
import { raftgen } from './raftgen.ts'
import { writeFiles } from './temporary-folder.ts'
import { typeErrors } from './type-errors.ts'

beforeAll(built, 180_000)

const words = (
  'abstract accessor any as assert async await boolean break case catch class connect const continue debugger declare default delete do ' +
  'else enum export extends false finally for from function get global if implements import in infer instanceof interface is keyof let ' +
  'module namespace never new null of out over override package private protected public readonly require return satisfies set static ' +
  'super switch this throw true try type typeof undefined unique unknown using var void while with yield'
).split(' ')

// With a title, since some of these words would otherwise name a type after one of the language: `Set`.
const operations = (list: readonly string[], output: string): string =>
  list.map((word) => `    ${word}: { input: Type.Object({}, { title: '${word} call' })${output} },\n`).join('')

test('every word of the language may name a command or a query: stubs, interface and client compile', async () => {
  const half = Math.ceil(words.length / 2)
  const commands = words.toSorted().slice(0, half)
  const queries = words.toSorted().slice(half)
  for (const [asCommands, asQueries] of [[commands, queries] as const, [queries, commands] as const]) {
    const folder = project({
      'schema.ts': `import { defineMachine } from 'raftgen'
import Type from 'typebox'

export default defineMachine({
  name: 'words',
  version: 1,
  state: Type.Object({}),
  commands: {\n${operations(asCommands, '')}  },
  queries: {\n${operations(asQueries, ', output: Type.Null()')}  },
})
`,
    })
    expect(await raftgen(folder, ['schema.ts'])).toMatchObject({ code: 0 })
    const calls = words.map((word) => `  await client.${word}()\n`).join('')
    const use = `import type { WordsClient } from './generated/index.js'\n\nexport async function use(client: WordsClient): Promise<void> {\n${calls}}\n`
    writeFiles(folder, { 'use.ts': use })
    expect(textOf(folder, 'handlers.ts')).toContain('  new(_state, _input, _ctx) {\n')
    expect(typeErrors(folder, ['handlers.ts', 'use.ts', 'generated/index.ts'])).toEqual([])
    expect((await raftgen(folder, ['schema.ts'])).err).toBe('words: up to date, 8 files unchanged\n')
  }
}, 60_000)
