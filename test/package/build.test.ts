import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { built, repository } from '../cli/built.ts'
import { temporaryFolder } from '../cli/temporary-folder.ts'

beforeAll(built, 180_000)

/** A copy: others run what is in `dist/` meanwhile. */
test('what is left of a source that is gone goes with the next build, and nothing else', { timeout: 60_000 }, () => {
  const copy = temporaryFolder()
  for (const part of ['src', 'codegen', 'dist/src', 'dist/codegen', 'bundle.js', 'package.json']) {
    cpSync(join(repository, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'))
  const built = () => readdirSync(join(copy, 'dist'), { recursive: true, encoding: 'utf8' }).sort()
  const before = built()
  const left = ['src/wire/gone.js', 'src/wire/gone.d.ts', 'src/bundle/gone.js', 'codegen/gone.js'].map((file) => join(copy, 'dist', file))
  for (const file of left) writeFileSync(file, 'export {}\n')

  execFileSync(process.execPath, ['bundle.js'], { cwd: copy, stdio: 'ignore' })

  expect(left.filter((file) => existsSync(file))).toEqual([])
  expect(built()).toEqual(before)
})
