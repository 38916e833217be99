import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { packageNameOf } from '../../src/cli/init.ts'
import { ownPackage } from '../../src/cli/own-package.ts'
import { installedSpec } from '../../src/cli/installed-spec.ts'
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
  'sim.test.ts',
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

test('from where raftgen is installed from a file, the project takes it too, and the path is right from there', async () => {
  const folder = temporaryFolder({ 'package.json': '{ "devDependencies": { "raftgen": "file:packs/raftgen-0.1.0.tgz" } }' })
  await raftgen(folder, ['init', 'services/svc'])
  expect(JSON.parse(readFileSync(join(folder, 'services/svc/package.json'), 'utf8'))).toMatchObject({
    dependencies: { raftgen: 'file:../../packs/raftgen-0.1.0.tgz' },
  })
})

test.each([
  ['file:raftgen-0.1.0.tgz', 'file:../raftgen-0.1.0.tgz'],
  ['file:./raftgen', 'file:../raftgen'],
  ['./raftgen-0.1.0.tgz', 'file:../raftgen-0.1.0.tgz'],
  ['link:../raftgen', 'link:../../raftgen'],
  ['file:/packs/raftgen.tgz', 'file:/packs/raftgen.tgz'],
  ['file:~/raftgen.tgz', 'file:~/raftgen.tgz'],
  ['github:raftgen/raftgen#main', 'github:raftgen/raftgen#main'],
  ['raftgen/raftgen', 'raftgen/raftgen'],
  ['git+ssh://git@example.com/raftgen.git', 'git+ssh://git@example.com/raftgen.git'],
  ['https://example.com/raftgen-0.1.0.tgz', 'https://example.com/raftgen-0.1.0.tgz'],
  ['^0.1.0', undefined],
  ['latest', undefined],
  ['npm:other@1.0.0', undefined],
])('raftgen installed as %s is written as %s into a folder beside', (spec, written) => {
  const folder = temporaryFolder({ 'package.json': JSON.stringify({ dependencies: { raftgen: spec } }) })
  expect(installedSpec(join(folder, 'svc'))).toBe(written)
})

test('the nearest package.json that names raftgen decides; one that cannot be read does not', () => {
  const outer = '{ "dependencies": { "raftgen": "file:raftgen.tgz" } }'
  const folder = temporaryFolder({ 'package.json': outer, 'a/package.json': '{ "dependencies": {} }', 'a/b/package.json': '{ "dep' })
  expect(installedSpec(join(folder, 'a/b/svc'))).toBe('file:../../../raftgen.tgz')
  const inner = temporaryFolder({ 'package.json': outer, 'a/package.json': '{ "dependencies": { "raftgen": "0.1.0" } }' })
  expect(installedSpec(join(inner, 'a/svc'))).toBeUndefined()
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
