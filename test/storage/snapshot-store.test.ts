import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../src/core/invariant.ts'
import type { Files } from '../../src/storage/files.ts'
import { FsFiles } from '../../src/storage/fs-files.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { MemoryFiles } from '../../src/storage/memory-files.ts'
import { memorySnapshots } from '../../src/storage/memory-snapshots.ts'
import { openSnapshotDir } from '../../src/storage/snapshot-dir.ts'
import { abort, close, content, finish, id, indexes, open, place, read, readAll, remove, store, write } from './snapshots.ts'
import { bootstrapped, conf, messageOf, openLevel, temporaryDir } from './support.ts'

interface Disk {
  readonly files: Files
  /** The same files after the process has ended. */
  restarted(): Files
  names(): Promise<readonly string[]>
}

const memory = async (): Promise<Disk> => {
  let files = new MemoryFiles()
  return {
    files,
    restarted: () => {
      files = files.crash()
      return files
    },
    names: async () => files.names,
  }
}

const directory = async (): Promise<Disk> => {
  const dir = await temporaryDir()
  return { files: new FsFiles(dir), restarted: () => new FsFiles(dir), names: async () => (await readdir(dir)).sort() }
}

describe.each([
  { kind: 'in memory', make: memory },
  { kind: 'in a directory', make: directory },
])('snapshots $kind', ({ make }) => {
  test('of nothing are none', async () => {
    const { files } = await make()
    expect((await open(files)).list).toEqual([])
  })

  test.each([0, 1, 65_535, 65_536, 65_537, 200_000, 5_000_000])('hold a content of %i bytes, across a restart too', async (bytes) => {
    const { files, restarted } = await make()
    const snapshots = await open(files)
    const data = content(bytes)
    const meta = await store(snapshots, id(10), data)
    expect(meta).toEqual({ id: id(10), conf, bytes, checksum: crc32(data) })
    expect((await readAll(snapshots, meta)).equals(data)).toBe(true)
    const opened = await open(restarted())
    expect(opened.list).toEqual([meta])
    expect((await readAll(opened, meta, 1_000_000)).equals(data)).toBe(true)
  })

  test.each([1, 7_777, 65_536, 300_000])('do not depend on how much is written at a time: %i bytes', async (step) => {
    const { files } = await make()
    const snapshots = await open(files)
    const data = content(step === 1 ? 1_000 : 300_000)
    const meta = await store(snapshots, id(10), data, step)
    expect((await readAll(snapshots, meta)).equals(data)).toBe(true)
    expect(meta.checksum).toBe(crc32(data))
  })

  test('are read from any offset, in any length, to their end', async () => {
    const { files } = await make()
    const snapshots = await open(files)
    const data = content(300_000)
    const meta = await store(snapshots, id(10), data)
    for (const [offset, bytesMax] of [
      [0, 1],
      [65_535, 2],
      [65_536, 65_536],
      [131_071, 131_074],
      [299_999, 5],
      [1, 1_000_000],
      [300_000, 9],
      [400_000, 9],
      [5, 0],
    ] as const) {
      const expected = data.subarray(offset, offset + bytesMax)
      expect(Buffer.from(await read(snapshots, meta, offset, bytesMax)).equals(expected), `${offset} ${bytesMax}`).toBe(true)
    }
  })

  test('are listed newest first, also after a restart', async () => {
    const { files, restarted } = await make()
    const snapshots = await open(files)
    for (const index of [9, 100, 20]) await store(snapshots, id(index), content(index))
    expect(indexes(snapshots)).toEqual([100, 20, 9])
    expect(indexes(await open(restarted()))).toEqual([100, 20, 9])
  })

  test('are listed only once they are finished; half-written ones are gone after a restart', async () => {
    const { files, restarted, names } = await make()
    const snapshots = await open(files)
    const writer = snapshots.create({ id: id(10), conf })
    await write(writer, content(100_000))
    expect(writer.bytes).toBe(100_000)
    expect(snapshots.list).toEqual([])
    expect((await open(restarted())).list).toEqual([])
    expect(await names()).toEqual([])
  })

  test('that are removed are unlisted at once, and gone after a restart', async () => {
    const { files, restarted, names } = await make()
    const snapshots = await open(files)
    const [older, newer] = [await store(snapshots, id(10), content(10)), await store(snapshots, id(20), content(20))]
    const removed = remove(snapshots, older)
    expect(snapshots.list).toEqual([newer])
    await removed
    await remove(snapshots, older)
    expect(await names()).toEqual(['snapshot-20-2'])
    const gone = `UNAVAILABLE ${place}: the snapshot of entry 10 of term 2 is not kept any more`
    expect(await messageOf(read(snapshots, older, 0, 1))).toBe(gone)
    expect((await open(restarted())).list).toEqual([newer])
  })

  test('that are removed while they are read give what they held, or an error', async () => {
    const { files } = await make()
    const snapshots = await open(files)
    const data = content(400_000)
    const meta = await store(snapshots, id(10), data)
    const reads = [0, 1, 2, 3].map((i) => read(snapshots, meta, i * 100_000, 100_000))
    const removed = remove(snapshots, meta)
    expect(Buffer.concat(await Promise.all(reads)).equals(data)).toBe(true)
    await removed
  })

  test('are replaced by one of the same entry, whose content is never mixed with the old one', async () => {
    const { files, restarted, names } = await make()
    const snapshots = await open(files)
    const [before, after] = [content(200_000, 1), content(200_000, 2)]
    const old = await store(snapshots, id(10), before)
    const writer = snapshots.create({ id: id(10), conf })
    await write(writer, after)
    const reads = [read(snapshots, old, 0, 200_000)]
    const finished = finish(writer)
    reads.push(read(snapshots, old, 0, 200_000))
    const meta = await finished
    for (const bytes of await Promise.all(reads)) expect(before.equals(bytes)).toBe(true)
    expect(await messageOf(read(snapshots, old, 0, 1))).toContain('is not kept any more')
    expect((await readAll(snapshots, meta)).equals(after)).toBe(true)
    expect(await names()).toEqual(['snapshot-10-2'])
    expect((await open(restarted())).list).toEqual([meta])
  })

  test('are written one at a time: a second writer is refused, and the first goes on', async () => {
    const { files } = await make()
    const snapshots = await open(files)
    const first = snapshots.create({ id: id(10), conf })
    const second = snapshots.create({ id: id(20), conf })
    const refusal = `OVERLOADED ${place}: the snapshot of entry 20 of term 2 cannot be written while another one is`
    expect([await messageOf(write(second, content(1))), await messageOf(finish(second))]).toEqual([refusal, refusal])
    await abort(second)
    await write(first, content(1))
    await finish(first)
    await store(snapshots, id(20), content(1))
    expect(indexes(snapshots)).toEqual([20, 10])
  })

  test('that are given up leave nothing behind and make room for another', async () => {
    const { files, names } = await make()
    const snapshots = await open(files)
    const writer = snapshots.create({ id: id(10), conf })
    const underWay = write(writer, content(300_000))
    const aborted = abort(writer)
    await underWay
    await aborted
    expect(await names()).toEqual([])
    expect(await messageOf(write(writer, content(1)))).toBe(`CLOSED ${place}: the snapshot of entry 10 of term 2 was given up`)
    await store(snapshots, id(10), content(5))
    expect(indexes(snapshots)).toEqual([10])
  })

  test('that are finished are not harmed by giving them up', async () => {
    const { files } = await make()
    const snapshots = await open(files)
    const writer = snapshots.create({ id: id(10), conf })
    await write(writer, content(10))
    const finished = finish(writer)
    await abort(writer)
    await finished
    await abort(writer)
    expect(indexes(snapshots)).toEqual([10])
    expect(await messageOf(finish(writer))).toBe(`CLOSED ${place}: the snapshot of entry 10 of term 2 is written already`)
  })

  test('are refused when they are not what was expected', async () => {
    const { files, names } = await make()
    const snapshots = await open(files)
    const data = content(100_000)
    const right = { bytes: data.length, checksum: crc32(data) }
    for (const expected of [
      { ...right, bytes: 99_999 },
      { ...right, checksum: 5 },
    ]) {
      const writer = snapshots.create({ id: id(10), conf, expected })
      await write(writer, data)
      const found = `100000 bytes with checksum ${right.checksum} instead of ${expected.bytes} bytes with checksum ${expected.checksum}`
      const what = `the snapshot of entry 10 of term 2 came as ${found}. Nothing of it is kept; fetch it again`
      expect(await messageOf(finish(writer))).toBe(`STORAGE_DAMAGED ${place}: ${what}`)
      expect(await names()).toEqual([])
    }
    const writer = snapshots.create({ id: id(10), conf, expected: right })
    await write(writer, data)
    expect(await finish(writer)).toEqual({ id: id(10), conf, ...right })
  })

  test('are closed once what is under way has ended; a writer is given up', async () => {
    const { files, names } = await make()
    const snapshots = await open(files)
    const meta = await store(snapshots, id(10), content(100_000))
    const writer = snapshots.create({ id: id(20), conf })
    await write(writer, content(100_000))
    const reading = read(snapshots, meta, 0, 10)
    await close(snapshots)
    expect(await reading).toHaveLength(10)
    expect(await names()).toEqual(['snapshot-10-2'])
    const closed = `CLOSED ${place}: the snapshots are closed`
    expect(await messageOf(read(snapshots, meta, 0, 10))).toBe(closed)
    expect(await messageOf(remove(snapshots, meta))).toBe(closed)
    expect(await messageOf(finish(snapshots.create({ id: id(30), conf })))).toBe(closed)
    await close(snapshots)
  })
})

