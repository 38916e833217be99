import type { Ms } from '../core/types.ts'
import { Digest } from './digest.ts'

/** What happened, whoever it happened to, in as little as can be told apart later. */
export interface TraceLine {
  /** `node 2`, `client 1`, `world`. */
  readonly who: string
  /** A verb phrase. */
  readonly what: string
  /** What it was about; put into words only when somebody reads it. A function is asked for them then. */
  readonly about: unknown
}

/** The course of a run: a hash over all of it, and its last lines. */
export class Trace {
  readonly #digest = new Digest()
  readonly #kept: { readonly at: Ms; readonly line: TraceLine }[] = []
  #count = 0
  /** Lines kept for the story of a failure. */
  readonly #keptMax: number

  constructor({ lines }: { readonly lines: number }) {
    this.#keptMax = lines
  }

  /** `mark`: a number that differs where the event differs. */
  add(at: Ms, mark: number, line: TraceLine): void {
    this.#digest.number(at)
    this.#digest.number(mark)
    this.#digest.number(line.who.length * 64 + line.what.length)
    this.#kept[this.#count % this.#keptMax] = { at, line }
    this.#count += 1
  }

  get length(): number {
    return this.#count
  }

  get hash(): string {
    return this.#digest.hex
  }

  /** The last lines, as text, oldest first. */
  get last(): readonly string[] {
    const lines: string[] = []
    for (let i = Math.max(0, this.#count - this.#keptMax); i < this.#count; i++) {
      const kept = this.#kept[i % this.#keptMax]
      if (kept !== undefined) lines.push(render(kept.at, kept.line))
    }
    return lines
  }
}

const render = (at: Ms, line: TraceLine): string => `${at.toFixed(3).padStart(11)} ms  ${line.who.padEnd(9)} ${lineText(line)}`

/** What happened, without whom it happened to. */
export function lineText({ what, about: given }: TraceLine): string {
  const about: unknown = typeof given === 'function' ? Reflect.apply(given, undefined, []) : given
  if (about === undefined) return what
  return `${what} ${typeof about === 'string' ? about : JSON.stringify(about, shorten)}`
}

/** Bytes and long lists say their length only. */
function shorten(key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (key === 'entries' && Array.isArray(value)) return value.length === 0 ? 'none' : `${value.length} entries`
  if (key === 'data' || key === 'conf') return undefined
  return value
}
