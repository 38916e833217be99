import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compareWithDisk, emittedHeader, writePlan } from '../../codegen/write.ts'
import { temporaryFolder } from '../cli/temporary-folder.ts'

const nothing = { created: [], updated: [], removed: [], unchanged: [] }
const ours = `${emittedHeader}0.1.0\n`

test('a file is created with its folders, and no temporary file stays', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'a/b/c.ts')
  expect(await writePlan({ files: [{ path, text: ours }], stale: [] })).toEqual({ ...nothing, created: [path] })
  expect(readFileSync(path, 'utf8')).toBe(ours)
  expect(readdirSync(join(folder, 'a/b'))).toEqual(['c.ts'])
})

test('a file that is right already is not touched', async () => {
  const path = join(temporaryFolder({ 'a.ts': ours }), 'a.ts')
  utimesSync(path, 1_000, 1_000)
  expect(await writePlan({ files: [{ path, text: ours }], stale: [] })).toEqual({ ...nothing, unchanged: [path] })
  expect(statSync(path).mtimeMs).toBe(1_000_000)
})

test('comparing tells what would happen and writes nothing', async () => {
  const folder = temporaryFolder({ 'old.ts': `${ours}old`, 'same.ts': ours, 'stale.ts': ours })
  const old = join(folder, 'old.ts')
  const same = join(folder, 'same.ts')
  const stale = join(folder, 'stale.ts')
  const fresh = join(folder, 'fresh.ts')
  const files = [old, same, fresh].map((path) => ({ path, text: ours }))
  expect(await compareWithDisk({ files, stale: [stale] })).toEqual({
    created: [fresh],
    updated: [old],
    removed: [stale],
    unchanged: [same],
  })
  expect(readFileSync(old, 'utf8')).toBe(`${ours}old`)
  expect(existsSync(fresh)).toBe(false)
  expect(existsSync(stale)).toBe(true)
})

test('a stale file goes, unless somebody else wrote it', async () => {
  const folder = temporaryFolder({ 'ours.ts': ours, 'notes.ts': 'export const mine = 1\n' })
  const stale = [join(folder, 'ours.ts'), join(folder, 'notes.ts'), join(folder, 'never.ts')]
  expect((await writePlan({ files: [], stale })).removed).toEqual([join(folder, 'ours.ts')])
  expect(readdirSync(folder)).toEqual(['notes.ts'])
})

test('a file of the user that was saved meanwhile is not overwritten, nor is anything else written', async () => {
  const folder = temporaryFolder({ 'handlers.ts': 'saved just now' })
  const handlers = { path: join(folder, 'handlers.ts'), text: 'with a stub', basis: { text: 'as it was read' } }
  const other = { path: join(folder, 'other.ts'), text: ours }
  await expect(writePlan({ files: [other, handlers], stale: [] })).rejects.toThrow(
    `${handlers.path} was changed by someone else during the run; nothing was written`,
  )
  expect(readFileSync(handlers.path, 'utf8')).toBe('saved just now')
  expect(readdirSync(folder)).toEqual(['handlers.ts'])
})

test('mode and symbolic link of a file survive its update', async () => {
  const folder = temporaryFolder({ 'real.ts': 'old' })
  chmodSync(join(folder, 'real.ts'), 0o640)
  symlinkSync(join(folder, 'real.ts'), join(folder, 'handlers.ts'))
  await writePlan({ files: [{ path: join(folder, 'handlers.ts'), text: 'new', basis: { text: 'old' } }], stale: [] })
  expect(lstatSync(join(folder, 'handlers.ts')).isSymbolicLink()).toBe(true)
  expect(readFileSync(join(folder, 'real.ts'), 'utf8')).toBe('new')
  expect(statSync(join(folder, 'real.ts')).mode & 0o777).toBe(0o640)
})

test('when one file cannot be written, none is', async () => {
  const folder = temporaryFolder({ 'a.ts': `${ours}old` })
  symlinkSync(join(folder, 'no/such/folder/b.ts'), join(folder, 'b.ts'))
  const files = [
    { path: join(folder, 'a.ts'), text: ours },
    { path: join(folder, 'b.ts'), text: ours },
  ]
  await expect(writePlan({ files, stale: [] })).rejects.toThrow('ENOENT')
  expect(readFileSync(join(folder, 'a.ts'), 'utf8')).toBe(`${ours}old`)
  expect(readdirSync(folder).sort()).toEqual(['a.ts', 'b.ts'])
})

test('generated code goes over generated code only', async () => {
  const folder = temporaryFolder({ 'index.ts': 'export const mine = 1\n', 'empty.ts': '', 'old.ts': `${ours}old` })
  const files = ['old.ts', 'empty.ts'].map((name) => ({ path: join(folder, name), text: ours }))
  await writePlan({ files, stale: [] })
  expect(readFileSync(join(folder, 'empty.ts'), 'utf8')).toBe(ours)

  const path = join(folder, 'index.ts')
  await expect(writePlan({ files: [{ path, text: ours }], stale: [] })).rejects.toThrow(`${path} is not a file that raftgen has written`)
  expect(readFileSync(path, 'utf8')).toBe('export const mine = 1\n')
})
