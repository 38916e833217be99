// Makes the directory of the present format, once, when a format is raised; it is committed, and every later version must open it.
//   npx jiti test/storage/corpus/make.ts
// It has a life behind it: elections, a truncation, a change of the members, two snapshots, a compaction, a restart in the middle. It is as it was when
// its process was killed: the last writes are in the journal, and nowhere else. That is kept compressed.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { ConfState, Entry, HardState } from '../../../src/core/types.ts'
import type { Envelope } from '../../../src/machine/envelope.ts'
import { Replica } from '../../../src/machine/replica.ts'
import { LevelLog, openSnapshotDir, PeersFile } from '../../../src/storage/index.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../src/wire/envelope-codec.ts'
import { encodeReplica } from '../../../src/wire/replica-codec.ts'
import { called, holdingOf, lines } from './holding.ts'

const member = (id: number) => ({ id, incarnation: 1, peer: `10.0.0.${id}:7001`, client: `10.0.0.${id}:7101` })
const first: ConfState = {
  members: [1, 2, 3].map(member),
  voters: [1, 2, 3],
  votersOutgoing: [],
  learners: [],
  joining: [],
  removed: [],
  leaseMs: 0,
}
const second: ConfState = { ...first, members: [1, 2, 3, 4].map(member), learners: [4] }
const identity = { clusterId: 'corpus', nodeId: 2, incarnation: 1 }
const noData = new Uint8Array(0)

const noop = (term: number, index: number): Entry => ({ term, index, kind: 'noop', data: noData, conf: undefined })
const entry = (term: number, index: number, envelope: Envelope): Entry => {
  return { term, index, kind: 'command', data: encodeEnvelope(envelope), conf: undefined }
}
const now = (index: number): number => 1_700_000_000_000 + 1_000 * index
const line = (term: number, index: number, seq: number, what = `line ${seq}`): Entry => {
  const command = new TextEncoder().encode(what)
  return entry(term, index, { kind: 'command', now: now(index), session: 2, seq, ackedBelow: Math.max(1, seq - 2), version: 1, command })
}

/** Each is one write, in this order. */
const writes: readonly { readonly hardState: HardState; readonly truncateFrom?: number; readonly entries: readonly Entry[] }[] = [
  {
    hardState: { term: 1, votedFor: 1 },
    entries: [
      noop(1, 1),
      entry(1, 2, { kind: 'openSession', now: now(2), ttlMs: 60_000 }),
      ...[3, 4, 5, 6, 7, 8].map((i) => line(1, i, i - 2)),
    ],
  },
  { hardState: { term: 1, votedFor: 1 }, entries: [9, 10, 11, 12].map((i) => line(1, i, i - 2, `lost ${i}`)) },
  { hardState: { term: 2, votedFor: 3 }, entries: [] },
  {
    hardState: { term: 2, votedFor: 3 },
    truncateFrom: 11,
    entries: [
      noop(2, 11),
      entry(2, 12, { kind: 'renewSessions', now: now(12) }),
      { term: 2, index: 13, kind: 'conf', data: noData, conf: second },
      ...[14, 15, 16].map((i) => line(2, i, i - 3)),
    ],
  },
  {
    hardState: { term: 4, votedFor: undefined },
    entries: [
      noop(4, 17),
      entry(4, 18, { kind: 'keepAlive', now: now(18), sessions: [{ session: 2, ackedBelow: 10 }] }),
      line(4, 19, 14, 'x'.repeat(1_000)),
      entry(4, 20, { kind: 'clock', now: now(20), ceiling: now(25) }),
    ],
  },
]
/** After the fourth write. */
const snapshots = [
  { id: { term: 1, index: 6 }, conf: first },
  { id: { term: 2, index: 13 }, conf: second },
]

async function append(log: LevelLog, from: number, to: number): Promise<void> {
  for (const [i, { hardState, truncateFrom, entries }] of writes.entries()) {
    if (i < from || i >= to) continue
    await called((done) => log.appendEntries({ seq: i - from + 1, hardState, reset: undefined, truncateFrom, entries }, done))
  }
}

/** What the log holds after the first four writes. */
const kept = (): readonly Entry[] =>
  writes.slice(0, 4).flatMap(({ entries }) => entries.filter(({ term, index }) => term > 1 || index < 11))

async function takeSnapshots(dir: string): Promise<void> {
  const store = await openSnapshotDir(dir)
  const replica = new Replica(lines())
  for (const one of kept()) {
    if (one.kind === 'command') replica.apply(one, decodeEnvelope(one.data))
    else replica.pass(one)
    const snapshot = snapshots.find(({ id }) => id.index === one.index)
    if (snapshot === undefined) continue
    const writer = store.create(snapshot)
    for (const piece of encodeReplica(replica)) await called((done) => writer.write(piece, done))
    await called((done) => writer.finish(done))
  }
  await called((done) => store.close(done))
}

/** Ends as `killed`, a copy. */
async function make(dir: string, killed: string): Promise<void> {
  await LevelLog.bootstrap({ dir, identity, conf: first })
  let log = await LevelLog.open(dir, { machine: lines() })
  await append(log, 0, 3)
  await called((done) => log.close(done))
  // What was in the log of the database is in a table from now on.
  log = await LevelLog.open(dir, { machine: lines() })
  await append(log, 3, 4)
  await takeSnapshots(dir)
  const [{ id, conf } = { id: { term: 0, index: 0 }, conf: first }] = snapshots
  await called((done) => log.compact({ id, conf }, done))
  const peers = await PeersFile.open(dir)
  await called((done) => peers.write([{ id: 3, incarnation: 1, diskId: '3d'.repeat(16) }], done))
  log.note([{ id: 3, incarnation: 1, match: { term: 2, index: 16 }, matchTerm: 2, votedTerm: 1 }])
  await cp(dir, killed, { recursive: true })
  await append(log, 4, 5)
  await cp(join(dir, 'journal'), join(killed, 'journal'))
  await called((done) => log.close(done))
}

const root = await mkdtemp(join(tmpdir(), 'raftgen-corpus-'))
const dir = join(root, 'node')
const killed = join(root, 'killed')
await make(dir, killed)
const { format } = JSON.parse(await readFile(join(dir, 'identity.json'), 'utf8')) as { readonly format: number }
const target = new URL(`format-${format}/`, import.meta.url).pathname
await mkdir(target)
await cp(killed, join(target, 'node'), { recursive: true })
await writeFile(join(target, 'node', 'journal.gz'), gzipSync(await readFile(join(killed, 'journal'))))
for (const name of ['journal', 'pid']) await rm(join(target, 'node', name))
// They say when, and nothing else; the lock is made when there is none.
for (const name of ['LOG', 'LOG.old', 'LOCK']) await rm(join(target, 'node', 'db', name), { force: true })
const { holding } = await holdingOf(dir)
await writeFile(join(target, 'expected.json'), `${JSON.stringify(holding, undefined, 2)}\n`)
await rm(root, { recursive: true })
console.log(`made ${target}`)
