import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { packageNameOf } from '../../src/cli/init.ts'
import { ownPackage } from '../../src/cli/own-package.ts'
import { built } from './built.ts'
import { raftgen } from './raftgen.ts'
import { temporaryFolder } from './temporary-folder.ts'

beforeAll(built, 180_000)

const files = [
  '.gitignore',
  'README.md',
  'client.ts',
  'cluster.ts',
  'dev.ts',
  'handlers.ts',
  'machine.test.ts',
  'package.json',
  'schema.ts',
  'server.ts',
  'tsconfig.json',
  'vitest.config.ts',
]

test('a new folder gets a project with its name and our version', async () => {
  const folder = temporaryFolder()
  const { code, out, err } = await raftgen(folder, ['init', 'My Svc'])
  expect({ code, out }).toEqual({ code: 0, out: files.map((file) => `My Svc/${file}\n`).join('') })
  expect(err).toBe('created my-svc. Next:\n  cd "My Svc"\n  npm install\n  npm run generate\n  npm test\n  npm run dev\n')
  expect(readdirSync(join(folder, 'My Svc')).sort()).toEqual(files)

  const { version, typebox } = ownPackage()
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'My Svc/package.json'), 'utf8'))
  expect(manifest).toMatchObject({ name: 'my-svc', dependencies: { raftgen: `^${version}`, typebox: `^${typebox}` } })
  expect(readFileSync(join(folder, 'My Svc/README.md'), 'utf8')).toMatch(/^# my-svc\n/)
})

test('without a folder the working directory is meant, a fresh repository too', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, '.git'))
  const { code, out } = await raftgen(folder, ['init'])
  expect({ code, out }).toEqual({ code: 0, out: files.map((file) => `${file}\n`).join('') })
})

test('a folder that holds something is refused, and what is in the way is named', async () => {
  const folder = temporaryFolder({ 'svc/b.ts': '', 'svc/a.ts': '', 'svc/.env': '' })
  expect(await raftgen(folder, ['init', 'svc'])).toEqual({
    code: 2,
    out: '',
    err: 'raftgen: svc is not empty: .env, a.ts, b.ts; nothing was written\n  Name a folder that is empty or does not exist.\n',
  })
  expect(readdirSync(join(folder, 'svc')).sort()).toEqual(['.env', 'a.ts', 'b.ts'])
})

test('of many things in the way five are named', async () => {
  const folder = temporaryFolder()
  for (const name of 'abcdefg') writeFileSync(join(folder, name), '')
  expect((await raftgen(folder, ['init'])).err).toContain('. is not empty: a, b, c, d, e and 2 more; nothing was written')
})

test('a file in place of the folder is refused', async () => {
  const folder = temporaryFolder({ svc: '' })
  expect(await raftgen(folder, ['init', 'svc'])).toEqual({
    code: 2,
    out: '',
    err: 'raftgen: svc is a file\n  Name a folder that is empty or does not exist.\n',
  })
  expect(existsSync(join(folder, 'svc/schema.ts'))).toBe(false)
})

test('--json prints one object', async () => {
  const { code, out } = await raftgen(temporaryFolder(), ['init', 'svc', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({ ok: true, dir: 'svc', name: 'svc', files: files.map((file) => `svc/${file}`) })
})

test.each([
  ['svc', 'svc'],
  ['My Service', 'my-service'],
  ['.hidden', 'hidden'],
  ['größe', 'gr-e'],
  ['日本', 'service'],
  ['a@b', 'a-b'],
])('a folder %s makes a package %s', (folder, name) => {
  expect(packageNameOf(folder)).toBe(name)
})
