import { describe, expect, test } from 'vitest'
import type { SnapshotMeta } from '../../src/core/types.ts'
import type { RaftgenError } from '../../src/errors.ts'
import type { Snapshots } from '../../src/ports/snapshots.ts'
import { type FileOperation, MemoryFiles } from '../../src/storage/memory-files.ts'
import { abort, close, condemn, content, finish, id, indexes, open, place, read, readAll, store, write } from './snapshots.ts'
import { conf, messageOf } from './support.ts'

const pieceAt = 65_536 + 8
const systemError = (code: string): Error => Object.assign(new Error(`${code}: as the disk says`), { code })

interface Stored {
  readonly files: MemoryFiles
  readonly snapshots: Snapshots
  readonly meta: SnapshotMeta
  /** Of the file as it was written. */
  readonly bytes: Buffer
  /** Where its first piece begins. */
  readonly headerBytes: number
}

/** A store with `snapshot-10-2`, and the bytes of its file. */
async function stored(contentBytes: number, fault?: (operation: FileOperation) => Error | undefined): Promise<Stored> {
  const files = new MemoryFiles(fault === undefined ? {} : { fault })
  const snapshots = await open(files)
  const meta = await store(snapshots, id(10), content(contentBytes))
  const bytes = files.peek('snapshot-10-2') ?? Buffer.alloc(0)
  return { files, snapshots, meta, bytes, headerBytes: bytes.readUInt32BE(5) }
}

/** What opening says of the snapshot when its file is `bytes`; `undefined` when it takes it for whole. */
async function complaint(bytes: Buffer): Promise<string | undefined> {
  const files = new MemoryFiles()
  files.poke('snapshot-10-2', bytes)
  const reports: RaftgenError[] = []
  const { list } = await open(files, (_, error) => reports.push(error))
  expect(files.names).toEqual([list.length === 1 ? 'snapshot-10-2' : 'snapshot-10-2.damaged'])
  expect(list.length + reports.length).toBe(1)
  return reports[0]?.message
}
const sentence = (what: string): string =>
  `${place}/snapshot-10-2 is damaged: ${what}. It is not used, and kept as snapshot-10-2.damaged until another one is found damaged: ` +
  'an older snapshot, or one of a peer, takes its place'

function changed(bytes: Buffer, at: number, value: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = value(copy[at] ?? 0)
  return copy
}

describe('damage found at the start', () => {
  test('of every single bit, byte set to zero, and place where the file is cut off', async () => {
    const { bytes } = await stored(60)
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const found = await complaint(changed(bytes, at, (byte) => byte ^ (1 << bit)))
        expect(found, `bit ${bit} of byte ${at}`).toBeDefined()
      }
      if (bytes[at] !== 0) expect(await complaint(changed(bytes, at, () => 0)), `byte ${at} is 0`).toBeDefined()
      expect(await complaint(bytes.subarray(0, at)), `cut at ${at}`).toBeDefined()
    }
    expect(await complaint(bytes)).toBeUndefined()
  })

  test('names the piece', async () => {
    const { bytes, headerBytes } = await stored(200_000)
    const flip = (at: number): Promise<string | undefined> => complaint(changed(bytes, at, (byte) => byte ^ 1))
    expect(await flip(headerBytes + 3)).toBe(sentence('piece 0 has 65537 bytes instead of 65536'))
    expect(await flip(headerBytes + 2 * pieceAt + 4_000)).toBe(sentence('piece 2 does not match its checksum'))
    expect(await flip(headerBytes + 3 * pieceAt + 10)).toBe(sentence('piece 3 does not match its checksum'))
    expect(await flip(headerBytes - 1)).toBe(sentence('its header does not match its checksum'))
    expect(await flip(bytes.length - 1)).toBe(sentence('its end does not match its checksum'))
    expect(await flip(0)).toBe(sentence('it begins with 0x53616653, as no snapshot does'))
    expect(await flip(4)).toBe(sentence('it has format 0, this version reads 1'))
  })

  test('of a file that goes on after its end, or lacks a piece', async () => {
    const { bytes, headerBytes } = await stored(200_000)
    const without = Buffer.concat([bytes.subarray(0, headerBytes), bytes.subarray(headerBytes + pieceAt)])
    expect(await complaint(without)).toBe(sentence(`it has ${without.length} bytes instead of ${bytes.length}`))
    expect(await complaint(Buffer.concat([bytes, Buffer.of(0)]))).toBe(sentence('its end does not match its checksum'))
  })

  test('of pieces that changed places, or are of another snapshot', async () => {
    const { bytes, headerBytes } = await stored(200_000)
    const pieces = [0, 1].map((i) => bytes.subarray(headerBytes + i * pieceAt, headerBytes + (i + 1) * pieceAt))
    const rest = bytes.subarray(headerBytes + 2 * pieceAt)
    const swapped = Buffer.concat([bytes.subarray(0, headerBytes), ...pieces.reverse(), rest])
    expect(await complaint(swapped)).toBe(sentence('piece 0 does not match its checksum'))
    const other = new MemoryFiles()
    await store(await open(other), id(11), content(200_000))
    const foreign = other.peek('snapshot-11-2') ?? Buffer.alloc(0)
    expect(await complaint(foreign)).toBe(sentence('it is the snapshot of entry 11 of term 2'))
    foreign.copy(bytes, headerBytes + pieceAt, headerBytes + pieceAt, headerBytes + 2 * pieceAt)
    expect(await complaint(bytes)).toBe(sentence('piece 1 does not match its checksum'))
  })

  test('leaves the older snapshots, and keeps one damaged file, the newest', async () => {
    const { files, snapshots } = await stored(10)
    for (const index of [20, 30, 40]) await store(snapshots, id(index), content(10))
    for (const index of [10, 30, 40]) files.poke(`snapshot-${index}-2`, Buffer.from('damaged'))
    files.poke('snapshot-5-1.damaged', Buffer.from('damaged before'))
    const reports: string[] = []
    const disk = files.crash()
    const opened = await open(disk, (file) => reports.push(file))
    expect(indexes(opened)).toEqual([20])
    expect(disk.names).toEqual(['snapshot-20-2', 'snapshot-40-2.damaged'])
    expect(reports).toEqual(['snapshot-10-2', 'snapshot-30-2', 'snapshot-40-2'])
  })

  test('of a sector that cannot be read counts as damage; another error of the disk does not', async () => {
    const { files } = await stored(10)
    const broken = (code: string): MemoryFiles =>
      files.crash({}, { fault: ({ kind }) => (kind === 'read' ? systemError(code) : undefined) })
    expect(await messageOf(open(broken('EMFILE')))).toBe(`STORAGE_FAILED ${place}: cannot be read: EMFILE: as the disk says`)
    const reports: string[] = []
    expect((await open(broken('EIO'), (_, { message }) => reports.push(message))).list).toEqual([])
    expect(reports).toEqual([sentence('EIO: as the disk says')])
  })
})

