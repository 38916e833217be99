// The load on a raftgen cluster, in a process of its own: node raftgen-client.js '["address", ...]'. The parent orders one load after the other.
import { createHistogram } from 'node:perf_hooks'
import { RaftgenError } from 'raftgen'
import { BenchKvClient } from '../kv/generated/index.js'
import { type Load, type Loaded, keyOf, loaded, valueBytes } from './load.js'

export type Order =
  | { readonly kind: 'load'; readonly load: Load }
  | { readonly kind: 'offer'; readonly offer: Offer }
  /** Writes until told to stop. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'stop' }
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'offered'; readonly offered: Offered }
  | { readonly kind: 'failed'; readonly message: string }
  /** The longest time between two acknowledged writes. */
  | { readonly kind: 'gap'; readonly ms: number }

/** Open loop: writes begin at that pace, whatever becomes of them. */
export interface Offer {
  readonly perSecond: number
  readonly connections: number
  readonly seconds: number
  /** What each write is given. */
  readonly timeoutMs: number
}
export interface Offered extends Loaded {
  /** What was really begun: this process shares the machine. */
  readonly begunPerSecond: number
  /** By error code. */
  readonly refused: Readonly<Record<string, number>>
}

const servers: string[] = JSON.parse(process.argv[2] ?? '[]')
const value = new Uint8Array(valueBytes).fill(7)
const clients: BenchKvClient[] = []

const tell = (answer: Answer): void => void process.send?.(answer)

async function connected(count: number): Promise<readonly BenchKvClient[]> {
  const missing = Array.from({ length: Math.max(0, count - clients.length) }, () => BenchKvClient.connect({ servers, timeoutMs: 20_000 }))
  clients.push(...(await Promise.all(missing)))
  await Promise.all(clients.splice(count).map((client) => client.close()))
  return clients
}

async function run({ operation, inFlight, connections, keyCount, seconds, warmUpSeconds }: Load): Promise<Loaded> {
  const used = await connected(Math.min(connections, Math.max(inFlight, 1)))
  const latencies = createHistogram({ figures: 3 })
  let failed = 0
  const from = performance.now() + warmUpSeconds * 1_000
  const until = from + seconds * 1_000
  const worker = async (client: BenchKvClient, first: number): Promise<void> => {
    for (let i = first; ; i += inFlight) {
      const key = keyOf(i, keyCount)
      const called = performance.now()
      if (called >= until) return
      try {
        if (operation === 'put') await client.put({ key, value })
        else await client.get({ key })
      } catch {
        failed += 1
        continue
      }
      const now = performance.now()
      if (called >= from && now < until) latencies.record(Math.max(1, Math.round((now - called) * 1e6)))
    }
  }
  await Promise.all(used.flatMap((client, c) => workersOf(c, used.length, inFlight).map((first) => worker(client, first))))
  return loaded(latencies, seconds, failed)
}

/** After a second to warm up, that is not counted. */
async function offer({ perSecond, connections, seconds, timeoutMs }: Offer): Promise<Offered> {
  const used = await connected(connections)
  const latencies = createHistogram({ figures: 3 })
  const refused: Record<string, number> = {}
  const start = performance.now()
  const [from, until] = [start + 1_000, start + 1_000 * (1 + seconds)]
  let [begun, counted, open] = [0, 0, 0]
  const begin = (i: number, called: number): void => {
    open += 1
    if (called >= from) counted += 1
    used[i % used.length]?.put({ key: keyOf(i), value }, { timeoutMs }).then(
      () => {
        open -= 1
        const now = performance.now()
        if (now >= from && now < until) latencies.record(Math.max(1, Math.round((now - called) * 1e6)))
      },
      (error: unknown) => {
        open -= 1
        const code = error instanceof RaftgenError ? error.code : 'OTHER'
        if (called >= from) refused[code] = (refused[code] ?? 0) + 1
      },
    )
  }
  for (let now = start; now < until; now = performance.now()) {
    for (const due = ((now - start) / 1_000) * perSecond; begun < due; begun++) begin(begun, now)
    // Lets sockets and timers have their turn, however late this one is.
    await pause(1)
  }
  while (open > 0) await pause(20)
  const failed = Object.values(refused).reduce((sum, count) => sum + count, 0)
  return { ...loaded(latencies, seconds, failed), begunPerSecond: Math.round(counted / seconds), refused }
}

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

const workersOf = (client: number, clientCount: number, inFlight: number): readonly number[] =>
  Array.from({ length: inFlight }, (_, i) => i).filter((i) => i % clientCount === client)

let isProbing = false
let gapMs = 0

/** Sixteen writes are under way at any time. Whatever fails is written again. */
async function probe(): Promise<void> {
  isProbing = true
  const [client] = await connected(1)
  if (client === undefined) return
  let last = performance.now()
  gapMs = 0
  const worker = async (first: number): Promise<void> => {
    for (let i = first; isProbing; i += 16) {
      const isDone = await client.put({ key: keyOf(i), value }).then(
        () => true,
        () => false,
      )
      if (!isDone) continue
      const now = performance.now()
      gapMs = Math.max(gapMs, now - last)
      last = now
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, i) => worker(i)))
  tell({ kind: 'gap', ms: gapMs })
}

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'load':
      run(order.load).then(
        (result) => tell({ kind: 'loaded', loaded: result }),
        (error: unknown) => tell({ kind: 'failed', message: String(error) }),
      )
      return
    case 'offer':
      offer(order.offer).then(
        (result) => tell({ kind: 'offered', offered: result }),
        (error: unknown) => tell({ kind: 'failed', message: String(error) }),
      )
      return
    case 'probe':
      probe().catch((error: unknown) => tell({ kind: 'failed', message: String(error) }))
      return
    case 'stop':
      isProbing = false
  }
})
process.once('disconnect', () => process.exit(0))
tell({ kind: 'ready' })