test('two steps of one writer at once break an invariant', async () => {
  const writer = (await open(new MemoryFiles())).create({ id: id(10), conf })
  const first = write(writer, content(1))
  await expect(write(writer, content(1))).rejects.toThrow(new InvariantError('a snapshot is written one step at a time'))
  await first
})

test('no callback comes before its call has returned', async () => {
  const snapshots = memorySnapshots()
  const meta = await store(snapshots, id(10), content(10))
  const early: string[] = []
  let returned = false
  const note = (name: string) => (): void => {
    if (!returned) early.push(name)
  }
  const writer = snapshots.create({ id: id(20), conf })
  const refused = snapshots.create({ id: id(30), conf })
  writer.write(content(1), note('write'))
  refused.write(content(1), note('write refused'))
  refused.finish(note('finish refused'))
  refused.abort(note('abort refused'))
  snapshots.read(meta, { offset: 0, bytesMax: 1 }, note('read'))
  snapshots.read(meta, { offset: 10, bytesMax: 1 }, note('read of nothing'))
  snapshots.read({ ...meta, bytes: 11 }, { offset: 0, bytesMax: 1 }, note('read of none'))
  snapshots.remove({ ...meta, bytes: 11 }, note('remove of none'))
  snapshots.remove(meta, note('remove'))
  const closed = close(snapshots)
  snapshots.close(note('close'))
  returned = true
  await closed
  expect(early).toEqual([])
})

