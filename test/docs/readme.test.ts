import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { runCommand } from '../../src/cli/program.ts'
import { errorCodes } from '../../src/errors.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const readme = read('README.md')
/** Pages with blocks that stand for files. */
const pages = ['README.md', 'docs/core.md', 'docs/state.md']

/** One row a code, in the order of the code. */
function errorTable(): string {
  const rows = Object.entries(errorCodes).map(([code, { when, todo, outcome, retryable }]) => {
    return `| \`${code}\` | ${when} | ${outcome} | ${retryable === 'byReason' ? 'by its reason' : retryable ? 'yes' : 'no'} | ${todo} |`
  })
  return ['| code | when | outcome | retryable | what to do |', '|---|---|---|---|---|', ...rows].join('\n')
}

/** Where in `lines` the definition of `name` is: with the comments right before it, to the end of its brackets. */
function placeOf(lines: readonly string[], name: string): { readonly first: number; readonly end: number } {
  const begins = new RegExp(`^ *(?:export )?(?:(?:const|function) ${name}\\b|${name}: |${name}\\(.*[{(]$)`)
  const start = lines.findIndex((line) => begins.test(line))
  if (start === -1) throw new Error(`nothing is called ${name}`)
  const indent = lines[start]?.search(/\S/)
  let last = start
  // A line that closes one bracket may open the next: `): string {`.
  while (/[{([]$/.test(lines[last] ?? '')) last = lines.findIndex((line, i) => i > last && line.search(/\S/) === indent)
  const before = lines.slice(0, start).findLastIndex((line) => !/^ *(?:\/\/|\/?\*)/.test(line))
  return { first: before + 1, end: last + 1 }
}

/** Parts of a file: `a,b..d` are the definition of a, and all from b to d. */
function partsOf(text: string, names: string): string {
  const lines = text.split('\n')
  const parts = names.split(',').map((range) => {
    const [from = '', to = from] = range.split('..')
    const part = lines.slice(placeOf(lines, from).first, placeOf(lines, to).end)
    const indent = part[0]?.search(/\S/) ?? 0
    return part.map((line) => line.slice(indent)).join('\n')
  })
  return `${parts.join('\n\n')}\n`
}

/** The README with every block that stands for a file or a part of it, and the table of errors, as they are today. */
function filled(text: string): string {
  return text
    .replace(
      /(<!-- file: ([^\s#]+)(?:#(\S+))? -->\n```ts\n)[\s\S]*?```/g,
      (_, head: string, path: string, names: string | undefined) =>
        `${head}${names === undefined ? read(path) : partsOf(read(path), names)}\`\`\``,
    )
    .replace(/(<!-- table: errors -->\n)(?:\n?\|[^\n]*)*\n?/, (_, head: string) => `${head}\n${errorTable()}\n`)
}

async function run(file: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [new URL(`dist/${file}`, root).pathname], { timeout: 30_000 })
  return stdout
}

// `npx vitest run test/docs -u` writes them anew.
test.each(pages)('%s shows the examples and the errors as they are', async (page) => {
  await expect(filled(read(page))).toMatchFileSnapshot(new URL(page, root).pathname)
})

describe('README', () => {
  test('names only scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map(([, name = '']) => name)
    // `dev`, among others, is a script of the project that `raftgen init` makes.
    expect(named.filter((name) => name !== 'dev' && scripts[name] === undefined)).toEqual([])
  })

  test('names only files and folders that exist', () => {
    const paths = [...readme.matchAll(/`((?:src|codegen|templates|examples|test|docs)\/[\w/.-]*)`/g)].map(([, path = '']) => path)
    expect(paths.length).toBeGreaterThan(10)
    expect(paths.filter((path) => !existsSync(new URL(path, root)))).toEqual([])
  })
})

test.each(['README.md', 'docs/cluster.md', 'templates/service/README.md'])(
  '%s names only commands of the cluster that exist',
  async (page) => {
    const help: string[] = []
    await runCommand(['cluster', '--help'], { out: (line) => help.push(line), err: () => {}, paint: (_, text) => text })
    const named = [...read(page).matchAll(/raftgen cluster ([a-z]+)/g)].map(([, name = '']) => name)
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((name) => !help.join('\n').includes(`raftgen cluster ${name} `))).toEqual([])
  },
)

describe('the examples run', () => {
  test('the counter of the README', async () => {
    expect(await run('examples/counter/main.js')).toBe('added: 3\nadded: 7\nvalue: 7\n')
  })

  test('three cores by hand', async () => {
    const lines = (await run('examples/core/three-cores.js')).trimEnd().split('\n')
    const entries = (id: number) => [`${id}: entry 1 is a noop`, `${id}: entry 2 is hello`, `${id}: entry 3 is world`]
    const applied = lines.filter((line) => !line.includes('read'))
    expect([...new Set(applied)]).toEqual([1, 2, 3].flatMap(entries))
    // The follower that crashed applied everything twice.
    const again = applied.filter((line, i) => line === applied[i - 1])
    expect(again).toEqual(entries(Number(again[0]?.charAt(0))))
    expect(lines.filter((line) => line.includes('read'))).toEqual([expect.stringMatching(/^\d: read 7 may be served at index \d$/)])
  })

  test('the runtime without the generator', async () => {
    expect(await run('examples/raw/main.js')).toBe('line 1 is entry 4 of the log\nline 2 is entry 5 of the log\nfirst\nsecond\n')
  })
})
