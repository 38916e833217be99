import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LevelLog } from '../../src/storage/level-log.ts'
import { called, conf, identity, messageOf, temporaryDir } from './support.ts'

const store = { name: 'store', version: 1, wire: 'aaaa' }

async function ranWith(machine: typeof store): Promise<string> {
  const dir = join(await temporaryDir(), 'data')
  await LevelLog.bootstrap({ dir, identity, conf })
  await run(dir, machine)
  return dir
}

async function run(dir: string, machine: typeof store): Promise<void> {
  const log = await LevelLog.open(dir, { machine })
  await called((done) => log.close(done))
}

describe('a log is read by the machine that wrote it, and by no other', () => {
  test('the same machine opens it again', async () => {
    const dir = await ranWith(store)
    await run(dir, store)
  })

  test('another machine is refused by name', async () => {
    const dir = await ranWith(store)
    expect(await messageOf(run(dir, { ...store, name: 'locks' }))).toBe(
      `MACHINE_MISMATCH ${dir} holds the log of the machine store, and this is locks. Correct the path`,
    )
  })

  test.each([
    [{ ...store, wire: 'bbbb' }, 'version 1 (wire format bbbb)'],
    [{ ...store, version: 2 }, 'version 2 (wire format aaaa)'],
  ])('a schema that has changed is refused with the way out: %o', async (machine, now) => {
    const dir = await ranWith(store)
    expect(await messageOf(run(dir, machine))).toBe(
      `MACHINE_MISMATCH ${dir} holds a log of the machine store in version 1 (wire format aaaa), and this is ${now}, which cannot read it. ` +
        'Go back to that schema; or, while you develop, remove the data directories of all nodes and bootstrap them again',
    )
    await run(dir, store)
  })

  test('a note of the first kind, without a checksum, is read', async () => {
    const dir = await ranWith(store)
    await writeFile(join(dir, 'machine.json'), JSON.stringify(store))
    await run(dir, store)
  })

  test.each([
    ['store', 'stove', 'it does not match its checksum'],
    ['aaaa', 'aaac', 'it does not match its checksum'],
    ['"version": 1', '"version": 3', 'it does not match its checksum'],
    ['checksum', 'chmcksum', 'it does not match its checksum'],
    ['"name"', '"nbme"', 'it does not name a machine'],
  ])('a bit that flipped is damage, not another machine: %s became %s', async (before, after, what) => {
    const dir = await ranWith(store)
    const path = join(dir, 'machine.json')
    await writeFile(path, (await readFile(path, 'utf8')).replace(before, after))
    expect(await messageOf(run(dir, store))).toMatch(`STORAGE_DAMAGED ${path}: ${what}. Move the directory away`)
  })

  test('a damaged note is refused, not overwritten', async () => {
    const dir = await ranWith(store)
    await writeFile(join(dir, 'machine.json'), '{')
    expect(await messageOf(run(dir, store))).toMatch(/^STORAGE_DAMAGED .*machine\.json.* it is not JSON/)
  })
})
