import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ConfState, Entry, Index, LogBase, Persist, Term } from '../../src/core/types.ts'
import type { Done, Identity, Log } from '../../src/ports/log.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import type { NextSlot } from '../../src/storage/high-water-keeper.ts'
import type { KeyValue } from '../../src/storage/kv.ts'
import { type LevelLog, LevelLog as Level, type LevelLogOptions } from '../../src/storage/level-log.ts'

export const identity: Identity = { clusterId: 'alpha', nodeId: 1, incarnation: 1 }
export const conf: ConfState = {
  members: [{ id: 1, incarnation: 1, peer: '127.0.0.1:7001', client: '127.0.0.1:7002' }],
  voters: [1],
  votersOutgoing: [],
  learners: [],
  joining: [],
  removed: [],
  leaseMs: 0,
}
export const name = 'data/1'
/** How every message about damage ends. */
export const wayOut = 'Move the directory away and start the node on an empty one with `join`, under the same id.'

/** How it ends for who has nobody to repair it from. */
export const aloneWayOut = 'No other member has a copy to repair it from: keep the directory, and restore a backup of it.'
/** Of a cluster of three. */
export const confOfThree: ConfState = {
  ...conf,
  members: [1, 2, 3].map((id) => ({ id, incarnation: 1, peer: `127.0.0.${id}:7001`, client: `127.0.0.${id}:7002` })),
  voters: [1, 2, 3],
}

export const called = (call: (done: Done) => void): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))))

export const openBlocks = (kv: KeyValue): Promise<BlockLog> =>
  new Promise((resolve, reject) => BlockLog.open(kv, { name }, (error, log) => (log === undefined ? reject(error) : resolve(log))))

export async function newBlocks(kv: KeyValue): Promise<BlockLog> {
  await called((done) => BlockLog.bootstrap(kv, { identity, conf }, done))
  return openBlocks(kv)
}

export const append = (log: Log, changes: Partial<Persist>): Promise<void> =>
  called((done) =>
    log.appendEntries(
      { seq: 1, hardState: { term: 1, votedFor: undefined }, reset: undefined, truncateFrom: undefined, entries: [], ...changes },
      done,
    ),
  )

export const compact = (log: Log, base: LogBase): Promise<void> => called((done) => log.compact(base, done))

export const read = (log: Log, firstIndex: Index, lastIndex: Index): Promise<readonly Entry[]> =>
  new Promise((resolve, reject) => {
    log.entries({ firstIndex, lastIndex, bytesMax: Number.MAX_SAFE_INTEGER }, (error, entries) =>
      error === undefined ? resolve(entries) : reject(error),
    )
  })

export const close = (log: Log): Promise<void> => called((done) => log.close(done))

/** `count` commands; `text` tells equal runs apart. */
export const commands = (term: Term, firstIndex: Index, count: number, text = 'command'): readonly Entry[] =>
  Array.from({ length: count }, (_, i) => ({
    term,
    index: firstIndex + i,
    kind: 'command',
    data: Buffer.from(`${text} ${firstIndex + i} of term ${term}`),
    conf: undefined,
  }))

/** Removed when the test ends. */
export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'raftgen-storage-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A directory, bootstrapped. */
export async function bootstrapped(): Promise<string> {
  const dir = join(await temporaryDir(), 'data')
  await Level.bootstrap({ dir, identity, conf })
  return dir
}

/** Closed when the test ends, if it is not by then. */
export async function openLevel(dir: string, options: LevelLogOptions = {}): Promise<LevelLog> {
  const log = await Level.open(dir, options)
  onTestFinished(() => close(log))
  return log
}

/** The message of the error that `promise` ends with. */
export const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? `${error.code} ${error.message}` : String(error)),
  )

/** What the high water says after so many writes of one entry each. */
export const nextSlotAfter = (writes: number): NextSlot => ({
  hardState: { term: 1, votedFor: undefined },
  last: { term: 1, index: writes, chain: 7, writes },
  base: { term: 0, index: 0, chain: 0 },
  baseConf: conf,
  fence: undefined,
  reached: undefined,
  members: [],
})
