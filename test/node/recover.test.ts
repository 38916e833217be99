import { describe, expect, test } from 'vitest'
import { type ConfState, confOfVoters, type EntryId, type LogSummary, noConf } from '../../src/core/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import { Replica } from '../../src/machine/replica.ts'
import type { StateMachine } from '../../src/machine/state-machine.ts'
import { type Recovered, recover } from '../../src/node/index.ts'
import { checksum } from '../../src/storage/checksum.ts'
import { encodeReplica } from '../../src/wire/replica-codec.ts'
import { MemorySnapshots } from './memory-snapshots.ts'
import { lines, memberOf } from './nodes.ts'

const conf = confOfVoters([1, 2, 3].map((id) => memberOf(id)))

/** A log of term 1 up to entry 10, of term 3 from there. */
function logFrom(base: number, { lastIndex = 20, baseConf = conf }: { lastIndex?: number; baseConf?: ConfState } = {}): LogSummary {
  const runs = [
    { term: 1, firstIndex: base + 1 },
    { term: 3, firstIndex: Math.max(11, base + 1) },
  ]
  return {
    hardState: { term: 3, votedFor: undefined },
    base: { id: { index: base, term: base === 0 ? 0 : base > 10 ? 3 : 1 }, conf: baseConf },
    lastIndex,
    terms: base > 9 ? runs.slice(1) : runs,
    confs: [],
  }
}

/** The state after `id`: one line for each entry. */
function stateAfter({ term, index }: EntryId, machine: StateMachine = lines()): Buffer {
  const replica = new Replica(machine)
  machine.restoreSnapshot(Buffer.from(Array.from({ length: index }, (_, i) => `line ${i + 1}`).join('\n')))
  const state = { lastApplied: { term, index }, now: 5, ceiling: 0, ceilingTerm: 0, sessions: [], skipped: [] }
  replica.restore(state, machine.snapshot())
  return Buffer.concat([...encodeReplica(replica)])
}