test('nothing stays open when the snapshots are closed', async () => {
  const files = new MemoryFiles()
  const snapshots = await open(files)
  for (const index of [10, 20, 20]) await store(snapshots, id(index), content(100_000, index))
  await remove(snapshots, await store(snapshots, id(30), content(10)))
  await abort(snapshots.create({ id: id(40), conf }))
  expect(files.openFiles).toBe(2)
  await close(snapshots)
  expect(files.openFiles).toBe(0)
})

describe('the snapshots of a data directory', () => {
  test('are files that only their owner can read, in a directory that only he can look into', async () => {
    const dir = await bootstrapped()
    await openLevel(dir)
    const snapshots = await openSnapshotDir(dir)
    await store(snapshots, id(10), content(10))
    expect(((await stat(join(dir, 'snapshots'))).mode & 0o777).toString(8)).toBe('700')
    expect(((await stat(join(dir, 'snapshots', 'snapshot-10-2'))).mode & 0o777).toString(8)).toBe('600')
    await close(snapshots)
  })

  test('get their directory when the data directory is of a time before there were any', async () => {
    const dir = join(await temporaryDir(), 'data')
    await mkdir(dir)
    const snapshots = await openSnapshotDir(dir)
    const meta = await store(snapshots, id(10), content(10))
    await close(snapshots)
    expect((await openSnapshotDir(dir)).list).toEqual([meta])
  })

  test('say where they are when they cannot be read', async () => {
    const dir = join(await temporaryDir(), 'data')
    await mkdir(dir)
    await writeFile(join(dir, 'snapshots'), 'mine')
    expect(await messageOf(openSnapshotDir(dir))).toMatch(
      new RegExp(`^STORAGE_FAILED cannot open ${dir}/snapshots: EEXIST.*\\. Mend that, then start the node again$`),
    )
  })

  test('report damage with the place, and leave other files alone', async () => {
    const dir = await bootstrapped()
    const log = await LevelLog.open(dir)
    const snapshots = await openSnapshotDir(dir)
    await store(snapshots, id(10), content(10))
    await store(snapshots, id(20), content(20))
    await close(snapshots)
    const path = join(dir, 'snapshots', 'snapshot-20-2')
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, bytes.length - 1))
    await writeFile(join(dir, 'snapshots', 'notes.txt'), 'mine')
    const reports: string[] = []
    const opened = await openSnapshotDir(dir, { onDamage: (file, { code, message }) => reports.push(`${file}: ${code} ${message}`) })
    expect(indexes(opened)).toEqual([10])
    expect(reports).toEqual([
      `snapshot-20-2: STORAGE_DAMAGED ${dir}/snapshots/snapshot-20-2 is damaged: its end does not match its checksum. ` +
        'It is not used, and kept as snapshot-20-2.damaged until another one is found damaged: ' +
        'an older snapshot, or one of a peer, takes its place',
    ])
    expect((await readdir(join(dir, 'snapshots'))).sort()).toEqual(['notes.txt', 'snapshot-10-2', 'snapshot-20-2.damaged'])
    await close(opened)
    await new Promise<void>((resolve) => log.close(() => resolve()))
  })
})
