import { describe, expect, test } from 'vitest'
import { codeFrame, type Framed } from '../../src/cli/code-frame.ts'
import { diagnosticText } from '../../src/cli/diagnostic-text.ts'
import { command } from './in-process.ts'
import { counterSchema, project } from './project.ts'
import { temporaryFolder } from './temporary-folder.ts'

const frame = (text: string, place: Framed): readonly string[] | undefined =>
  codeFrame(text, place)?.map(({ gutter, code }) => `${gutter} ${code}`.trimEnd())
const span = (line: number, column: number, endColumn: number): Framed => ({ line, column, endLine: line, endColumn })

describe('a code frame', () => {
  test('has the line before, carets under the place, and the line after', () => {
    expect(frame('one\nlet two = 2\nthree\n', span(2, 5, 8))).toEqual(['  1 | one', '> 2 | let two = 2', '    |     ^^^', '  3 | three'])
  })

  test('has no line before the first, and none after the last', () => {
    expect(frame('only\n', span(1, 1, 5))).toEqual(['> 1 | only', '    | ^^^^'])
    expect(frame('only', span(1, 1, 5))).toEqual(['> 1 | only', '    | ^^^^'])
  })

  test('has numbers of one width', () => {
    const text = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`).join('\n')
    expect(frame(text, span(9, 6, 7))).toEqual(['   8 | line 8', '>  9 | line 9', '     |      ^', '  10 | line 10'])
  })

  test('underlines a place that goes on in the next line up to the end of its first', () => {
    expect(frame('f({\n  a,\n})', { line: 1, column: 3, endLine: 3, endColumn: 2 })).toEqual(['> 1 | f({', '    |   ^', '  2 |   a,'])
  })

  test('has one caret where only the beginning is known, or nothing is there', () => {
    expect(frame('let a', { line: 1, column: 5 })).toEqual(['> 1 | let a', '    |     ^'])
    expect(frame('let a', span(1, 6, 6))).toEqual(['> 1 | let a', '    |      ^'])
    expect(frame('a\n', span(2, 1, 1))).toEqual(['  1 | a', '> 2 |', '    | ^'])
  })

  test('keeps tabs, and counts what is two columns wide as two', () => {
    expect(frame('\t\tbad', span(1, 3, 6))).toEqual(['> 1 | \t\tbad', '    | \t\t^^^'])
    expect(frame("f('漢字', bad)", span(1, 9, 12))).toEqual(["> 1 | f('漢字', bad)", '    |           ^^^'])
  })

  test('does not mind where lines end', () => {
    expect(frame('a\r\nb\r\nc', span(2, 1, 2))).toEqual(['  1 | a', '> 2 | b', '    | ^', '  3 | c'])
  })

  test('shows a window of a long line', () => {
    const text = `${'x'.repeat(500)}bad${'y'.repeat(500)}`
    expect(frame(text, span(1, 501, 504))).toEqual([`> 1 | …${'x'.repeat(40)}bad${'y'.repeat(77)}…`, `    | ${' '.repeat(41)}^^^`])
  })

  test('is none where the file has no such place any more', () => {
    expect(frame('a', span(2, 1, 2))).toBeUndefined()
    expect(frame('a', span(1, 9, 10))).toBeUndefined()
  })
})

test('a diagnostic is painted on a terminal: place, severity, gutter, carets, way out', () => {
  const folder = temporaryFolder({ 'a.ts': 'let bad\n' })
  const diagnostic = {
    severity: 'warning',
    code: 'ERROR_UNUSED',
    file: `${folder}/a.ts`,
    ...span(1, 5, 8),
    message: 'is so',
    hint: 'do so',
  } as const
  const painted = diagnosticText(diagnostic, (style, text) => `<${style}>${text}</>`)
  expect(painted.replaceAll(folder, '')).toBe(
    [
      '<bold>/a.ts:1:5</> <yellow>warning ERROR_UNUSED</> is so',
      '  <dim>> 1 |</> let bad',
      '  <dim>    |</> <yellow>    ^^^</>',
      '<dim>  do so</>',
    ].join('\n'),
  )
})

test('raftgen shows the lines of what is wrong, and --json has where it ends', async () => {
  const folder = project({ 'schema.ts': counterSchema({ commands: '    add: { input: Type.Object({ by: Type.Any() }) },' }) })
  const schema = `${folder}/schema.ts`
  const { err } = await command([schema])
  expect(
    err.slice(err.indexOf(' error ')),
  ).toBe(` error TYPE_UNSUPPORTED commands.add.input.by is any, so replicas could not agree on its bytes
     9 |   commands: {
  > 10 |     add: { input: Type.Object({ by: Type.Any() }) },
       |                                     ^^^^^^^^^^
    11 |   },
  Say what it is: an object, a union; or bytes() for what the machine does not look into.
1 error; nothing was written
`)
  const { out } = await command([schema, '--json'])
  expect(JSON.parse(out)).toMatchObject({ diagnostics: [{ line: 10, column: 37, endLine: 10, endColumn: 47 }] })
}, 60_000)
