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

/** What is loaded with `file`, whatever happens next: types and `import()` left out. */
function staticImports(file: string, seen = { files: [file], packages: [] as string[] }): typeof seen {
  const text = readFileSync(file, 'utf8')
  for (const [, specifier = ''] of text.matchAll(/^(?:import|export) (?!type )[^'"]*from '([^']+)'/gm)) {
    const target = join(dirname(file), specifier)
    if (!specifier.startsWith('.')) seen.packages.push(specifier)
    else if (!seen.files.includes(target)) {
      seen.files.push(target)
      staticImports(target, seen)
    }
  }
  return seen
}