describe('damage found on reading', () => {
  test.each([0, 3, 4, 30_000, 65_539, 65_540, 65_543])(
    'in byte %i of a piece: it fails, and the snapshot is listed no more',
    async (within) => {
      const reports: string[] = []
      const { files, bytes, headerBytes } = await stored(200_000)
      const opened = await open(files, (file, { message }) => reports.push(`${file}: ${message}`))
      const [meta] = opened.list
      if (meta === undefined) throw new Error('it is not listed')
      files.poke(
        'snapshot-10-2',
        changed(bytes, headerBytes + pieceAt + within, (byte) => byte ^ 0x10),
      )
      expect(
        content(200_000)
          .subarray(0, 65_536)
          .equals(await read(opened, meta, 0, 65_536)),
      ).toBe(true)
      expect(opened.list).toEqual([meta])
      const message = await messageOf(read(opened, meta, 65_000, 1_000))
      expect(message).toMatch(/^STORAGE_DAMAGED data\/1\/snapshots\/snapshot-10-2 is damaged: piece 1 /)
      expect(opened.list).toEqual([])
      expect(reports).toEqual([`snapshot-10-2: ${message.replace('STORAGE_DAMAGED ', '')}`])
      await close(opened)
      expect(files.names).toEqual(['snapshot-10-2.damaged'])
    },
  )

  test('of a file that was cut off', async () => {
    const { files, snapshots, meta, bytes } = await stored(200_000)
    files.poke('snapshot-10-2', bytes.subarray(0, 100_000))
    expect(await messageOf(read(snapshots, meta, 190_000, 10))).toContain('is damaged: it ends after')
    expect(snapshots.list).toEqual([])
  })

  test('by several reads at once is reported once', async () => {
    const reports: string[] = []
    const { files, bytes } = await stored(200_000)
    const opened = await open(files, (file) => reports.push(file))
    const [meta] = opened.list
    if (meta === undefined) throw new Error('it is not listed')
    files.poke('snapshot-10-2', Buffer.alloc(bytes.length))
    const reads = [0, 70_000, 140_000].map((offset) => messageOf(read(opened, meta, offset, 10)))
    for (const message of await Promise.all(reads)) expect(message).toContain('STORAGE_DAMAGED')
    expect(reports).toEqual(['snapshot-10-2'])
  })

  test('gives way to a new one of the same entry', async () => {
    const { files, snapshots, meta, bytes } = await stored(200_000)
    files.poke('snapshot-10-2', Buffer.alloc(bytes.length))
    const damaged = messageOf(read(snapshots, meta, 0, 10))
    const again = store(snapshots, id(10), content(200_000))
    expect(await damaged).toContain('STORAGE_DAMAGED')
    expect((await readAll(snapshots, await again)).equals(content(200_000))).toBe(true)
    expect(indexes(await open(files.crash()))).toEqual([10])
  })

  test('is not what a passing error of the disk is taken for', async () => {
    let code: string | undefined
    const { snapshots, meta } = await stored(10, ({ kind }) => (kind === 'read' && code !== undefined ? systemError(code) : undefined))
    code = 'ENOMEM'
    const what = `${place}: cannot read the snapshot of entry 10 of term 2: ENOMEM: as the disk says`
    expect(await messageOf(read(snapshots, meta, 0, 10))).toBe(`STORAGE_FAILED ${what}`)
    code = undefined
    expect(await readAll(snapshots, meta)).toHaveLength(10)
    code = 'EIO'
    expect(await messageOf(read(snapshots, meta, 0, 10))).toContain('STORAGE_DAMAGED')
    expect(snapshots.list).toEqual([])
  })
})

