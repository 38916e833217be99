// How a table may keep its records: as the frozen objects that handlers get, or as the bytes that a snapshot has, each in an array of its own or in
// slabs. What a write costs behind its validation, what a read costs, what it takes of memory, and how long a full garbage collection lasts.
//   node --expose-gc node_modules/.bin/jiti test/bench/records.ts [entries]
import { setTimeout as delay } from 'node:timers/promises'
import { type Wire, packValue, unpackValue } from '../../src/wire/value.ts'

const entries = Number(process.argv[2] ?? 1_000_000)
const probes = Math.min(entries, 500_000)

interface Kind {
  readonly what: string
  make(i: number): unknown
  toWire(value: unknown): Wire
  fromWire(wire: Wire): unknown
  /** What a read gives out: bytes cannot be frozen. */
  out(value: unknown): unknown
}
interface Lease {
  readonly owner: string
  readonly token: number
  readonly expiresAt: number
}
const isLease = (value: unknown): value is Lease => typeof value === 'object' && value !== null && 'owner' in value
const kinds: readonly Kind[] = [
  {
    what: 'a lease: a short string and two numbers',
    make: (i) => Object.freeze({ owner: Buffer.from(`owner-${i % 1_000}`).toString(), token: i, expiresAt: 1.7e12 + i }),
    toWire: (value) => (isLease(value) ? [value.owner, value.token, value.expiresAt] : null),
    fromWire: (wire) => {
      const [owner, token, expiresAt] = Array.isArray(wire) ? wire : []
      return Object.freeze({ owner, token, expiresAt })
    },
    out: (value) => value,
  },
  {
    what: '200 bytes',
    make: (i) => new Uint8Array(200).fill(i),
    toWire: (value) => (value instanceof Uint8Array ? value : null),
    fromWire: (wire) => wire,
    out: (value) => (value instanceof Uint8Array ? value.slice() : value),
  },
]

interface Keeping {
  readonly what: string
  set(key: string, value: unknown): void
  get(key: string): unknown
}

function asObjects({ out }: Kind): Keeping {
  const slots = new Map<string, { value: unknown }>()
  return {
    what: 'objects',
    set: (key, value) => {
      const slot = slots.get(key)
      if (slot === undefined) slots.set(key, { value })
      else slot.value = value
    },
    get: (key) => out(slots.get(key)?.value),
  }
}

function asArrays({ toWire, fromWire }: Kind): Keeping {
  const slots = new Map<string, Uint8Array>()
  return {
    what: 'bytes, an array each',
    set: (key, value) => slots.set(key, Uint8Array.from(packValue(toWire(value)))),
    get: (key) => fromWire(unpackValue(slots.get(key) ?? new Uint8Array(0))),
  }
}

/** Without what takes back the room of records that were overwritten, which would cost something more. */
function inSlabs({ toWire, fromWire }: Kind): Keeping {
  const slabBytes = 1_048_576
  const slabs: Uint8Array[] = []
  const places = new Map<string, number>()
  let at = slabBytes
  return {
    what: 'bytes, in slabs',
    set: (key, value) => {
      const bytes = packValue(toWire(value))
      if (at + bytes.length + 2 > slabBytes) {
        slabs.push(new Uint8Array(slabBytes))
        at = 0
      }
      const slab = slabs[slabs.length - 1] ?? new Uint8Array(0)
      slab[at] = bytes.length >> 8
      slab[at + 1] = bytes.length & 0xff
      slab.set(bytes, at + 2)
      places.set(key, (slabs.length - 1) * (slabBytes / 4) + at / 4)
      at = (at + bytes.length + 2 + 3) & ~3
    },
    get: (key) => {
      const place = places.get(key) ?? 0
      const slab = slabs[Math.floor(place / (slabBytes / 4))] ?? new Uint8Array(0)
      const from = (place % (slabBytes / 4)) * 4
      const length = ((slab[from] ?? 0) << 8) | (slab[from + 1] ?? 0)
      return fromWire(unpackValue(slab.subarray(from + 2, from + 2 + length)))
    },
  }
}

const keyOf = (i: number): string => `orders/${String(Math.imul(i, 2_654_435_761) >>> 0).padStart(10, '0')}`
/** What is behind arrays is swept later than what is in the heap. */
async function held(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await delay(300)
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** CPU time of the process, microseconds each. */
function cost(count: number, run: (i: number) => void): string {
  const start = process.cpuUsage()
  for (let i = 0; i < count; i++) run(i)
  const { user, system } = process.cpuUsage(start)
  return ((user + system) / count).toFixed(2)
}

/** Where it ends nothing is held any more. */
async function measure(kind: Kind, make: (kind: Kind) => Keeping): Promise<void> {
  const before = await held()
  const keeping = make(kind)
  const keys = Array.from({ length: entries }, (_, i) => keyOf(i))
  const fresh = cost(entries, (i) => keeping.set(keys[i] ?? '', kind.make(i)))
  // Before anything is overwritten.
  const bytes = (((await held()) - before) / entries).toFixed(0)
  const replaced = cost(probes, (i) => keeping.set(keys[(i * 7_919) % entries] ?? '', kind.make(i)))
  let found = 0
  const read = cost(probes, (i) => {
    if (keeping.get(keys[(i * 104_729) % entries] ?? '') !== undefined) found += 1
  })
  if (found !== probes) throw new Error('records were lost')
  const begunAt = performance.now()
  globalThis.gc?.()
  const pause = `${(performance.now() - begunAt).toFixed(0)} ms`
  const cells = [fresh.padStart(8), replaced.padStart(9), read.padStart(9), bytes.padStart(11), pause.padStart(17)]
  console.log(`${keeping.what.padEnd(22)} ${cells.join(' ')}`)
}

for (const kind of kinds) {
  console.log(`\n${entries} entries, ${kind.what}`)
  console.log(`${''.padEnd(22)}      new  replaced      read  bytes each   full collection`)
  for (const make of [asObjects, asArrays, inSlabs]) await measure(kind, make)
}
