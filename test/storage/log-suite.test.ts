import { join } from 'node:path'
import { describe, test } from 'vitest'
import type { Log } from '../../src/ports/log.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { type LogSubject, logSuite } from '../../src/storage/log-suite.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { MemoryLog } from '../../src/storage/memory-log.ts'
import { MemorySlots } from '../../src/storage/memory-slots.ts'
import { blockKey } from '../../src/storage/records.ts'
import { called, close, identity, openBlocks, openLevel, temporaryDir } from './support.ts'

const stores = new WeakMap<Log, MemoryKeyValue>()
const failing = new WeakSet<Log>()
const dirs = new WeakMap<Log, string>()

const memory: LogSubject = {
  open: async (conf) => new MemoryLog(conf),
  failNextWrite: (log) => {
    if (log instanceof MemoryLog) log.fail(new Error('the disk is on fire'))
  },
  damage: async (log) => {
    if (log instanceof MemoryLog) log.lose(21)
    return log
  },
}

/** With a high water, on a disk that loses what is under way at a crash. */
interface FencedDisk {
  readonly kv: MemoryKeyValue
  readonly slots: MemorySlots
  readonly witnessSlots: MemorySlots
}
const fencedDisks = new WeakMap<Log, FencedDisk>()
const fenced: LogSubject = {
  open: async (conf) => {
    const disk = { kv: new MemoryKeyValue(), slots: new MemorySlots(), witnessSlots: new MemorySlots() }
    await called((done) => BlockLog.bootstrap(disk.kv, { identity, conf, slots: disk.slots }, done))
    return openFenced(disk)
  },
  reopen: async (log) => openFenced(crashed(log)),
  damage: async (log) => {
    const disk = crashed(log)
    disk.kv.poke(blockKey(21), undefined)
    return openFenced(disk)
  },
}

function crashed(log: Log): FencedDisk {
  const disk = fencedDisks.get(log)
  if (disk === undefined) throw new Error('not a log of this suite')
  return { kv: disk.kv.crash(), slots: disk.slots.crash(), witnessSlots: disk.witnessSlots.crash('stored') }
}

async function openFenced(disk: FencedDisk): Promise<Log> {
  const log = await new Promise<Log>((resolve, reject) => {
    BlockLog.open(disk.kv, { name: 'fenced', slots: disk.slots, witnessSlots: disk.witnessSlots, identity }, (error, opened) =>
      opened === undefined ? reject(error) : resolve(opened),
    )
  })
  fencedDisks.set(log, disk)
  return log
}

/** On a disk that loses what is under way at a crash. */
const blocks: LogSubject = {
  open: async (conf) => {
    const kv = new MemoryKeyValue()
    await called((done) => BlockLog.bootstrap(kv, { identity, conf }, done))
    return openStore(kv)
  },
  reopen: async (log) => openStore(storeOf(log).crash()),
  failNextWrite: (log) => failing.add(log),
}

async function openStore(disk: MemoryKeyValue): Promise<Log> {
  let log: Log | undefined
  const kv = disk.crash(0, { fate: () => (log !== undefined && failing.has(log) ? 'refused' : 'stored') })
  log = await openBlocks(kv)
  stores.set(log, kv)
  return log
}

function storeOf(log: Log): MemoryKeyValue {
  const kv = stores.get(log)
  if (kv === undefined) throw new Error('not a log of this suite')
  return kv
}

const level: LogSubject = {
  open: async (conf) => {
    const dir = join(await temporaryDir(), 'data')
    await LevelLog.bootstrap({ dir, identity, conf })
    return openDir(dir)
  },
  reopen: async (log) => {
    await close(log)
    return openDir(dirs.get(log) ?? '')
  },
}

async function openDir(dir: string): Promise<Log> {
  const log = await openLevel(dir)
  dirs.set(log, dir)
  return log
}

describe.each([
  { log: 'MemoryLog', subject: memory },
  { log: 'BlockLog over a store in memory', subject: blocks },
  { log: 'BlockLog with a high water', subject: fenced },
  { log: 'LevelLog', subject: level },
])('$log', ({ subject }) => {
  for (const { name, run, skip } of logSuite(subject)) test.skipIf(skip !== undefined)(skip === undefined ? name : `${name} (${skip})`, run)
})
