// One direction of one connection: pieces come in, and leave when, as and if the effects of the link say so.
import type { Socket } from 'node:net'
import type { Chance } from '../../../src/sim/chance.ts'
import type { Effect, LinkState } from './effect.ts'
import { type Piece, Splitter } from './splitter.ts'

/** Waiting to leave; beyond it nothing more is read, as a full network would have it. */
const queueBytesMax = 1_024 * 1_024
/** A frame that is to change places with the next one does not wait longer. */
const swapMs = 100

type Item = { readonly dueAt: number } & ({ readonly kind: 'bytes'; readonly bytes: Buffer } | { readonly kind: 'end' | 'tear' | 'reset' })

export interface LaneOptions {
  readonly source: Socket
  readonly target: Socket
  readonly chance: Chance
  /** Waited for before the target is told that the source has ended. */
  beforeEnd?(): Promise<void>
}

export class Lane {
  readonly #options: LaneOptions
  readonly #splitter = new Splitter()
  readonly #pumpAgain = (): void => this.#pump()
  #link: LinkState | undefined
  #queue: Item[] = []
  #queuedBytes = 0
  #timer: NodeJS.Timeout | undefined
  #kept: { readonly bytes: Buffer; readonly timer: NodeJS.Timeout } | undefined
  #isBlocked = false
  #isOver = false
  #lastDueAt = 0

  constructor(options: LaneOptions) {
    this.#options = options
    const { source, target } = options
    source.on('data', (chunk: Buffer) => this.#onData(chunk))
    source.on('end', () => void this.#onSourceEnd('end'))
    source.on('close', (hadError) => void this.#onSourceEnd(hadError ? 'reset' : 'end'))
    target.on('drain', () => {
      this.#isBlocked = false
      this.#pump()
    })
  }

  /** From now on pieces leave, as `link` has it. */
  join(link: LinkState): void {
    this.#link = link
    this.#pump()
  }

  close(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    clearTimeout(this.#kept?.timer)
  }

  #onData(chunk: Buffer): void {
    for (const piece of this.#splitter.push(chunk)) {
      if (this.#isOver) return
      this.#take(piece)
    }
    if (this.#queuedBytes > queueBytesMax) this.#options.source.pause()
    this.#pump()
  }

  #take({ kind, bytes }: Piece): void {
    if (kind !== 'frame' || this.#link === undefined) return this.#push(bytes)
    let out = [bytes]
    for (const effect of this.#link.effects) {
      out = this.#affected(effect, out)
      if (this.#isOver) return
    }
    for (const one of out) this.#push(one)
  }

  /** What comes of frames. */
  #affected(effect: Effect, frames: Buffer[]): Buffer[] {
    const { does } = effect
    const { chance } = this.#options
    const [first] = frames
    if (!('probability' in does) || first === undefined || !chance.happens(does.probability)) return frames
    effect.hits += 1
    switch (does.kind) {
      case 'drop':
        return []
      case 'repeat':
        return [...frames, first]
      case 'swap':
        return this.#swapped(first, frames)
      case 'flip':
        return [flipped(first, chance), ...frames.slice(1)]
      case 'tear':
        this.#push(first.subarray(0, chance.whole(1, first.length - 1)))
        this.#onEnd('tear')
        return []
      default:
        this.#onEnd('reset')
        return []
    }
  }

  /** Keeps a frame until the next one was sent. */
  #swapped(first: Buffer, frames: Buffer[]): Buffer[] {
    if (this.#kept !== undefined) return frames
    this.#kept = { bytes: Buffer.from(first), timer: setTimeout(() => this.#release(), swapMs) }
    return frames.slice(1)
  }

  #release(): void {
    const kept = this.#kept
    if (kept === undefined) return
    this.#kept = undefined
    clearTimeout(kept.timer)
    this.#enqueue({ kind: 'bytes', bytes: kept.bytes, dueAt: this.#lastDueAt })
    this.#pump()
  }

  #push(bytes: Buffer): void {
    this.#enqueue({ kind: 'bytes', bytes, dueAt: this.#dueAt(bytes.length) })
    if (this.#kept !== undefined) this.#release()
  }

  #enqueue(item: Item): void {
    this.#queue.push(item)
    if (item.kind === 'bytes') this.#queuedBytes += item.bytes.length
  }

  /** Of what comes in now. Never before what came in earlier. */
  #dueAt(length: number): number {
    const link = this.#link
    const now = performance.now()
    let at = now
    for (const effect of link?.effects ?? []) {
      const { does } = effect
      if (does.kind === 'delay') at += this.#options.chance.between(does.minMs, does.maxMs)
      if (does.kind === 'throttle' && link !== undefined) {
        link.freeAt = Math.max(link.freeAt, now) + (length / does.bytesPerSecond) * 1_000
        at = Math.max(at, link.freeAt)
      }
      if (does.kind === 'delay' || does.kind === 'throttle') effect.hits += 1
    }
    this.#lastDueAt = Math.max(this.#lastDueAt, at)
    return this.#lastDueAt
  }

  async #onSourceEnd(kind: 'end' | 'reset'): Promise<void> {
    await this.#options.beforeEnd?.()
    this.#onEnd(kind)
  }

  #onEnd(kind: 'end' | 'tear' | 'reset'): void {
    if (this.#isOver || this.#queue.some((item) => item.kind === kind)) return
    const rest = this.#splitter.end()
    if (rest.length > 0 && kind === 'end') this.#push(rest)
    this.#enqueue({ kind, dueAt: this.#lastDueAt })
    this.#pump()
  }

  #pump(): void {
    const link = this.#link
    if (link === undefined || this.#isOver || this.#isBlocked) return
    for (let item = this.#queue[0]; item !== undefined && !this.#isBlocked; item = this.#queue[0]) {
      if (link.isHeld) {
        link.countHeld()
        return link.whenFree(this.#pumpAgain)
      }
      const waitMs = item.dueAt - performance.now()
      if (waitMs > 0) return this.#wait(waitMs)
      this.#queue.shift()
      this.#send(item)
    }
    if (this.#queuedBytes <= queueBytesMax) this.#options.source.resume()
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#pump(), Math.ceil(ms))
  }

  #send(item: Item): void {
    const { source, target } = this.#options
    if (item.kind === 'bytes') {
      this.#queuedBytes -= item.bytes.length
      if (!target.destroyed) this.#isBlocked = !target.write(item.bytes)
      return
    }
    // What was sent before a reset may never be read: half a frame is to arrive.
    if (item.kind === 'reset') target.resetAndDestroy()
    else target.end()
    if (item.kind !== 'end') source.resetAndDestroy()
  }
}

function flipped(frame: Buffer, chance: Chance): Buffer {
  const copy = Buffer.from(frame)
  const at = chance.whole(0, copy.length - 1)
  copy[at] = (copy[at] ?? 0) ^ (1 << chance.whole(0, 7))
  return copy
}