describe('a snapshot whose content is of no use, though every checksum is right,', () => {
  test('is listed no more, and set aside with the reason', async () => {
    const reports: string[] = []
    const { files } = await stored(60)
    const opened = await open(files, (_, { message }) => reports.push(message))
    const [meta] = opened.list
    if (meta === undefined) throw new Error('it is not listed')
    const done = condemn(opened, meta, new Error('the state has format 9'))
    expect(opened.list).toEqual([])
    await done
    expect(reports).toEqual([sentence('the state has format 9')])
    expect(files.names).toEqual(['snapshot-10-2.damaged'])
    await condemn(opened, meta, new Error('again'))
    expect(reports).toHaveLength(1)
  })

  test('takes the place of the one that was set aside before', async () => {
    const { files, snapshots, meta } = await stored(60)
    const next = await store(snapshots, id(20), content(60, 2))
    await condemn(snapshots, meta, new Error('no'))
    await condemn(snapshots, next, new Error('no'))
    expect(files.names).toEqual(['snapshot-20-2.damaged'])
    expect(indexes(await open(files.crash()))).toEqual([])
  })

  test('is not listed even where it cannot be set aside; the next start finds it again', async () => {
    let failing = false
    const { files, snapshots, meta } = await stored(60, ({ kind }) => (failing && kind === 'rename' ? systemError('EROFS') : undefined))
    failing = true
    expect(await messageOf(condemn(snapshots, meta, new Error('no')))).toBe(
      `STORAGE_FAILED ${place}: cannot set aside the snapshot of entry 10 of term 2: EROFS: as the disk says`,
    )
    expect(snapshots.list).toEqual([])
    failing = false
    expect(indexes(await open(files))).toEqual([10])
  })
})

describe('a disk that fails while a snapshot is written', () => {
  const kinds = ['create', 'append', 'sync', 'rename', 'syncDir', 'open', 'read'] as const
  test.each(kinds)('(%s) leaves nothing behind, and the store goes on', async (kind) => {
    let failing = false
    const { files, snapshots, meta } = await stored(10, (operation) =>
      failing && operation.kind === kind ? systemError('ENOSPC') : undefined,
    )
    failing = true
    const writer = snapshots.create({ id: id(20), conf })
    const written = await messageOf(write(writer, content(300_000)))
    const finished = await messageOf(finish(writer))
    const what = 'the snapshot of entry 20 of term 2 could not be written: ENOSPC: as the disk says. Nothing of it is kept'
    expect([written, finished]).toContain(`STORAGE_FAILED ${place}: ${what}`)
    expect(await messageOf(write(writer, content(1)))).toBe(finished)
    await abort(writer)
    failing = false
    expect(files.names).toEqual(['snapshot-10-2'])
    expect(files.openFiles).toBe(1)
    await store(snapshots, id(20), content(300_000))
    expect(indexes(snapshots)).toEqual([20, 10])
    expect(await readAll(snapshots, meta)).toHaveLength(10)
  })

  test('and cannot even remove it: the next of that entry does', async () => {
    let failing = false
    const { files, snapshots } = await stored(10, ({ kind }) =>
      failing && (kind === 'append' || kind === 'remove') ? systemError('EROFS') : undefined,
    )
    const writer = snapshots.create({ id: id(20), conf })
    await write(writer, content(100))
    failing = true
    expect(await messageOf(write(writer, content(100_000)))).toContain('EROFS')
    failing = false
    expect(files.names).toEqual(['snapshot-10-2', 'snapshot-20-2.new'])
    await store(snapshots, id(20), content(10))
    expect(files.names).toEqual(['snapshot-10-2', 'snapshot-20-2'])
  })
})
