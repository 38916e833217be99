// Which disk each peer has been seen with, for good: no connection of a disk that is new here is used before that is written down. Or else a
// node that comes back could take for its peer what has the name of that peer only, and with it drop what both had acknowledged.
import { type DiskClaim, KnownDisks, type PeerDisk, type PeerDisks } from '../ports/peer-disks.ts'

export interface DiskMemoryOptions {
  /** Default: what is seen is forgotten when the process ends. */
  readonly disks: PeerDisks | undefined
  /** Who goes first when there are too many. */
  readonly mayForget: (disk: PeerDisk) => boolean
  /** Nothing can be remembered any more. */
  readonly failed: (error: Error) => void
}

const keyOf = ({ id, incarnation }: DiskClaim): string => `${id} ${incarnation}`

export class DiskMemory {
  readonly #options: DiskMemoryOptions
  readonly #known: KnownDisks
  /** Not written yet, and who waits for that. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #isWriting = false

  constructor(options: DiskMemoryOptions) {
    this.#options = options
    this.#known = new KnownDisks(options.disks?.stored ?? [])
  }

  isAnother(claim: DiskClaim): boolean {
    return this.#known.judge(claim) === 'another'
  }

  /** Calls `then` once the disk of `claim`, which is not another, is remembered: at once when it is already; never when that fails. */
  remember(claim: DiskClaim, then: () => void): void {
    const { id, incarnation, diskId } = claim
    const key = keyOf(claim)
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      waiting.push(then)
      return
    }
    if (diskId === undefined || this.#known.judge(claim) !== 'new') {
      then()
      return
    }
    this.#known.add({ id, incarnation, diskId }, this.#options.mayForget)
    this.#waiting.set(key, [then])
    this.#write()
  }

  /** It leaves the disk with the next write. */
  forget(isGone: (disk: PeerDisk) => boolean): void {
    this.#known.forget(isGone)
  }

  #write(): void {
    if (this.#isWriting || this.#waiting.size === 0) return
    const keys = [...this.#waiting.keys()]
    const { disks, failed } = this.#options
    if (disks === undefined) {
      this.#written(keys)
      return
    }
    this.#isWriting = true
    disks.write(this.#known.all, (error) => {
      // What is on the disk is unknown: it stays at that, and nothing more is written.
      if (error !== undefined) {
        failed(error)
        return
      }
      this.#isWriting = false
      this.#written(keys)
    })
  }

  #written(keys: readonly string[]): void {
    for (const key of keys) {
      const waiting = this.#waiting.get(key) ?? []
      this.#waiting.delete(key)
      for (const then of waiting) then()
    }
    this.#write()
  }
}
