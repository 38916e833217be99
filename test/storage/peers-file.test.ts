// What a node remembers of the disks of its peers, in a file.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { PeerDisk } from '../../src/ports/peer-disks.ts'
import { PeersFile } from '../../src/storage/peers-file.ts'
import { called, messageOf, temporaryDir, wayOut } from './support.ts'

const disk = (id: number, incarnation = 1): PeerDisk => ({ id, incarnation, diskId: id.toString(16).padStart(32, '0') })
const write = (file: PeersFile, disks: readonly PeerDisk[]): Promise<void> => called((done) => file.write(disks, done))

describe('what is known of the peers', () => {
  test('is nothing at first', async () => {
    const dir = await temporaryDir()
    expect((await PeersFile.open(dir)).stored).toEqual([])
    expect(await readdir(dir)).toEqual([])
  })

  test('is there at the next start, as it was written last', async () => {
    const dir = await temporaryDir()
    const file = await PeersFile.open(dir)
    await write(file, [disk(2)])
    await write(file, [disk(3), disk(2, 7)])
    expect((await PeersFile.open(dir)).stored).toEqual([disk(3), disk(2, 7)])
    expect(((await stat(join(dir, 'peers.json'))).mode & 0o777).toString(8)).toBe('600')
    expect(await readdir(dir)).toEqual(['peers.json'])
  })

  test('is written over what a crash has left behind', async () => {
    const dir = await temporaryDir()
    await writeFile(join(dir, 'peers.json.next'), '{"format":1,"di')
    const file = await PeersFile.open(dir)
    expect(file.stored).toEqual([])
    await write(file, [disk(2)])
    expect((await PeersFile.open(dir)).stored).toEqual([disk(2)])
  })

  test('is on the disk once it is closed', async () => {
    const dir = await temporaryDir()
    const file = await PeersFile.open(dir)
    file.write([disk(2)], () => {})
    await called((done) => file.close(done))
    expect((await PeersFile.open(dir)).stored).toEqual([disk(2)])
  })

  test('that cannot be written is an error that names the file', async () => {
    const dir = join(await temporaryDir(), 'gone')
    expect(await messageOf(write(new PeersFile(dir, []), [disk(2)]))).toMatch(
      /^STORAGE_FAILED .*\/gone\/peers\.json: a write failed: ENOENT.* What reached the disk is unknown\./,
    )
  })

  test.each([
    ['not JSON', () => '{', 'it is not JSON'],
    ['something else', () => '[]', 'it does not hold what is known of the peers'],
    ['of another checksum', (text: string) => text.replace('000002', '000003'), 'it does not match its checksum'],
    ['of peers that are none', () => '{"format":1,"disks":[[2,1,"x"]],"checksum":"303a4a09"}', 'it holds a peer that is none: [2,1,"x"]'],
  ])('is refused when it is %s', async (_, changed, what) => {
    const dir = await temporaryDir()
    await write(await PeersFile.open(dir), [disk(2)])
    const path = join(dir, 'peers.json')
    await writeFile(path, changed(await readFile(path, 'utf8')))
    expect(await messageOf(PeersFile.open(dir))).toBe(`STORAGE_DAMAGED ${path}: ${what}. ${wayOut}`)
  })
})
