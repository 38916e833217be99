import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type KeptVersion, keepSchema, readSchema } from '../../src/storage/schema-file.ts'

let dir = ''

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'raftgen-schema-'))
})
afterEach(async () => {
  await rm(dir, { recursive: true, force: true })
})

const schema = (version: number, status: 'open' | 'frozen', wire = `w${version}`, more: object = {}): KeptVersion => ({
  version,
  text: JSON.stringify({ status, wire, ...more }),
})
const keep = (...versions: readonly KeptVersion[]) => keepSchema(dir, { machine: 'locks', versions })
const kept = async (): Promise<readonly KeptVersion[] | undefined> => (await readSchema(dir))?.versions
const path = (): string => join(dir, 'schema.json')

describe('the schema beside a log', () => {
  test('is none where no build has left one', async () => {
    expect(await readSchema(dir)).toBeUndefined()
  })

  test('is read as it was given, from a file for its owner alone', async () => {
    await keep(schema(1, 'frozen'), schema(2, 'open', 'w2', { types: { '10': 1, '9': 2, __proto__x: "it's" } }))
    expect(await readSchema(dir)).toEqual({
      machine: 'locks',
      versions: [schema(1, 'frozen'), schema(2, 'open', 'w2', { types: { '9': 2, '10': 1, __proto__x: "it's" } })],
    })
    expect(await readdir(dir)).toEqual(['schema.json'])
    expect(((await stat(path())).mode & 0o777).toString(8)).toBe('600')
  })

  test('keeps the versions that a later build does not have any more, and those that an older one does not have yet', async () => {
    await keep(schema(1, 'frozen'), schema(2, 'frozen'))
    await keep(schema(2, 'frozen'), schema(3, 'open'))
    await keep(schema(1, 'frozen'))
    expect(await kept()).toEqual([schema(1, 'frozen'), schema(2, 'frozen'), schema(3, 'open')])
  })

  test('has of an open version what was said last', async () => {
    await keep(schema(1, 'open', 'aa'))
    await keep(schema(1, 'open', 'bb'))
    expect(await kept()).toEqual([schema(1, 'open', 'bb')])
    await keep(schema(1, 'frozen', 'bb'))
    expect(await kept()).toEqual([schema(1, 'frozen', 'bb')])
  })

  test('stays frozen when a build comes back from before that', async () => {
    await keep(schema(1, 'frozen', 'aa', { state: [] }))
    await keep(schema(1, 'open', 'aa'))
    expect(await kept()).toEqual([schema(1, 'frozen', 'aa', { state: [] })])
  })

  test('is not written again where there is nothing new', async () => {
    await keep(schema(1, 'frozen'))
    const before = await stat(path())
    await keep(schema(1, 'frozen'))
    expect((await stat(path())).ino).toBe(before.ino)
  })

  test('is what it was when another was not written to its end', async () => {
    await keep(schema(1, 'frozen'))
    await writeFile(join(dir, 'schema.json.next'), '{ "format": 1')
    expect(await kept()).toEqual([schema(1, 'frozen')])
    expect(await keep(schema(2, 'open'))).toBeUndefined()
    expect(await readdir(dir)).toEqual(['schema.json'])
  })

  test('of another machine is not mixed with that of this one', async () => {
    await keepSchema(dir, { machine: 'bank', versions: [schema(7, 'frozen')] })
    await keep(schema(1, 'frozen'))
    expect(await readSchema(dir)).toEqual({ machine: 'locks', versions: [schema(1, 'frozen')] })
  })

  test.each([
    ['it is not JSON', '{"format":1,'],
    ['it does not hold a schema', 'null'],
    ['it does not hold a schema', '{"format":1,"machine":"locks"}'],
    ['it does not match its checksum', '{"format":1,"machine":"locks","versions":{"1":{"status":"open"}},"checksum":"00000000"}'],
  ])('cannot be told where %s, and is then written anew', async (what, text) => {
    await writeFile(path(), text)
    const todo = 'No node needs it: start this one, and it is written anew, with the versions that its build knows.'
    await expect(readSchema(dir)).rejects.toMatchObject({ code: 'STORAGE_DAMAGED', message: `${path()}: ${what}. ${todo}` })
    expect(await keep(schema(1, 'frozen'))).toMatchObject({ what })
    expect(await kept()).toEqual([schema(1, 'frozen')])
  })

  test('with a flipped bit anywhere is never another schema', async () => {
    await keep(schema(1, 'frozen'), schema(2, 'open'))
    const whole = await readSchema(dir)
    const bytes = await readFile(path())
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 4 : byte))
      await writeFile(path(), flipped)
      const read = await readSchema(dir).catch((error: Error) => error)
      if (!(read instanceof Error)) expect(read).toEqual(whole)
    }
  })

  test('of a later release stays as it is', async () => {
    await writeFile(path(), '{"format":2}')
    await expect(keep(schema(1, 'frozen'))).rejects.toThrow('schema.json: it has format 2, this version reads up to 1. Use the version')
    expect(await readFile(path(), 'utf8')).toBe('{"format":2}')
  })
})
