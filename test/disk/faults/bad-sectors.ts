// A sector that cannot be read any more, as disks have them: on btrfs, which gives EIO for a block that does not match its checksum.
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FileKind, log, newest, snapshot, table } from '../files.ts'
import type { Result } from '../result.ts'
import { type Id, ids } from '../trio.ts'
import { type Fault, played, type Surroundings } from './fault.ts'
import { missingBtrfs, Mounts } from './mounts.ts'
import type { Scene } from './scene.ts'

const kind = 'bad sector (btrfs)'
const sectorBytes = 4_096

const badSector = (file: FileKind): Fault => {
  const name = `in the newest ${file.name} of a follower`
  return {
    kind,
    name,
    missing: missingBtrfs,
    run: async ({ folder }: Surroundings): Promise<Result> =>
      await Mounts.use(folder, async (mounts) => {
        const dirs = new Map<Id, string>()
        for (const id of ids) dirs.set(id, join(await mounts.btrfs(`disk-${id}`), `node-${id}`))
        return await played({ kind, name }, (scene) => play(scene, { mounts, file }), dirs)
      }),
  }
}

async function play(scene: Scene, { mounts, file }: { mounts: Mounts; file: FileKind }): Promise<void> {
  const victim = await scene.one('follower')
  // LevelDB makes a table of its log when it is opened.
  await scene.stop(victim)
  await scene.start(victim)
  await scene.serves('before the fault')
  await scene.stop(victim)
  const disk = `disk-${victim}`
  const path = await newest(file, scene.trio.dir(victim))
  const content = await readFile(path)
  const middle = Math.floor(content.length / 2 / sectorBytes) * sectorBytes
  await mounts.unmount(mounts.pathOf(disk))
  await spoil(mounts.image(disk), content.subarray(middle, middle + sectorBytes))
  // What was in memory is gone with the mount.
  await mounts.mountImage(disk)
  if (await canRead(path, middle)) throw new Error(`${path} can be read in spite of a bad sector`)
  const ended = await scene.start(victim)
  if (ended !== undefined) scene.checkWords(victim, ended)
  await scene.serves('while a sector is bad')
  await scene.heals()
}

async function canRead(path: string, position: number): Promise<boolean> {
  const file = await open(path)
  const read = file.read(Buffer.alloc(sectorBytes), 0, sectorBytes, position).then(
    () => true,
    () => false,
  )
  return await read.finally(() => file.close())
}

/** Wherever on the image `sector` stands, it is another one. */
async function spoil(image: string, sector: Buffer): Promise<void> {
  const content = await readFile(image)
  const file = await open(image, 'r+')
  try {
    for (let at = content.indexOf(sector); at >= 0; at = content.indexOf(sector, at + 1)) {
      await file.write(Buffer.from([(sector[0] ?? 0) ^ 1]), 0, 1, at)
    }
  } finally {
    await file.close()
  }
}

export const badSectors: readonly Fault[] = [table, log, snapshot].map(badSector)
