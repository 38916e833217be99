// Data directories as nodes of `examples/locks` leave them: written by the log itself, without a cluster to wait for.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { locksDescriptor } from '../../examples/locks/generated/index.ts'
import type { ConfState, Entry, EntryId, Member } from '../../src/core/types.ts'
import type { Envelope } from '../../src/machine/envelope.ts'
import type { Log } from '../../src/ports/log.ts'
import type { Snapshots } from '../../src/ports/snapshots.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { openSnapshotDir } from '../../src/storage/snapshot-dir.ts'
import { encodeEnvelope } from '../../src/wire/envelope-codec.ts'
import { packValue } from '../../src/wire/value.ts'

export const locksSchema = join(import.meta.dirname, '../../examples/locks/schema.ts')
const startMs = Date.UTC(2026, 0, 2, 3, 4, 5)

const member = (id: number): Member => ({ id, incarnation: 1, peer: `10.0.0.${id}:7001`, client: `10.0.0.${id}:7101` })

export const confOf = (...ids: readonly number[]): ConfState => ({
  members: ids.map(member),
  voters: ids,
  votersOutgoing: [],
  learners: [],
  joining: [],
  removed: [],
  leaseMs: 0,
})

const entryOf = (id: EntryId, envelope: Envelope): Entry => ({ ...id, kind: 'command', data: encodeEnvelope(envelope), conf: undefined })

/** Session 2 takes the lock that is called after the entry. */
export function acquire(id: EntryId, owner = 'ann'): Entry {
  const [operation] = locksDescriptor.commands
  if (operation === undefined) throw new Error('locks has no commands')
  const input = operation.input.check({ name: `orders/${id.index}`, owner }, 'input')
  const command = packValue([1, operation.tag, operation.input.toWire(input)])
  const now = startMs + id.index * 1_000
  return entryOf(id, { kind: 'command', now, session: 2, seq: id.index, ackedBelow: id.index, version: 1, command })
}

/** Entries 1 to `count` of term 3: a leader begins, a session opens, and takes locks. */
export function entries(count: number): readonly Entry[] {
  const all: Entry[] = [
    { term: 3, index: 1, kind: 'noop', data: new Uint8Array(0), conf: undefined },
    entryOf({ term: 3, index: 2 }, { kind: 'openSession', now: startMs + 2_000, ttlMs: 60_000 }),
  ]
  for (let index = 3; index <= count; index++) all.push(acquire({ term: 3, index }))
  return all
}

export interface NodeOptions {
  readonly id?: number
  readonly clusterId?: string
  /** Default: three of them. */
  readonly conf?: ConfState
  /** Default 50. */
  readonly count?: number
  /** Entries of one write. Default 10. */
  readonly batch?: number
}

/** A node that was stopped. */
export async function node(
  dir: string,
  { id = 1, clusterId = 'prod', conf = confOf(1, 2, 3), count = 50, batch = 10 }: NodeOptions = {},
): Promise<string> {
  await LevelLog.bootstrap({ dir, identity: { clusterId, nodeId: id, incarnation: 1 }, conf })
  const { name, version, wire } = locksDescriptor
  const log = await LevelLog.open(dir, { machine: { name, version, wire } })
  const all = entries(count)
  for (let at = 0; at < all.length; at += batch) await append(log, all.slice(at, at + batch))
  await closed(log)
  return dir
}

export function append(log: Log, appended: readonly Entry[]): Promise<void> {
  const persist = { seq: 1, hardState: { term: 3, votedFor: 1 }, reset: undefined, truncateFrom: undefined, entries: appended }
  return new Promise((resolve, reject) => log.appendEntries(persist, (error) => (error === undefined ? resolve() : reject(error))))
}

export const closed = (store: Pick<Log | Snapshots, 'close'>): Promise<void> =>
  new Promise((resolve, reject) => store.close((error) => (error === undefined ? resolve() : reject(error))))

/** A snapshot of an entry, with nothing in it that a machine could read. */
export async function snapshot(dir: string, id: EntryId, conf = confOf(1, 2, 3)): Promise<string> {
  const snapshots = await openSnapshotDir(dir)
  const writer = snapshots.create({ id, conf })
  await new Promise<void>((resolve, reject) =>
    writer.write(Buffer.alloc(200_000, 7), (error) => (error === undefined ? resolve() : reject(error))),
  )
  await new Promise<void>((resolve, reject) => writer.finish((error) => (error === undefined ? resolve() : reject(error))))
  await closed(snapshots)
  return join(dir, 'snapshots', `snapshot-${id.index}-${id.term}`)
}

/** As another release of the machine would have noted it. */
export const noteMachine = (
  dir: string,
  machine: { readonly name: string; readonly version: number; readonly wire: string },
): Promise<void> => writeFile(join(dir, 'machine.json'), `${JSON.stringify(machine)}\n`)
