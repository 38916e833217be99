// Handlers as people write them. A guard that cries wolf is switched off: nothing may be found here.
import { expect, test } from 'vitest'
import { linted } from './linted.ts'

const handlers = `
import { createHash } from 'node:crypto'
import assert from 'node:assert/strict'
import { ok, type Context, type Job, type ShopHandlers, type ShopState } from './generated/index.js'
import { bySize, Heap, parsed, slug } from './lib.js'
import { limit } from './schema.js'
import type { Server } from 'raftgen/server'
import type { Stats } from 'node:fs'

/** Of fetch, process.env and Date.now() only comments speak. */
const prices: ReadonlyMap<string, number> = new Map([
  ['small', 100],
  ['large', 250],
])
const ranks = { low: 0, high: 9 } as const
const words = /^[a-z]+(?:-[a-z]+)*$/
const dayMs = 86_400_000
const retryMaxMs = 10 ** 6
let steps = 3
steps *= 2
const table = Array.from({ length: 32 }, (_, i) => i * i)
for (let i = 0; i < table.length; i++) table[i] = (table[i] ?? 0) % 7

class Refused extends Error {
  readonly why: string
  constructor(why: string) {
    super(why)
    this.why = why
  }
}

interface Process {
  readonly now: number
  random(): number
}

export const handlers: ShopHandlers = {
  go(state, { title, at, tags }, ctx) {
    if (!words.test(title)) return { ok: false, error: { code: 'BadTitle', title } }
    const id = ctx.id()
    const chosen = tags[Math.floor(ctx.random() * tags.length)] ?? 'none'
    const delayMs = Math.min(retryMaxMs, 1_000 * 2 ** state.count)
    state.count += 1
    state.jobs.set(id, { id, title: slug(title), at: ctx.now + delayMs, tags: [...tags, chosen].sort(), weights: new Map() })
    assert(state.count > 0)
    return ok(Object.fromEntries(Object.entries(ranks).map(([name, rank]) => [name, rank + steps])))
  },
}

export function due(state: ShopState, ctx: Context): readonly Job[] {
  const found: Job[] = []
  for (const [, job] of state.jobs.entries()) if (job.at <= ctx.now) found.push(job)
  found.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  return found.slice(0, limit)
}

export function totals(jobs: readonly Job[]): Record<string, number> {
  const sums: Record<string, number> = {}
  const seen = new Set<string>()
  for (const { tags, weights } of jobs) {
    for (const tag of tags) seen.add(tag)
    for (const [name, weight] of weights) sums[name] = (sums[name] ?? 0) + weight
    for (const name in sums) if (!seen.has(name)) delete sums[name]
  }
  for (const key of Object.keys(sums).sort()) sums[key] = Math.round(sums[key] ?? 0)
  return sums
}

export function day(ms: number): string {
  const date = new Date(ms - (ms % dayMs))
  date.setUTCHours(12)
  return \`\${date.getUTCFullYear()}-\${String(date.getUTCMonth() + 1).padStart(2, '0')}: \${date.toISOString()}\`
}

export function checked(text: string, process: Process, name = 'x'): string {
  const { now, random } = process
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'string') throw new Refused(\`\${name} is \${typeof value}\`)
    return value.normalize('NFC').trim().toLowerCase()
  } catch (error) {
    if (error instanceof Refused) return error.why
    throw new TypeError(\`\${name} cannot be read at \${now}\`, { cause: error })
  } finally {
    random()
  }
}

export function fingerprint(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

export function scheduled(items: readonly { readonly at: number; readonly stack: readonly string[] }[]): number {
  const heap = new Heap<number>((a, b) => a - b)
  for (const { at, stack } of items) heap.push(at + stack.length)
  const copy = structuredClone({ at: heap.pop() })
  const fetch = (key: string) => prices.get(key) ?? 0
  const console = { log: (n: number) => n }
  return (copy.at ?? 0) + fetch('small') + console.log(bySize.large) + parsed('3').value
}

export type Reply = Promise<Server> | Stats | typeof globalThis | Intl.DateTimeFormatOptions
`

const lib = `
export const bySize = { small: 1, large: 2 }

export class Heap<T> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => number
  constructor(before: (a: T, b: T) => number) {
    this.#before = before
  }
  push(item: T): void {
    this.#items.push(item)
    this.#items.sort(this.#before)
  }
  pop(): T | undefined {
    return this.#items.shift()
  }
  *[Symbol.iterator]() {
    yield* this.#items
  }
}

export const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-')

export function parsed(text: string): { readonly value: number } {
  const result = { value: 0 }
  const digits = /\\d+/g
  for (let match = digits.exec(text); match !== null; match = digits.exec(text)) result.value += Number(match[0])
  return result
}

const cents = (amount: number): number => Math.trunc(amount * 100) / 100
const makeFees = (rate: number) => {
  const steps: number[] = []
  for (let i = 0; i < 3; i++) steps.push(rate * i)
  return (amount: number): number => cents(amount * (steps[1] ?? 0))
}
export const fee = makeFees(0.019)
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const isEmpty = (value: object): boolean => Object.keys(value).length === 0
export const counter = (): (() => number) => {
  let n = 0
  return () => ++n
}
`

test('ordinary handlers, helpers and tables give no finding', async () => {
  const { diagnostics, files, notLookedInto } = await linted({ 'handlers.ts': handlers, 'lib.ts': lib })
  expect(diagnostics).toEqual([])
  expect(files).toEqual(['handlers.ts', 'lib.ts'])
  expect(notLookedInto).toEqual([])
})
