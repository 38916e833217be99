// What a snapshot costs those who write meanwhile: a million entries of 200 bytes, commands applied as fast as one replica can, and snapshots to
// the disk beside them. No network and no log, which would only hide it.
//   npm run bench:snapshot -- [entries]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { confOfVoters } from '../../src/core/index.ts'
import type { Entry } from '../../src/core/types.ts'
import { Replica } from '../../src/machine/replica.ts'
import { Snapshotter } from '../../src/node/snapshotter.ts'
import { openSnapshotDir } from '../../src/storage/snapshot-dir.ts'
import { packValue } from '../../src/wire/value.ts'
import { benchKv } from './kv/generated/index.js'
import { handlers } from './kv/handlers.js'
import { lengthWithout, type Span, watchCollections } from './watch.js'

const entries = Number(process.argv[2] ?? 1_000_000)
const turnCommands = 32
const periodMs = 5_000

const value = new Uint8Array(200).fill(7)
const putTag = 1
const keyOf = (i: number): string => `key-${String((i * 7_919) % entries).padStart(9, '0')}`

const replica = new Replica(benchKv(handlers))
const conf = confOfVoters([{ id: 1, incarnation: 1, peer: '127.0.0.1:1', client: '127.0.0.1:2' }])
let index = 0
const entry = (): Entry => ({ index: ++index, term: 1, kind: 'command', data: new Uint8Array(0), conf: undefined })
replica.apply(entry(), { kind: 'openSession', now: 1, ttlMs: 86_400_000 })
let seq = 0
const put = (): void => {
  seq += 1
  const command = packValue([1, putTag, [keyOf(seq), value]])
  replica.apply(entry(), { kind: 'command', now: 1, session: 1, seq, ackedBelow: seq, version: 1, command })
  if (seq === 1 && replica.applied.failure !== undefined) throw new Error(replica.applied.failure.message)
}

const collections = watchCollections()

interface Period {
  readonly perSecond: number
  readonly turns: Stretches
  /** What the snapshot takes of them. */
  readonly steps: Stretches
  readonly heapMb: number
}

interface Stretches {
  readonly longestMs: number
  /** Of what the garbage collector left of each. */
  readonly withoutGcMs: number
  readonly p99Ms: number
}

function stretches(spans: readonly Span[], collected: readonly Span[]): Stretches {
  const lengths = spans.map(({ from, to }) => to - from).sort((a, b) => a - b)
  const without = spans.map((span) => (span.to - span.from < 1 ? 0 : lengthWithout(span, collected)))
  return { longestMs: lengths.at(-1) ?? 0, withoutGcMs: Math.max(0, ...without), p99Ms: lengths[Math.floor(lengths.length * 0.99)] ?? 0 }
}

/** Turns of commands, until `isOver`. */
async function run(turn: () => void, isOver: (elapsedMs: number) => boolean): Promise<Period & { readonly tookMs: number }> {
  const begunAt = performance.now()
  let count = 0
  const turns: Span[] = []
  const steps: Span[] = []
  let heap = 0
  while (!isOver(performance.now() - begunAt)) {
    const startedAt = performance.now()
    for (let i = 0; i < turnCommands; i++) put()
    const between = performance.now()
    turn()
    const now = performance.now()
    if (now - between > 0.02) steps.push({ from: between, to: now })
    count += turnCommands
    turns.push({ from: startedAt, to: now })
    heap = Math.max(heap, process.memoryUsage.rss())
    await new Promise((resolve) => setImmediate(resolve))
  }
  const tookMs = performance.now() - begunAt
  // It is told of late.
  await new Promise((resolve) => setTimeout(resolve, 100))
  const spans = collections.spans.filter(({ to }) => to >= begunAt)
  return {
    perSecond: Math.round((count * 1_000) / tookMs),
    turns: stretches(turns, spans),
    steps: stretches(steps, spans),
    heapMb: Math.round(heap / 1_048_576),
    tookMs,
  }
}

const dir = await mkdtemp(join(tmpdir(), 'raftgen-bench-'))
try {
  console.log(`${entries} entries of 200 bytes`)
  for (let i = 0; i < entries; i++) put()
  const snapshots = await openSnapshotDir(dir)
  let isTaken = false
  const snapshotter = new Snapshotter(
    {
      id: 1,
      snapshots,
      replica,
      clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
      limits: { snapshotEntries: Number.MAX_SAFE_INTEGER, snapshotLogBytes: Number.MAX_SAFE_INTEGER, applySliceMs: 5 },
      wake: () => {},
      report: (event) => {
        if (event.kind === 'snapshotFailed') throw event.error
        isTaken = true
      },
    },
    conf,
  )
  const nothing = (): void => {}
  await run(nothing, (elapsedMs) => elapsedMs > 2_000)
  console.log(
    'ms: 99 of 100 turns took at most, the longest (what the garbage collector left of one); the same of what the snapshot took of them',
  )
  console.log('                commands/s   resident                       turns                       steps')
  const show = (name: string, { perSecond, turns, steps, heapMb }: Period): void => {
    const [ofTurns, ofSteps] = [turns, steps].map(({ p99Ms, longestMs, withoutGcMs }) =>
      [p99Ms.toFixed(1), longestMs.toFixed(1), `(${withoutGcMs.toFixed(1)})`].map((cell) => cell.padStart(9)).join(''),
    )
    console.log(`${name.padEnd(14)} ${String(perSecond).padStart(11)} ${`${heapMb} MiB`.padStart(10)} ${ofTurns} ${ofSteps}`)
  }
  const shares: number[] = []
  for (let round = 1; round <= 3; round++) {
    const alone = await run(nothing, (elapsedMs) => elapsedMs > periodMs)
    show('alone', alone)
    isTaken = false
    snapshotter.request()
    const beside = await run(
      () => {
        snapshotter.advance()
        snapshotter.maybeTake()
      },
      () => isTaken,
    )
    show(`snapshot ${(beside.tookMs / 1_000).toFixed(1)} s`, beside)
    shares.push(beside.perSecond / alone.perSecond)
  }
  console.log(`throughput beside a snapshot: ${shares.map((share) => share.toFixed(2)).join(', ')} of that without`)
} finally {
  await rm(dir, { recursive: true })
}
