import { describe, expect, test } from 'vitest'
import { found, linted, placed } from './linted.ts'

describe('what is looked into', () => {
  test('the handlers and what they import by value, transitively; not the schema, generated code, or what is imported for its types', async () => {
    const { diagnostics, files } = await linted({
      'handlers.ts': [
        "import './generated/index.js'",
        "import { limit } from './schema.js'",
        "import type { A } from './types.js'",
        "import { type B } from './types.js'",
        "export * from './a/index.js'",
        'export const go = () => limit',
      ].join('\n'),
      'a/index.ts': "export { b } from '../b.js'\n",
      'b.ts': 'export const b = () => Math.random()\n',
      'types.ts': 'export interface A {}\nexport type B = 1\nMath.random()\n',
      'other.ts': 'Math.random()\n',
    })
    expect(files).toEqual(['handlers.ts', 'a/index.ts', 'b.ts'])
    expect(diagnostics.map(placed)).toEqual(['b.ts:1:24 RANDOM'])
  })

  test('modules that import each other, and modules in JavaScript', async () => {
    const { diagnostics, files } = await linted({
      'handlers.ts': "import { a } from './a.js'\nexport const go = () => a() + Date.now()\n",
      'a.js': "import { go } from './handlers.js'\nexport const a = () => Math.random() + go()\n",
    })
    expect(files).toEqual(['handlers.ts', 'a.js'])
    expect(diagnostics.map(placed)).toEqual(['2:31 CLOCK', 'a.js:2:24 RANDOM'])
  })

  test('the tsconfig says where a name leads', async () => {
    const { diagnostics } = await linted({
      'tsconfig.json': '{ "compilerOptions": { "module": "esnext", "moduleResolution": "bundler", "paths": { "~/*": ["./lib/*"] } } }',
      'handlers.ts': "import { a } from '~/a'\nexport const go = a\n",
      'lib/a.ts': 'export const a = () => Math.random()\n',
    })
    expect(diagnostics.map(placed)).toEqual(['lib/a.ts:1:24 RANDOM'])
  })

  test('packages are named once each and not looked into; declarations without their code as well', async () => {
    const { diagnostics, notLookedInto } = await linted({
      'handlers.ts':
        "import { z } from 'zod'\nimport { y } from '@acme/tools/deep'\nimport { x } from '@acme/tools'\nimport { a } from './a.js'\nimport Type from 'typebox'\n",
      'a.d.ts': 'export declare const a: number\n',
      'node_modules/zod/package.json': '{ "name": "zod", "main": "index.js", "types": "index.d.ts" }',
      'node_modules/zod/index.d.ts': 'export declare const z: number\n',
      'node_modules/zod/index.js': 'Math.random()\n',
    })
    expect(diagnostics).toEqual([])
    expect(notLookedInto).toEqual(['@acme/tools', 'a.d.ts', 'zod'])
  })

  test('types of Node or of the browser, installed or not, make no difference', async () => {
    const handlers = 'export const go = () => [process.pid, performance.now(), fetch]\n'
    const config = '{ "compilerOptions": { "lib": ["es2023", "dom"], "types": ["node"], "noLib": true, "composite": true } }'
    const { diagnostics } = await linted({ 'handlers.ts': handlers, 'tsconfig.json': config })
    expect(diagnostics.map(placed)).toEqual(await found(handlers))
    expect(diagnostics.map(placed)).toEqual(['1:26 MACHINE', '1:39 CLOCK', '1:58 IO'])
  })

  test('what cannot be found or read is a finding: it was not looked into', async () => {
    const { diagnostics } = await linted({ 'handlers.ts': "import { a } from './gone.js'\nexport const go = )\n" })
    expect(diagnostics.map(({ line, code, message }) => `${line} ${code} ${message}`)).toEqual([
      '1 UNREADABLE ./gone.js cannot be found, so it was not looked into',
      '2 UNREADABLE cannot be read: Expression expected.',
    ])
  })
})

describe('what is said', () => {
  test('each finding says what it is, why it makes replicas differ, and what to write', async () => {
    const { diagnostics } = await linted({ 'handlers.ts': 'export const go = () => Date.now()\n' })
    expect(diagnostics).toEqual([
      {
        severity: 'error',
        code: 'CLOCK',
        file: 'handlers.ts',
        line: 1,
        column: 25,
        endLine: 1,
        endColumn: 33,
        message: 'Date.now reads the clock of its machine',
        hint: 'Take the time from ctx.now: the same on every replica, and it never goes backwards.',
      },
    ])
  })

  test('output is a warning: it does no harm', async () => {
    const { diagnostics } = await linted({ 'handlers.ts': "console.log('a')\n" })
    expect(diagnostics.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      'warning console.log is no state, so it does no harm; but it is printed by each replica, and again whenever one replays its log',
    ])
  })
})

describe('a comment with a reason switches off what is found in one line', () => {
  test.each([
    ['at its end', 'const a = Math.random() // raftgen-ignore determinism: a seed that no state depends on'],
    ['before it', '// raftgen-ignore determinism: of no consequence\nconst a = Math.random()'],
    [
      'before it, other comments in between',
      '// raftgen-ignore determinism: of no consequence\n// biome-ignore lint: x\n\nconst a = Math.random()',
    ],
    ['several findings', 'const a = Math.random() + Date.now() // raftgen-ignore determinism: why not'],
    [
      'state of a module',
      '// raftgen-ignore determinism: a cache of what is computed from its key alone\nconst known = new Map<number, number>()\nexport const go = (n: number) => known.set(n, n * n)',
    ],
    ['an import', "import { readFileSync } from 'node:fs' // raftgen-ignore determinism: reads what is shipped with the program"],
  ])('%s', async (_, handlers) => {
    expect(await found(handlers)).toEqual([])
  })

  test.each([
    ['no reason', 'const a = Math.random() // raftgen-ignore determinism', ['1:11 RANDOM', '1:25 IGNORE_INVALID']],
    ['no reason behind the colon', '// raftgen-ignore determinism:\nconst a = Math.random()', ['1:1 IGNORE_INVALID', '2:11 RANDOM']],
    ['no rule', 'const a = Math.random() // raftgen-ignore: because', ['1:11 RANDOM', '1:25 IGNORE_INVALID']],
    ['an unknown rule', '// raftgen-ignore chance: because\nconst a = Math.random()', ['1:1 IGNORE_INVALID', '2:11 RANDOM']],
    ['nothing to switch off', '// raftgen-ignore determinism: because\nconst a = 1', ['1:1 IGNORE_UNUSED']],
    ['the wrong line', 'const a = 1 // raftgen-ignore determinism: because\nMath.random()', ['1:13 IGNORE_UNUSED', '2:1 RANDOM']],
    ['the end of the file', '// raftgen-ignore determinism: because', ['1:1 IGNORE_UNUSED']],
    ['what cannot be read', "// raftgen-ignore determinism: because\nimport './gone.js'", ['1:1 IGNORE_UNUSED', '2:8 UNREADABLE']],
  ])('with %s it switches nothing off, and is found itself', async (_, handlers, expected) => {
    expect(await found(handlers)).toEqual(expected)
  })

  test('in a text it is no comment', async () => {
    expect(await found("const text = '// raftgen-ignore determinism: because'")).toEqual([])
    expect(await found('const text = `\n// raftgen-ignore\n`')).toEqual([])
  })
})
