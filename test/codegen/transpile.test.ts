import { createJiti } from 'jiti'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { transpiled } from '../../codegen/transpile.ts'

const folder = mkdtempSync(join(tmpdir(), 'raftgen-transpile-'))
afterAll(() => rmSync(folder, { recursive: true }))

const code = (source: string): string | undefined => transpiled({ source, filename: 'schema.ts', async: true })

async function run(source: string): Promise<unknown> {
  const file = join(folder, 'schema.ts')
  writeFileSync(
    join(folder, 'lease.ts'),
    'export interface Shape { readonly a: number }\nexport const lease: Shape = { a: 1 }\nexport default 5\n',
  )
  writeFileSync(file, source)
  const transform = (request: { readonly source: string }) => ({ code: code(request.source) ?? 'throw new Error("not transpiled")' })
  return await createJiti(import.meta.url, { fsCache: false, moduleCache: false, interopDefault: false, transform }).import(file)
}

test.each<readonly [string, string, object]>([
  [
    'types',
    'type A = 1\ninterface B { readonly c: A }\nexport const a = <T extends B>(b: T): A => b.c as A\nexport default a({ c: 1 })',
    { default: 1 },
  ],
  ['imports', "import five, { lease } from './lease.ts'\nexport default five + lease.a", { default: 6 }],
  ['a namespace', "import * as all from './lease.ts'\nexport default all.lease.a", { default: 1 }],
  [
    'imports of types alone',
    "import type { Shape } from './lease.ts'\nimport { type Other } from './not-there.ts'\nexport default 1 satisfies Shape['a']",
    { default: 1 },
  ],
  ['a type among values', "import { lease, Shape } from './lease.ts'\nconst a: Shape = lease\nexport default a.a", { default: 1 }],
  [
    'what is passed on',
    "export { lease as grant } from './lease.ts'\nexport * from './lease.ts'\nexport default 2",
    { default: 2, grant: { a: 1 }, lease: { a: 1 } },
  ],
  ['a shorthand', "import { lease } from './lease.ts'\nexport default { lease }", { default: { lease: { a: 1 } } }],
  ['an enum', 'enum A { x = 3 }\nexport default A.x', { default: 3 }],
])('%s run as the compiler would have them', async (_, source, expected) => {
  expect(await run(source)).toMatchObject(expected)
})

test('every line stays where it is', () => {
  const source = "import Type from 'typebox'\ninterface A {\n  readonly b: 1\n}\n\nexport default 1"
  expect(code(source)?.split('\n')[5]).toContain('exports. default = 1')
})

test.each([
  ['JavaScript', undefined],
  ['what knows where it is', 'export default import.meta.url'],
  ['what imports later', "export default await import('./lease.ts')"],
  ['what requires', "export default require('./lease.ts')"],
  ['what is not understood', 'export default ('],
])('%s is left to jiti', (_, source) => {
  const transpile = { source: source ?? 'export default 1', filename: source === undefined ? 'schema.js' : 'schema.ts', async: true }
  expect(transpiled(transpile)).toBeUndefined()
})
