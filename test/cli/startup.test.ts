import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { built, builtMain, repository } from './built.ts'

beforeAll(built, 180_000)

test('what the command loads before it knows what is asked of it is small: nothing heavy, nothing of the runtime', () => {
  const { files, packages } = staticImports(join(repository, 'src/cli/main.ts'))
  expect(files.map((file) => relative(repository, file)).sort()).toEqual([
    'src/cli/cluster-program.ts',
    'src/cli/exit-code.ts',
    'src/cli/log-program.ts',
    'src/cli/main.ts',
    'src/cli/own-package.ts',
    'src/cli/program.ts',
    'src/cli/replay-program.ts',
    'src/cli/state-program.ts',
    'src/cli/terminal.ts',
  ])
  expect(packages.filter((name) => !name.startsWith('node:'))).toEqual(['commander'])
})

test('all of that is one script, which has no class that a module may know by another copy', () => {
  const text = readFileSync(builtMain, 'utf8')
  const required = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = '']) => name)
  expect(required.filter((name) => name !== 'url' && !name.startsWith('node:'))).toEqual(['commander'])
  expect(text).not.toMatch(/^\s*(?:const \w+ = )?class\b/m)
})

test('a client is loaded without what only servers need, and neither of them with what only tools need', () => {
  const bundled = (door: string): readonly string[] =>
    staticImports(join(repository, 'dist/src', door))
      .files.map((file) => relative(join(repository, 'dist/src'), file))
      .filter((file) => file.startsWith('bundle/') && !file.includes('runtime'))
      .sort()
  expect(bundled('client/index.js')).toEqual(['bundle/base.js', 'bundle/shared.js'])
  expect(bundled('contract/v1.js')).toEqual(['bundle/base.js', 'bundle/shared.js'])
  expect(bundled('server/index.js')).toEqual(['bundle/base.js', 'bundle/server.js', 'bundle/shared.js'])
  expect(bundled('errors.js')).toEqual(['bundle/base.js'])
})

/** What is loaded with `file`, whatever happens next: types and `import()` left out. */
function staticImports(file: string, seen = { files: [file], packages: [] as string[] }): typeof seen {
  const text = readFileSync(file, 'utf8')
  for (const [, specifier = ''] of text.matchAll(/^(?:import|export) (?!type )(?:[^'"]* from )?['"]([^'"]+)['"]/gm)) {
    const target = join(dirname(file), specifier)
    if (!specifier.startsWith('.')) seen.packages.push(specifier)
    else if (!seen.files.includes(target)) {
      seen.files.push(target)
      staticImports(target, seen)
    }
  }
  return seen
}
