// File systems of their own for data directories: small ones in memory, and ext4 on an image, of which the power can be cut. Root's alone.
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, open, rm, statfs, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../../server/servers.ts'
import { firstReason, missingRoot, missingTools, output } from './tools.ts'

const mebibyte = 1_024 * 1_024
/** Room for a journal, for a reserve of free space, and for some data. */
const mountBytes = 192 * mebibyte
/** A file system writes what it has in memory first. */
const unmountTimeoutMs = 60_000
/** It takes no less. */
const btrfsBytes = 320 * mebibyte

export const missingMounts = async (): Promise<string | undefined> =>
  await firstReason(
    missingRoot,
    () => missingTools(['mount', 'umount']),
    () => tried((mounts) => mounts.small('probe')),
  )

export const missingLoops = async (): Promise<string | undefined> =>
  await firstReason(
    missingMounts,
    () => missingTools(['losetup', 'mkfs.ext4', 'python3']),
    () => tried(async (mounts) => await cutPower(await mounts.ext4('probe'))),
  )

export const missingBtrfs = async (): Promise<string | undefined> =>
  await firstReason(
    missingMounts,
    () => missingTools(['losetup', 'mkfs.btrfs']),
    () => tried((mounts) => mounts.btrfs('probe')),
  )

/** Mounts all of what `use` asks for, and unmounts it in the end, whatever happens. */
export class Mounts {
  readonly #folder: string
  readonly #mounted: string[] = []

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async use<T>(folder: string, use: (mounts: Mounts) => Promise<T>): Promise<T> {
    const mounts = new Mounts(folder)
    // Whoever ends this process in the middle must not be left with them.
    const detach = (): void => mounts.#mounted.forEach((path) => void spawnSync('umount', ['-l', path]))
    process.prependOnceListener('exit', detach)
    try {
      return await use(mounts)
    } finally {
      process.off('exit', detach)
      for (const path of [...mounts.#mounted]) await mounts.unmount(path)
    }
  }

  /** In memory. */
  async small(name: string): Promise<string> {
    return await this.#mount(name, ['-t', 'tmpfs', '-o', `size=${mountBytes}`, 'tmpfs'])
  }

  /** On an image. */
  async ext4(name: string): Promise<string> {
    return await this.#make(name, { bytes: mountBytes, make: ['mkfs.ext4', '-q', '-F'] })
  }

  /** On an image. */
  async btrfs(name: string): Promise<string> {
    return await this.#make(name, { bytes: btrfsBytes, make: ['mkfs.btrfs', '-q', '-f', '-m', 'single'] })
  }

  image(name: string): string {
    return join(this.#folder, `${name}.image`)
  }

  pathOf(name: string): string {
    return join(this.#folder, name)
  }

  async mountImage(name: string): Promise<string> {
    return await this.#mount(name, ['-o', 'loop', this.image(name)])
  }

  /** Waits for processes that have just ended to let go of it. */
  async unmount(path: string): Promise<void> {
    const attempt = (): Promise<true | undefined> =>
      output('umount', [path]).then(
        () => true,
        () => undefined,
      )
    await eventually(`unmounted ${path}`, attempt, unmountTimeoutMs)
    this.#mounted.splice(this.#mounted.indexOf(path), 1)
  }

  async #make(name: string, { bytes, make: [file, ...args] }: { bytes: number; make: readonly [string, ...string[]] }): Promise<string> {
    const image = this.image(name)
    await writeFile(image, '')
    await truncate(image, bytes)
    await output(file, [...args, image])
    return await this.mountImage(name)
  }

  async #mount(name: string, args: readonly string[]): Promise<string> {
    const path = this.pathOf(name)
    await mkdir(path, { recursive: true })
    await output('mount', [...args, path])
    this.#mounted.push(path)
    return path
  }
}

/** What is on the image stays as it is, to the byte; what was not synced is gone (EXT4_IOC_SHUTDOWN, without a flush of the journal). */
export async function cutPower(path: string): Promise<void> {
  const script = 'import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))'
  await output('python3', ['-c', script, path])
}

const fillerName = 'filler'

/** Leaves not one byte to anybody else. */
export async function fill(path: string): Promise<void> {
  const file = await open(join(path, fillerName), 'a')
  try {
    for (let chunk = Buffer.alloc(mebibyte); chunk.length > 0; ) {
      const isFull = await file.write(chunk).then(
        ({ bytesWritten }) => bytesWritten < chunk.length,
        () => true,
      )
      if (isFull) chunk = chunk.subarray(0, chunk.length >> 1)
    }
  } finally {
    await file.close()
  }
  const { bavail } = await statfs(path)
  if (bavail > 0) throw new Error(`${path} is not full: ${bavail} blocks are free`)
}

export const free = async (path: string): Promise<void> => await rm(join(path, fillerName), { force: true })

/** Containers may have root and forbid it. */
async function tried(probe: (mounts: Mounts) => Promise<unknown>): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'raftgen-mount-'))
  try {
    await Mounts.use(folder, probe)
    return undefined
  } catch (thrown) {
    return `it does not work here: ${thrown instanceof Error ? thrown.message.trim().split('\n').at(-1) : String(thrown)}`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
