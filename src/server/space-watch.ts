// Looks how much room there is for a node, about every second, tells the node, and keeps a part of its reserve in a file.
import { RaftgenError } from '../errors.ts'
import { inMebibytes } from '../node/disk-watch.ts'
import type { DiskSpace } from '../node/index.ts'
import { bytesToOpen, freeHeldBytes, holdBytes, isOutOfSpace, type MeasuredSpace, reserveFileBytes, SpaceGauge } from '../storage/index.ts'
import type { Logger } from './options.ts'

/** Milliseconds. */
const everyMs = 1_000
/** Where less than so many times the reserve is left, it may be gone before the next look: so many looks in the time of one. */
const near = { reserves: 8, looks: 10 } as const
/** A node that has just started has better things to do than to write its reserve file, and may be gone soon. Milliseconds. */
const holdAfterMs = 10_000

export interface SpaceWatchOptions {
  readonly dir: string
  /** 0: nothing is looked at, and no file is kept. */
  readonly reserveBytes: number
  readonly logger: Logger
  /** For tests. Default: as the system says. */
  readonly measure?: () => Promise<MeasuredSpace>
  /** For tests. Milliseconds. */
  readonly everyMs?: number
  readonly holdAfterMs?: number
}

export class SpaceWatch {
  readonly #options: SpaceWatchOptions
  readonly #measure: () => Promise<MeasuredSpace>
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #startedAt = 0
  /** The last of each, one at a time, however long the disk takes. */
  #looking: Promise<void> | undefined
  #holding: Promise<void> | undefined
  /** What went wrong last: told once. */
  #problem: string | undefined

  constructor(options: SpaceWatchOptions) {
    this.#options = options
    const gauge = new SpaceGauge(options.dir)
    this.#measure = options.measure ?? (() => gauge.measure())
  }

  /** Resolves after the first look. The timer keeps no process alive. */
  async start(told: (space: DiskSpace) => void): Promise<void> {
    const { dir, reserveBytes } = this.#options
    if (reserveBytes === 0) return void (await freeHeldBytes(dir))
    this.#startedAt = performance.now()
    await this.#lookOn(told)
  }

  /** Resolves when nothing is written any more. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopped.abort()
    await this.#looking
    await this.#holding
  }

  /** Now, and from then on. */
  async #lookOn(told: (space: DiskSpace) => void): Promise<void> {
    const { reserveBytes, everyMs: pauseMs = everyMs } = this.#options
    const space = await this.#look(told)
    if (this.#stopped.signal.aborted) return
    const isNear = space !== undefined && space.freeBytes - space.neededBytes < near.reserves * reserveBytes
    this.#timer = setTimeout(
      () => {
        this.#looking = this.#lookOn(told)
      },
      isNear ? pauseMs / near.looks : pauseMs,
    )
    this.#timer.unref()
  }

  async #look(told: (space: DiskSpace) => void): Promise<DiskSpace | undefined> {
    try {
      const { freeBytes, heldBytes, neededBytes } = await this.#measure()
      if (this.#stopped.signal.aborted) return undefined
      const space = { freeBytes: freeBytes + heldBytes, neededBytes }
      told(space)
      this.#maybeHold(space, heldBytes)
      return space
    } catch (error) {
      this.#warn(`cannot see how much room there is in ${this.#options.dir}`, error)
      return undefined
    }
  }

  /** The file is a part of what is left: it changes nothing for the node. */
  #maybeHold({ freeBytes, neededBytes }: DiskSpace, heldBytes: number): void {
    const { dir, reserveBytes, holdAfterMs: delayMs = holdAfterMs } = this.#options
    const bytes = reserveFileBytes(reserveBytes)
    const hasRoom = freeBytes - neededBytes > reserveBytes
    if (heldBytes === bytes || !hasRoom || performance.now() - this.#startedAt < delayMs) return
    this.#holding ??= holdBytes(dir, bytes, this.#stopped)
      .catch((error: unknown) => this.#warn(`cannot set space aside in ${dir}`, error))
      .finally(() => {
        this.#holding = undefined
      })
  }

  #warn(what: string, error: unknown): void {
    const problem = `${what}: ${error instanceof Error ? error.message : String(error)}`
    if (problem !== this.#problem) this.#options.logger.warn(problem)
    this.#problem = problem
  }
}

/** `open`s what is in `dir`; where that fails because the disk is full, once more with the space that was set aside. Throws STORAGE_FULL. */
export async function withReserve<T>(dir: string, logger: Logger, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (cause) {
    if (!isOutOfSpace(cause)) throw cause
    const bytes = await freeHeldBytes(dir)
    if (bytes === 0) throw await noRoom(dir, cause)
    logger.warn(`the disk of ${dir} is full: it is opened with the ${inMebibytes(bytes)} that were set aside for that. Free some space`)
  }
  try {
    return await open()
  } catch (cause) {
    throw isOutOfSpace(cause) ? await noRoom(dir, cause) : cause
  }
}

async function noRoom(dir: string, cause: unknown): Promise<RaftgenError> {
  const needed = await bytesToOpen(dir).catch(() => 0)
  const what = `cannot open ${dir}: there is no space left on its disk, and that takes about ${inMebibytes(needed + 1_048_576)}. Free some, then start the node again`
  return new RaftgenError('STORAGE_FULL', what, { cause, outcome: 'none' })
}