class Disk {
  readonly #tasks: (() => void)[] = []
  readonly snapshots = new MemorySnapshots((task) => void this.#tasks.push(task))
  readonly unusable: string[] = []
  readonly machine = lines()

  put(id: EntryId, content: Uint8Array = stateAfter(id)): void {
    this.snapshots.put({ id, conf, bytes: content.length, checksum: checksum(content) }, content)
  }

  recover(log: LogSummary, id = 1): Recovered {
    const outcomes: { readonly error: Error | undefined; readonly recovered: Recovered | undefined }[] = []
    recover(
      {
        id,
        machine: this.machine,
        log,
        snapshots: this.snapshots,
        unusable: (index, { message }) => this.unusable.push(`${index}: ${message}`),
      },
      (error, recovered) => outcomes.push({ error, recovered }),
    )
    while (this.#tasks.length > 0) for (const task of this.#tasks.splice(0)) task()
    expect(outcomes).toHaveLength(1)
    if (outcomes[0]?.recovered === undefined) throw outcomes[0]?.error ?? new Error('nothing was recovered')
    return outcomes[0].recovered
  }
}

describe('a node starts', () => {
  test('from the newest snapshot that its log goes on from', () => {
    const disk = new Disk()
    disk.put({ term: 1, index: 6 })
    disk.put({ term: 3, index: 12 })
    const { replica, hasState } = disk.recover(logFrom(6))
    expect([replica.lastApplied, replica.lastAppliedTerm, hasState]).toEqual([12, 3, true])
    expect(disk.machine.applied).toHaveLength(12)
    expect(disk.unusable).toEqual([])
  })

  test('from the base of its log, where nothing follows it', () => {
    const disk = new Disk()
    disk.put({ term: 3, index: 15 })
    expect(disk.recover(logFrom(15, { lastIndex: 15 })).replica.lastApplied).toBe(15)
  })

  test('from the older one, when the newest is damaged', () => {
    const disk = new Disk()
    disk.put({ term: 1, index: 6 })
    disk.put({ term: 3, index: 12 })
    disk.snapshots.damage(12)
    expect(disk.recover(logFrom(6)).replica.lastApplied).toBe(6)
    expect(disk.unusable).toEqual(['12: snapshot 12 is damaged'])
    expect(disk.machine.applied).toHaveLength(6)
  })

  test('from the first entry of its log, when no snapshot can be used and the log has it', () => {
    const disk = new Disk()
    disk.put({ term: 3, index: 12 }, Buffer.from('no state at all'))
    const { replica, hasState } = disk.recover(logFrom(0))
    expect([replica.lastApplied, hasState]).toEqual([0, true])
    expect(disk.machine.applied).toEqual([])
    expect(disk.unusable[0]).toMatch(/^12: the state has format 110/)
  })

  test('without a state, when its log begins after one that is lost: it votes, and asks its peers', () => {
    const disk = new Disk()
    disk.put({ term: 1, index: 6 })
    disk.snapshots.damage(6)
    const { replica, hasState } = disk.recover(logFrom(6))
    expect([replica.lastApplied, hasState]).toEqual([0, false])
  })

  test('without a state, when it is about to join', () => {
    const log = { ...logFrom(0, { baseConf: { ...noConf, members: conf.members } }), lastIndex: 0, terms: [] }
    expect(new Disk().recover(log).hasState).toBe(false)
  })
})

describe('a snapshot whose content is of no use', () => {
  const nothing = Buffer.from('no state at all')

  test('is condemned where the state comes from elsewhere, the oldest first: the last is kept aside', () => {
    const disk = new Disk()
    disk.put({ term: 1, index: 6 })
    disk.put({ term: 3, index: 12 }, nothing)
    disk.put({ term: 3, index: 14 }, nothing)
    expect(disk.recover(logFrom(6)).replica.lastApplied).toBe(6)
    expect(disk.snapshots.condemned).toEqual([12, 14])
    expect(disk.snapshots.indexes).toEqual([6])
  })

  test('is condemned where the log has every entry', () => {
    const disk = new Disk()
    disk.put({ term: 3, index: 12 }, nothing)
    disk.recover(logFrom(0))
    expect(disk.snapshots.condemned).toEqual([12])
  })

  test('stays where there is nothing else: another version may know how to read it', () => {
    const disk = new Disk()
    disk.put({ term: 1, index: 6 }, nothing)
    expect(disk.recover(logFrom(6)).hasState).toBe(false)
    expect(disk.snapshots.condemned).toEqual([])
    expect(disk.snapshots.indexes).toEqual([6])
  })
})

describe('the only member of its cluster', () => {
  const alone = confOfVoters([memberOf(1)])
  const refusal = {
    code: 'STORAGE_DAMAGED',
    message:
      'the log begins after entry 6, and no snapshot is left that tells the state there; this is the only member of its cluster, so there is ' +
      'nobody to fetch it from. The way out: put the data directory back from a backup, or begin a new cluster in an empty one',
  }

  test.each([
    ['by its first configuration', logFrom(6, { baseConf: alone })],
    ['since the others left', { ...logFrom(6), confs: [{ index: 9, conf: { ...alone, removed: [2, 3] } }] }],
  ])('%s does not start without a state, and leaves what it has as it is', (_, log) => {
    const disk = new Disk()
    disk.put({ term: 1, index: 6 }, Buffer.from('no state at all'))
    expect(() => disk.recover(log)).toThrow(expect.objectContaining(refusal))
    expect(disk.snapshots.indexes).toEqual([6])
  })

  test('starts without one where somebody else is there, voter or not', () => {
    const learner = { ...alone, members: [memberOf(1), memberOf(2)], learners: [2] }
    expect(new Disk().recover(logFrom(6, { baseConf: learner })).hasState).toBe(false)
  })

  test('is that one and no other: who was removed, and has not heard of it, asks the one that is left', () => {
    expect(new Disk().recover(logFrom(6, { baseConf: alone }), 2).hasState).toBe(false)
  })

  test('starts from the first entry of its log without any snapshot', () => {
    expect(new Disk().recover(logFrom(0, { baseConf: alone })).hasState).toBe(true)
  })
})

describe('a snapshot is left alone', () => {
  test.each([
    ['of an entry that is not in the log yet', { term: 3, index: 21 }],
    ['of an entry that the log has of another term', { term: 2, index: 12 }],
    ['of an entry before the base of the log', { term: 1, index: 5 }],
  ])('%s', (_, id) => {
    const disk = new Disk()
    disk.put(id)
    disk.put({ term: 1, index: 6 })
    expect(disk.recover(logFrom(6)).replica.lastApplied).toBe(6)
    expect(disk.unusable).toEqual([])
  })

  test('whose label is not that of the state in it', () => {
    const disk = new Disk()
    disk.put({ term: 3, index: 12 }, stateAfter({ term: 3, index: 13 }))
    expect(disk.recover(logFrom(0)).replica.lastApplied).toBe(0)
    expect(disk.unusable).toEqual(['12: the snapshot of entry 12 of term 3 holds the state after entry 13 of term 3'])
    expect(disk.machine.applied).toEqual([])
  })
})

test('a snapshot of another machine ends the start: its peers could not help', () => {
  const disk = new Disk()
  disk.put({ term: 1, index: 6 }, stateAfter({ term: 1, index: 6 }, { ...lines(), name: 'others' }))
  expect(() => disk.recover(logFrom(6))).toThrow(
    expect.objectContaining({
      code: 'MACHINE_MISMATCH',
      message: 'the snapshot holds the state of the machine others, and this is lines',
    }),
  )
})

test('a state that the machine refuses as that of another ends the start, and stays where it is', () => {
  const disk = new Disk()
  disk.put({ term: 1, index: 6 })
  const refused = new RaftgenError('MACHINE_MISMATCH', 'state.jobs["b"] has the same ticket as state.jobs["a"]')
  disk.machine.restoreSnapshot = () => {
    throw refused
  }
  expect(() => disk.recover(logFrom(6))).toThrow(refused)
  expect([disk.unusable, disk.snapshots.condemned]).toEqual([[], []])
})
