// What a node remembers of the disks of its peers, in its data directory:
//
//   data/1/peers.json        which disk it has seen under each id and incarnation; replaced as a whole
//   data/1/peers.json.next   one that was being written
import { join } from 'node:path'
import type { Done } from '../ports/log.ts'
import { diskIdPattern, type PeerDisk, type PeerDisks } from '../ports/peer-disks.ts'
import { checksumOf, objectIn, readIfThere, replaceFile } from './checked-file.ts'
import { damaged, storeError } from './damage.ts'

const peersFile = 'peers.json'
const peersFormat = 1

export class PeersFile implements PeerDisks {
  readonly stored: readonly PeerDisk[]
  readonly #dir: string
  /** Ends with the last write. */
  #written: Promise<void> = Promise.resolve()

  /** Errors: STORAGE_DAMAGED; anything else is an error of the system. */
  static async open(dir: string): Promise<PeersFile> {
    const path = join(dir, peersFile)
    const text = await readIfThere(path)
    return new PeersFile(dir, text === undefined ? [] : decode(path, text))
  }

  /** For `open`. */
  constructor(dir: string, stored: readonly PeerDisk[]) {
    this.#dir = dir
    this.stored = stored
  }

  write(disks: readonly PeerDisk[], done: Done): void {
    const entries = disks.map(({ id, incarnation, diskId }) => [id, incarnation, diskId] as const)
    const text = `${JSON.stringify({ format: peersFormat, disks: entries, checksum: checksumOf([peersFormat, entries]) })}\n`
    const written = this.#written.then(() => replaceFile(this.#dir, peersFile, text))
    this.#written = written.catch(() => {})
    written.then(
      () => done(undefined),
      (cause: Error) => done(storeError(join(this.#dir, peersFile), 'write', cause)),
    )
  }

  close(done: Done): void {
    void this.#written.then(() => done(undefined))
  }
}

function decode(path: string, text: string): readonly PeerDisk[] {
  const { format, disks, checksum }: { readonly [field in 'format' | 'disks' | 'checksum']?: unknown } = objectIn(path, text)
  if (format !== peersFormat || !Array.isArray(disks)) throw damaged(path, 'it does not hold what is known of the peers')
  if (checksum !== checksumOf([peersFormat, disks])) throw damaged(path, 'it does not match its checksum')
  return disks.map((entry: unknown) => {
    const [id, incarnation, diskId]: readonly unknown[] = Array.isArray(entry) ? entry : []
    const isOne = typeof id === 'number' && typeof incarnation === 'number' && typeof diskId === 'string' && diskIdPattern.test(diskId)
    if (!isOne) throw damaged(path, `it holds a peer that is none: ${JSON.stringify(entry)}`)
    return { id, incarnation, diskId }
  })
}
