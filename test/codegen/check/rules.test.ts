// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates in the code that is looked through
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { ruleCodes } from '../../../codegen/check/finding.ts'
import { foundInEach } from './linted.ts'

/** Handlers, and what is found in them: line, column and rule; nothing where it is the same on every replica. */
type Rows = readonly (readonly [string, ...(readonly string[])])[]

const rules: Readonly<Record<string, Rows>> = {
  'the clock': [
    ['Date.now()', '1:1 CLOCK'],
    ['new Date()', '1:1 CLOCK'],
    ['Date()', '1:1 CLOCK'],
    ['performance.now()', '1:1 CLOCK'],
    ['process.hrtime.bigint()', '1:1 CLOCK'],
    ['const now = Date.now', '1:13 CLOCK'],
    ['const { now } = Date', '1:9 CLOCK'],
    ['const { now: time } = Date', '1:9 CLOCK'],
    ['const D = Date\nnew D()', '2:1 CLOCK'],
    ["Date['now']()", '1:1 CLOCK'],
    ['globalThis.Date.now()', '1:17 CLOCK'],
    ['function at(date: DateConstructor) {\n  return date.now()\n}', '2:10 CLOCK'],
    ['Temporal.Now.instant()', '1:1 CLOCK'],
    ["import { performance } from 'node:perf_hooks'", '1:29 CLOCK'],
    ['new Date(0)'],
    ['export const at = (ms: number) => new Date(ms).toISOString()'],
    ['export const copy = (date: Date) => new Date(date)'],
    ['Date.UTC(2030, 0, 1)'],
    ['class Clock {\n  now() {\n    return 1\n  }\n}\nnew Clock().now()'],
    ['const Date = { now: () => 1 }\nDate.now()\nexport {}'],
  ],
  'time zones': [
    ['new Date(0).getHours()', '1:13 LOCAL_TIME'],
    ['new Date(0).getTimezoneOffset()', '1:13 LOCAL_TIME'],
    ['new Date(0).toString()', '1:13 LOCAL_TIME'],
    ['new Date(2030, 0, 1)', '1:1 LOCAL_TIME'],
    ["new Date('2030-01-01T12:00')", '1:1 LOCAL_TIME'],
    ["Date.parse('1 January 2030')", '1:1 LOCAL_TIME'],
    ['export const at = (text: string) => new Date(text)', '1:37 LOCAL_TIME'],
    ['export const at = (text: string | number) => new Date(text)', '1:46 LOCAL_TIME'],
    ['const text = `at ${new Date(0)}`', '1:20 LOCAL_TIME'],
    ["const text = 'at ' + new Date(0)", '1:22 LOCAL_TIME'],
    ['String(new Date(0))', '1:1 LOCAL_TIME'],
    ['new Date(0).getUTCHours()'],
    ['new Date(0).toISOString()'],
    ["new Date('2030-01-01')"],
    ["new Date('2030-01-01T12:00Z')"],
    ["Date.parse('2030-01-01T12:00:00+02:00')"],
    ['export const at = (day: string) => new Date(`${day}T00:00:00Z`)'],
    ["export const at = (day: string) => Date.parse(day + 'T00:00:00Z')"],
    ['const text = `at ${new Date(0).getTime()}`'],
    ['export const spent = (from: Date, to: Date) => Number(to) - Number(from)'],
  ],
  chance: [
    ['Math.random()', '1:1 RANDOM'],
    ['const { random } = Math', '1:9 RANDOM'],
    ['let random = () => 0\n;({ random } = Math)', '2:5 RANDOM'],
    ['let draw = () => 0\n;({ random: draw } = Math)', '2:5 RANDOM'],
    ["const name = 'random'\nMath[name]()", '2:1 RANDOM'],
    ['const M = Math\nM.random()', '2:1 RANDOM'],
    ['crypto.randomUUID()', '1:1 RANDOM'],
    ['globalThis.crypto.randomUUID()', '1:1 RANDOM'],
    ["import { randomUUID } from 'node:crypto'", '1:10 RANDOM'],
    ["import { createHash, randomBytes } from 'crypto'", '1:22 RANDOM'],
    ["import crypto from 'node:crypto'\ncrypto.randomInt(3)", '2:1 RANDOM'],
    ['Buffer.allocUnsafe(8)', '1:1 RANDOM'],
    ["import { Buffer } from 'node:buffer'\nBuffer.allocUnsafe(8)", '2:1 RANDOM'],
    ['export const go = (ctx: { random(): number }) => ctx.random()'],
    ['class Dice {\n  random() {\n    return 4\n  }\n}\nnew Dice().random()'],
    ["import { createHash } from 'node:crypto'\nexport const sum = (text: string) => createHash('sha256').update(text).digest('hex')"],
    ["import * as crypto from 'node:crypto'\nexport const sum = (text: string) => crypto.createHash('sha256').update(text).digest('hex')"],
    ["Buffer.from('a')"],
    ['const crypto = { randomUUID: () => 1 }\ncrypto.randomUUID()\nexport {}'],
  ],
  'shared memory': [
    ['export const read = (bytes: Uint8Array) => new DataView(bytes.buffer)', '1:57 SHARED_MEMORY'],
    ['export const read = (bytes: Uint8Array) => new Float64Array(bytes.buffer)', '1:61 SHARED_MEMORY'],
    ['export const read = ({ buffer }: Uint8Array) => buffer.byteLength', '1:24 SHARED_MEMORY'],
    ['export const read = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)'],
    ['export const read = (bytes: Uint8Array) => new DataView(new Uint8Array(bytes).buffer)'],
    ['export const read = (bytes: { readonly buffer: string }) => bytes.buffer'],
  ],
  'floating point': [
    ['Math.sin(1)', '1:1 FLOAT'],
    ['export const distance = (x: number, y: number) => Math.hypot(x, y)', '1:51 FLOAT'],
    ['const { log } = Math', '1:9 FLOAT'],
    ['[1, 2].map(Math.exp)', '1:12 FLOAT'],
    ['export const square = (x: number) => x ** 2', '1:38 FLOAT'],
    ['export const square = (x: number) => Math.pow(x, 2)', '1:38 FLOAT'],
    ['const { pow } = Math', '1:9 FLOAT'],
    ['const power = Math.pow', '1:15 FLOAT'],
    ['const root = 2 ** 0.5', '1:14 FLOAT'],
    ['Math.sqrt(2) + Math.floor(1.5) * Math.max(1, 2) - Math.abs(-1) + Math.round(0.5) + Math.trunc(3.7)'],
    ['export const backOff = (attempt: number) => 1_000 * 2 ** attempt'],
    ['const kilo = 10 ** 3\nconst mega = Math.pow(10, 6)'],
    ['export const wei = (x: bigint) => x ** 18n'],
    ['export const tax = (cents: number) => Math.floor((cents * 19) / 100)'],
  ],
  locales: [
    ["'a'.localeCompare('b')", '1:5 LOCALE'],
    ["['b', 'a'].sort((a, b) => a.localeCompare(b))", '1:27 LOCALE'],
    ["'i'.toLocaleUpperCase()", '1:5 LOCALE'],
    ['const n = 1.5\nn.toLocaleString()', '2:1 LOCALE'],
    ['new Date(0).toLocaleDateString()', '1:13 LOCALE'],
    ['[1].toLocaleString()', '1:5 LOCALE'],
    ["new Intl.NumberFormat('en')", '1:5 LOCALE'],
    ["import { read } from 'anything'\nread().localeCompare('b')", '2:8 LOCALE'],
    ["'a'.toUpperCase() + 'A'.toLowerCase() + 'e'.normalize('NFC')"],
    ["['b', 'a'].sort()"],
    ["['b', 'a'].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))"],
    ['(1.5).toFixed(2) + String(1e21)'],
    ['class Name {\n  localeCompare() {\n    return 0\n  }\n}\nnew Name().localeCompare()'],
    ['type Format = Intl.NumberFormatOptions'],
  ],
  'versions of Unicode': [
    ['const word = /^\\p{L}+$/u', '1:14 UNICODE'],
    ['const word = /[\\P{Lu}]/v', '1:14 UNICODE'],
    ["new RegExp('^\\\\p{Script=Greek}+$', 'u')", '1:1 UNICODE'],
    ['const ascii = /^\\p{ASCII}+$/u'],
    ['const torn = /[\\p{Surrogate}\\p{gc=Cc}]/u'],
    ['const word = /^[a-zà-ÿ]+$/iu'],
    ['const escaped = /\\\\p{L}/u'],
    ['const letters = /\\p{L}/'],
  ],
  'the machine': [
    ['process.env.HOME', '1:1 MACHINE'],
    ['const p = process', '1:11 MACHINE'],
    ['const { pid } = process', '1:17 MACHINE'],
    ["globalThis['process']", '1:1 MACHINE'],
    ["import process from 'node:process'", '1:21 MACHINE'],
    ["import { hostname } from 'os'", '1:26 MACHINE'],
    ['import.meta.url', '1:1 MACHINE'],
    ['declare const process: { env: Record<string, string> }\nprocess.env', '2:1 MACHINE'],
    ['const process = { env: {} }\nprocess.env\nexport {}'],
    ['export const go = (process: { steps: number }) => process.steps'],
    ['export const go = (job: { process: number }) => job.process'],
    ['export const go = () => ({ process: 1 })'],
    ['const queue = { process() {} }\nqueue.process()'],
    ["const tested = typeof process === 'undefined'"],
    ["import type { hostname } from 'node:os'"],
    ["import { type EventEmitter } from 'node:events'"],
  ],
  'what is outside': [
    ["fetch('http://localhost')", '1:1 IO'],
    ["new WebSocket('ws://localhost')", '1:5 IO'],
    ["import { readFileSync } from 'node:fs'", '1:30 IO'],
    ["import * as fs from 'fs/promises'", '1:21 IO'],
    ["export * from 'node:net'", '1:15 IO'],
    ["import fs = require('fs')", '1:21 IO'],
    ["import { inspect } from 'node:util'", '1:25 IO'],
    ["import { resolve } from 'node:path/posix'", '1:10 IO'],
    ["import { join } from 'node:path'", '1:22 IO'],
    ["import assert from 'node:assert/strict'\nassert(1 > 0)"],
    ["import { join } from 'node:path/posix'\njoin('a', 'b')"],
    ['export const go = (fetch: () => number) => fetch()'],
  ],
  timers: [
    ['setTimeout(() => {}, 1)', '1:1 TIMER'],
    ['queueMicrotask(() => {})', '1:1 TIMER'],
    ['process.nextTick(() => {})', '1:1 TIMER'],
    ['const later = setImmediate', '1:15 TIMER'],
    ['AbortSignal.timeout(5)', '1:1 TIMER'],
    ["import { setTimeout } from 'node:timers/promises'", '1:28 TIMER'],
    ['const setTimeout = (work: () => void) => work()\nsetTimeout(() => {})\nexport {}'],
  ],
  'what goes on later': [
    ['export async function go() {}', '1:8 ASYNC'],
    ['export const handlers = {\n  async go() {\n    await 1\n  },\n}', '2:3 ASYNC'],
    ['export const go = async () => 1', '1:19 ASYNC'],
    ['const one = await 1\nexport {}', '1:13 ASYNC'],
    ['Promise.resolve(1)', '1:1 ASYNC'],
    ['new Promise(() => {})', '1:5 ASYNC'],
    ['export function* numbers() {\n  yield 1\n}'],
    ['export type Later = Promise<number>'],
  ],
  'what cannot be seen': [
    ["eval('1')", '1:1 UNSEEN'],
    ["new Function('return 1')", '1:1 UNSEEN'],
    ["const fs = require('fs')", '1:12 UNSEEN'],
    ["export const load = () => import('node:fs')", '1:27 UNSEEN'],
    ['const everything = globalThis', '1:20 UNSEEN'],
    ['globalThis.structuredClone({})'],
    ['export const isFunction = (x: unknown) => x instanceof Function'],
  ],
  'garbage collection': [
    ['new WeakRef({})', '1:5 GARBAGE_COLLECTION'],
    ['new FinalizationRegistry(() => {})', '1:5 GARBAGE_COLLECTION'],
    ['export const go = () => new WeakMap()'],
  ],
  'what the engine says': [
    ["new Error('a').stack", '1:16 ERROR_TEXT'],
    [
      'export const go = () => {\n  try {\n    return JSON.parse("{")\n  } catch (error) {\n    return error.message\n  }\n}',
      '5:12 ERROR_TEXT',
    ],
    [
      'export const go = () => {\n  try {\n    return 1\n  } catch (e) {\n    if (e instanceof SyntaxError) return e.message\n    throw e\n  }\n}',
      '5:42 ERROR_TEXT',
    ],
    ['export const go = () => {\n  try {\n    return 1\n  } catch (error) {\n    return String(error)\n  }\n}', '5:19 ERROR_TEXT'],
    ['export const go = () => {\n  try {\n    return 1\n  } catch (error) {\n    return `no: ${error}`\n  }\n}', '5:19 ERROR_TEXT'],
    ['export const go = () => {\n  try {\n    return 1\n  } catch (error) {\n    return error.stack\n  }\n}', '5:12 ERROR_TEXT'],
    ['Error.stackTraceLimit = 3', '1:1 ERROR_TEXT'],
    [
      'class Refused extends Error {}\nexport const go = () => {\n  try {\n    return 1\n  } catch (error) {\n    if (error instanceof Refused) return error.message\n    throw error\n  }\n}',
    ],
    ['export const go = () => {\n  try {\n    return 1\n  } catch (error) {\n    throw new Error(`cannot: ${error.message}`)\n  }\n}'],
    ['export const go = (input: { message: string }) => input.message'],
  ],
  output: [["console.log('x')", '1:1 OUTPUT'], ["export const go = (console: { log(text: string): void }) => console.log('x')"]],
  'known packages': [
    ["import { v4 } from 'uuid'", '1:20 IMPURE_PACKAGE'],
    ["import dayjs from 'dayjs'", '1:19 IMPURE_PACKAGE'],
    ["import utc from 'dayjs/plugin/utc'", '1:17 IMPURE_PACKAGE'],
    ["export { nanoid } from 'nanoid'", '1:24 IMPURE_PACKAGE'],
    ["import { Server } from 'raftgen/server'", '1:24 IMPURE_PACKAGE'],
    ["import { RaftgenError } from 'raftgen'"],
    ["import type { Client } from 'pg'"],
    ["import sortBy from 'lodash/sortBy'"],
  ],
}

describe.each(Object.entries(rules))('%s', (_, rows) => {
  let found: readonly (readonly string[])[] = []
  beforeAll(async () => {
    found = await foundInEach(rows.map(([handlers]) => handlers))
  })

  test.each(rows.map(([handlers, ...expected], row) => ({ handlers, row, expected })))('$handlers', ({ row, expected }) => {
    expect(found[row]).toEqual(expected)
  })

  test('what is found has its counterpart that is not', () => {
    const counts = { found: rows.filter((row) => row.length > 1).length, notFound: rows.filter((row) => row.length === 1).length }
    expect(Math.min(counts.found, counts.notFound)).toBeGreaterThan(0)
  })
})

test('the page on determinism has every rule in its table', () => {
  const page = readFileSync(new URL('../../../docs/determinism.md', import.meta.url), 'utf8')
  const rows = page.split('\n').flatMap((line) => /^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|/.exec(line)?.[1]?.split(', ') ?? [])
  expect(rows.map((code) => code.replaceAll('`', '')).sort()).toEqual([...ruleCodes].sort())
})
