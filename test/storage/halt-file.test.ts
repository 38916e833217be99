import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readHalt, removeHalt, writeHalt } from '../../src/storage/halt-file.ts'

const fatal = { index: 17, command: 'transfer', message: 'Maximum call stack size exceeded' }
let dir = ''

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'raftgen-halt-'))
})
afterEach(async () => {
  await rm(dir, { recursive: true, force: true })
})

describe('the command that a node died of', () => {
  test('is none in a directory that holds none', async () => {
    expect(await readHalt(dir)).toBeUndefined()
  })

  test('is read as it was written, from a file for its owner alone', async () => {
    await writeHalt(dir, { ...fatal, index: 3 })
    await writeHalt(dir, fatal)
    expect(await readHalt(dir)).toEqual(fatal)
    expect(await readdir(dir)).toEqual(['halted.json'])
    expect(((await stat(join(dir, 'halted.json'))).mode & 0o777).toString(8)).toBe('600')
  })

  test('is gone once it is removed, and may be removed twice', async () => {
    await writeHalt(dir, fatal)
    await removeHalt(dir)
    await removeHalt(dir)
    expect(await readdir(dir)).toEqual([])
  })

  test('is what it was when another was not written to its end', async () => {
    await writeHalt(dir, fatal)
    await writeFile(join(dir, 'halted.json.next'), '{"format":1,"in')
    expect(await readHalt(dir)).toEqual(fatal)
  })

  test.each([
    ['it is not JSON', '{"format":1,'],
    ['it does not name a command', '{"format":1,"index":"17"}'],
    ['it does not name a command', 'null'],
    ['it does not match its checksum', JSON.stringify({ format: 1, ...fatal, checksum: '00000000' })],
  ])('cannot be told where %s', async (what, text) => {
    const path = join(dir, 'halted.json')
    await writeFile(path, text)
    await expect(readHalt(dir)).rejects.toMatchObject({
      code: 'STORAGE_DAMAGED',
      message: `${path}: ${what}. Remove it: the node then tries again what it died of, and notes it anew where it still does.`,
    })
  })
})
