import { join } from 'node:path'
import { expect, test } from 'vitest'
import { localImports } from '../../src/cli/local-imports.ts'
import { temporaryFolder } from './temporary-folder.ts'

test('a schema is made of itself and what it imports by a relative path, transitively', () => {
  const folder = temporaryFolder({
    'own/schema.ts': "import { a } from './a.js'\nimport Type from 'typebox'\nexport * from '../shared/b.ts'\n",
    'shared/b.ts': '',
  })
  const files = localImports(join(folder, 'own/schema.ts'))
  expect([...files.keys()]).toEqual([join(folder, 'own/schema.ts'), join(folder, 'own/a.ts'), join(folder, 'shared/b.ts')])
  expect(files.get(join(folder, 'own/a.ts'))).toBeUndefined()
})

test('modules that import each other are read once, extensions may be missing', () => {
  const folder = temporaryFolder({ 'a.ts': "import './b'\nimport './c'", 'b.ts': "import('./a')", 'c/index.ts': '' })
  expect([...localImports(join(folder, 'a.ts')).keys()]).toEqual(['a.ts', 'b.ts', 'c/index.ts'].map((file) => join(folder, file)))
})
