// What every `Log` must pass before a node may trust it. Knows no test runner: `logSuite` gives plain cases, to be registered as
//
//   for (const { name, run, skip } of logSuite(subject)) test.skipIf(skip !== undefined)(name, run)
//
// A case that fails throws an `AssertionError`.
import assert from 'node:assert/strict'
import type { ConfState, Entry, HardState, Index, LogSummary, Persist, Term } from '../core/types.ts'
import type { EntriesRange, Log } from '../ports/log.ts'

/** Makes the logs that are tested. */
export interface LogSubject {
  /** A new, empty log of term 0 whose base is (0, 0) with this configuration. */
  open(conf: ConfState): Promise<Log>
  /** Ends `log` without closing it where that can be done, else closes it; opens what it has stored. Leave it out where nothing is stored. */
  readonly reopen?: (log: Log) => Promise<Log>
  /** The next write of `log` fails, as on a broken disk. Leave it out where it cannot be done. */
  readonly failNextWrite?: (log: Log) => void
}

export interface LogCase {
  /** A sentence that is true of every log. */
  readonly name: string
  readonly run: () => Promise<void>
  /** Why this case does not apply, or `undefined`. */
  readonly skip: string | undefined
}

const kibibyte = 1_024
const bytesUnlimited = Number.MAX_SAFE_INTEGER

/** The compliance suite, for one kind of log. */
export function logSuite(subject: LogSubject): readonly LogCase[] {
  const { reopen, failNextWrite } = subject
  const plain = cases.map(({ name, run }) => ({ name, skip: undefined, run: () => withLog(subject, run) }))
  const stored = storedCases.map(({ name, run }) => ({
    name,
    skip: reopen === undefined ? 'this log stores nothing beyond its process' : undefined,
    run: () => withLog(subject, async (log) => run(log, reopen ?? Promise.resolve)),
  }))
  const failing = failingCases.map(({ name, run }) => ({
    name,
    skip: failNextWrite === undefined ? 'the writes of this log cannot be made to fail' : undefined,
    run: () => withLog(subject, (log) => run(log, () => failNextWrite?.(log))),
  }))
  return [...plain, ...stored, ...failing]
}

interface Case<Arguments extends readonly unknown[]> {
  readonly name: string
  /** Gives the log that is still open at the end, when it is another one. */
  readonly run: (log: Log, ...more: Arguments) => Promise<Log | undefined>
}

const cases: readonly Case<[]>[] = [
  {
    name: 'a new log is empty, of term 0, without a vote',
    run: async (log) => {
      assert.deepEqual(ends(log), { currentTerm: 0, votedFor: undefined, firstIndex: 1, lastIndex: 0, lastTerm: 0 })
      assert.deepEqual(log.summary, summary({ hardState: { term: 0, votedFor: undefined } }))
      assert.deepEqual(await read(log, 1, 10), [])
      assert.equal(await readOne(log, 1), undefined)
      return undefined
    },
  },
  {
    name: 'a write sets term, vote and entries together',
    run: async (log) => {
      const entries = commands(3, 1, 5)
      await append(log, { hardState: { term: 3, votedFor: 2 }, entries })
      assert.deepEqual(ends(log), { currentTerm: 3, votedFor: 2, firstIndex: 1, lastIndex: 5, lastTerm: 3 })
      assert.deepEqual(await read(log, 1, 5), entries)
      return undefined
    },
  },
  {
    name: 'a write without entries sets term and vote and leaves the entries',
    run: async (log) => {
      await append(log, { hardState: { term: 1, votedFor: undefined }, entries: commands(1, 1, 2) })
      await append(log, { hardState: { term: 4, votedFor: undefined } })
      await append(log, { hardState: { term: 4, votedFor: 3 } })
      assert.deepEqual(ends(log), { currentTerm: 4, votedFor: 3, firstIndex: 1, lastIndex: 2, lastTerm: 1 })
      await append(log, { hardState: { term: 5, votedFor: undefined } })
      assert.equal(log.votedFor, undefined)
      return undefined
    },
  },
  {
    name: 'no callback comes before its call has returned',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 3) })
      const early: string[] = []
      let returned = false
      const calls = [
        called((done) => log.appendEntries(persist({ entries: commands(1, 4, 1) }), note('appendEntries', done))),
        called((done) => log.entries({ firstIndex: 1, lastIndex: 3, bytesMax: 9 }, note('entries', done))),
        called((done) => log.entries({ firstIndex: 7, lastIndex: 8, bytesMax: 9 }, note('entries of nothing', done))),
        called((done) => log.entry(2, note('entry', done))),
        called((done) => log.entry(9, note('entry of nothing', done))),
      ]
      function note(name: string, done: (error: Error | undefined) => void): (error: Error | undefined) => void {
        return (error) => {
          if (!returned) early.push(name)
          done(error)
        }
      }
      returned = true
      await Promise.all(calls)
      assert.deepEqual(early, [])
      return undefined
    },
  },
  {
    name: 'the getters change when a write completes, not when it is asked for',
    run: async (log) => {
      const write = append(log, { hardState: { term: 2, votedFor: 1 }, entries: commands(2, 1, 3) })
      assert.deepEqual(ends(log), { currentTerm: 0, votedFor: undefined, firstIndex: 1, lastIndex: 0, lastTerm: 0 })
      await write
      assert.equal(log.latestLogIndex, 3)
      return undefined
    },
  },
  {
    name: 'writes that are queued take effect, and complete, in the order of the calls',
    run: async (log) => {
      const completed: [write: number, lastIndex: Index][] = []
      const write = (number: number, changes: Partial<Persist>): Promise<void> =>
        called((done) =>
          log.appendEntries(persist(changes), (error) => {
            completed.push([number, log.latestLogIndex])
            done(error)
          }),
        )
      await Promise.all([
        write(1, { entries: commands(1, 1, 3) }),
        write(2, { entries: commands(1, 4, 3) }),
        write(3, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 3, entries: commands(2, 3, 1) }),
        write(4, { hardState: { term: 2, votedFor: undefined }, entries: commands(2, 4, 1) }),
      ])
      assert.deepEqual(completed, [
        [1, 3],
        [2, 6],
        [3, 3],
        [4, 4],
      ])
      assert.deepEqual(await read(log, 1, 9), [...commands(1, 1, 2), ...commands(2, 3, 1), ...commands(2, 4, 1)])
      return undefined
    },
  },
  {
    name: 'a range gives the entries that exist, contiguous from its first index',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 4) })
      await append(log, { entries: commands(1, 5, 40) })
      await append(log, { entries: commands(1, 45, 6) })
      const all = commands(1, 1, 50)
      assert.deepEqual(await read(log, 1, 50), all)
      assert.deepEqual(await read(log, 3, 47), all.slice(2, 47))
      assert.deepEqual(await read(log, 20, 21), all.slice(19, 21))
      assert.deepEqual(await read(log, 50, 900), all.slice(49))
      assert.deepEqual(await readOne(log, 5), all[4])
      return undefined
    },
  },
  {
    name: 'a range that does not begin in the log, or ends before it begins, is empty',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 4) })
      assert.deepEqual(await read(log, 5, 9), [])
      assert.deepEqual(await read(log, 0, 3), [])
      assert.deepEqual(await read(log, 3, 2), [])
      assert.equal(await readOne(log, 0), undefined)
      assert.equal(await readOne(log, 5), undefined)
      return undefined
    },
  },
  {
    name: 'a range stops before its bytes are exceeded, but gives one entry at least',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 3, kibibyte) })
      await append(log, { entries: commands(1, 4, 3, kibibyte) })
      assert.equal((await read(log, 1, 6, 4 * kibibyte)).length, 4)
      assert.equal((await read(log, 1, 6, 4 * kibibyte - 1)).length, 3)
      assert.equal((await read(log, 2, 6, 1)).length, 1)
      assert.equal((await read(log, 6, 6, 0)).length, 1)
      return undefined
    },
  },
  {
    name: 'entries come back byte for byte, with term, index, kind and configuration',
    run: async (log) => {
      const every = Uint8Array.from({ length: 256 }, (_, i) => i)
      const entries: Entry[] = [
        { term: 1, index: 1, kind: 'noop', data: new Uint8Array(0), conf: undefined },
        { term: 1, index: 2, kind: 'command', data: every, conf: undefined },
        { term: 1, index: 3, kind: 'command', data: new Uint8Array(0), conf: undefined },
        confEntry(1, 4),
        { term: 1, index: 5, kind: 'command', data: new Uint8Array(3 * kibibyte * kibibyte).fill(7), conf: undefined },
      ]
      await append(log, { entries })
      assert.deepEqual(await read(log, 1, 5), plainEntries(entries))
      return undefined
    },
  },
  {
    name: 'a truncation removes everything from its index on, wherever writes began',
    run: async (log) => {
      for (let first = 1; first <= 61; first += 20) await append(log, { entries: commands(1, first, 20) })
      const all = commands(1, 1, 80)
      for (const truncateFrom of [75, 61, 60, 42, 21, 20, 2, 1]) {
        await append(log, { truncateFrom })
        assert.equal(log.latestLogIndex, truncateFrom - 1, `after a truncation from ${truncateFrom}`)
        assert.deepEqual(await read(log, 1, 80), all.slice(0, truncateFrom - 1))
      }
      return undefined
    },
  },
  {
    name: 'a truncation and the entries that replace what it removes are one write',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 10) })
      await append(log, { entries: commands(1, 11, 10) })
      await append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 15, entries: commands(2, 15, 3) })
      await append(log, { hardState: { term: 3, votedFor: 1 }, truncateFrom: 5, entries: commands(3, 5, 30) })
      assert.deepEqual(await read(log, 1, 99), [...commands(1, 1, 4), ...commands(3, 5, 30)])
      assert.deepEqual(ends(log), { currentTerm: 3, votedFor: 1, firstIndex: 1, lastIndex: 34, lastTerm: 3 })
      return undefined
    },
  },
  {
    name: 'an index that was overwritten has the entry of the later term',
    run: async (log) => {
      for (const term of [1, 2, 3, 4]) {
        const truncateFrom = term === 1 ? undefined : 2
        await append(log, { hardState: { term, votedFor: undefined }, truncateFrom, entries: commands(term, term === 1 ? 1 : 2, 2) })
      }
      assert.deepEqual((await readOne(log, 2))?.term, 4)
      assert.deepEqual(await read(log, 1, 9), [...commands(1, 1, 1), ...commands(4, 2, 2)])
      return undefined
    },
  },
  {
    name: 'the last term after a truncation is that of the last entry left',
    run: async (log) => {
      for (const term of [1, 3, 5]) await append(log, { hardState: { term, votedFor: undefined }, entries: commands(term, term * 2 - 1, 4) })
      await append(log, { hardState: { term: 5, votedFor: undefined }, truncateFrom: 9 })
      assert.equal(log.latestLogTerm, 3)
      await append(log, { hardState: { term: 5, votedFor: undefined }, truncateFrom: 3 })
      assert.equal(log.latestLogTerm, 1)
      await append(log, { hardState: { term: 5, votedFor: undefined }, truncateFrom: 1 })
      assert.equal(log.latestLogTerm, 0)
      return undefined
    },
  },
  {
    name: 'reads beside a truncation give the log before it or after it',
    run: async (log) => {
      const before = commands(1, 1, 60)
      const after = [...commands(1, 1, 9), ...commands(2, 10, 60)]
      for (let first = 1; first < 60; first += 20) await append(log, { entries: commands(1, first, 20) })
      const reads = [read(log, 1, 60), read(log, 45, 60)]
      const write = append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 10, entries: after.slice(9) })
      reads.push(read(log, 1, 60), read(log, 45, 60))
      await write
      for (const [i, entries] of (await Promise.all(reads)).entries()) {
        const first = i % 2 === 0 ? 1 : 45
        const wanted = entries.at(-1)?.term === 1 ? before : after
        assert.deepEqual(entries, wanted.slice(first - 1, 60))
      }
      return undefined
    },
  },
  {
    name: 'closing waits for the writes under way; later calls are refused',
    run: async (log) => {
      const write = append(log, { entries: commands(1, 1, 3) })
      const order: string[] = []
      const closed = called((done) => log.close(done)).then(() => order.push('closed'))
      await write.then(() => order.push('written'))
      await closed
      assert.deepEqual(order, ['written', 'closed'])
      await assert.rejects(append(log, { entries: commands(1, 4, 1) }), { code: 'CLOSED' })
      await assert.rejects(read(log, 1, 3), { code: 'CLOSED' })
      await called((done) => log.close(done))
      return undefined
    },
  },
]

const storedCases: readonly Case<[reopen: (log: Log) => Promise<Log>]>[] = [
  {
    name: 'a completed write is there after a reopen: term, vote and entries',
    run: async (log, reopen) => {
      await append(log, { hardState: { term: 3, votedFor: 2 }, entries: commands(2, 1, 30) })
      await append(log, { hardState: { term: 3, votedFor: 2 }, entries: commands(3, 31, 5) })
      const opened = await reopen(log)
      assert.deepEqual(ends(opened), { currentTerm: 3, votedFor: 2, firstIndex: 1, lastIndex: 35, lastTerm: 3 })
      assert.deepEqual(await read(opened, 1, 99), [...commands(2, 1, 30), ...commands(3, 31, 5)])
      return opened
    },
  },
  {
    name: 'a log that was never written to opens empty, and can be written to',
    run: async (log, reopen) => {
      const opened = await reopen(await reopen(log))
      assert.deepEqual(opened.summary, summary({ hardState: { term: 0, votedFor: undefined } }))
      await append(opened, { entries: commands(1, 1, 2) })
      assert.equal(opened.latestLogIndex, 2)
      return opened
    },
  },
  {
    name: 'the summary has the runs of terms and the configurations that a truncation left',
    run: async (log, reopen) => {
      await append(log, { entries: [...commands(1, 1, 3), confEntry(1, 4), ...commands(1, 5, 2)] })
      await append(log, { hardState: { term: 3, votedFor: undefined }, entries: [...commands(2, 7, 2), ...commands(3, 9, 2), confEntry(3, 11)] })
      await append(log, { hardState: { term: 6, votedFor: 1 }, truncateFrom: 10, entries: [...commands(5, 10, 1), ...commands(6, 11, 3)] })
      const opened = await reopen(log)
      const terms = [
        { term: 1, firstIndex: 1 },
        { term: 2, firstIndex: 7 },
        { term: 3, firstIndex: 9 },
        { term: 5, firstIndex: 10 },
        { term: 6, firstIndex: 11 },
      ]
      const confs = [{ index: 4, conf: otherConf }]
      assert.deepEqual(opened.summary, summary({ hardState: { term: 6, votedFor: 1 }, lastIndex: 13, terms, confs }))
      return opened
    },
  },
  {
    name: 'a truncation, and what replaced it, is there after a reopen',
    run: async (log, reopen) => {
      for (let first = 1; first <= 41; first += 20) await append(log, { entries: commands(1, first, 20) })
      const twice = await reopen(log)
      await append(twice, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 30, entries: commands(2, 30, 3) })
      await append(twice, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 31 })
      const opened = await reopen(twice)
      assert.deepEqual(await read(opened, 1, 99), [...commands(1, 1, 29), ...commands(2, 30, 1)])
      assert.equal(opened.latestLogTerm, 2)
      return opened
    },
  },
]

const failingCases: readonly Case<[failNextWrite: () => void]>[] = [
  {
    name: 'after a failed write every later call fails, and the getters stay as they were',
    run: async (log, failNextWrite) => {
      await append(log, { entries: commands(1, 1, 3) })
      failNextWrite()
      const failed = append(log, { entries: commands(1, 4, 1) })
      const queued = append(log, { entries: commands(1, 5, 1) })
      await Promise.all([
        assert.rejects(failed, { code: 'STORAGE_FAILED' }),
        assert.rejects(queued, { code: 'STORAGE_FAILED' }),
      ])
      await assert.rejects(append(log, { entries: commands(1, 4, 1) }), { code: 'STORAGE_FAILED' })
      await assert.rejects(read(log, 1, 3), { code: 'STORAGE_FAILED' })
      assert.equal(log.latestLogIndex, 3)
      return undefined
    },
  },
]

const conf: ConfState = {
  members: [1, 2, 3].map((id) => ({ id, incarnation: 1, peer: `10.0.0.${id}:7001`, client: `10.0.0.${id}:7002` })),
  voters: [1, 2, 3],
  votersOutgoing: [],
  learners: [],
}
const otherConf: ConfState = { ...conf, voters: [1, 2], votersOutgoing: [1, 2, 3], learners: [3] }

async function withLog(subject: LogSubject, run: (log: Log) => Promise<Log | undefined>): Promise<void> {
  const log = await subject.open(conf)
  const last = await run(log)
  await called((done) => (last ?? log).close(done)).catch(() => undefined)
}

/** `count` commands whose data tells term and index. */
function commands(term: Term, firstIndex: Index, count: number, bytes = 12): readonly Entry[] {
  return Array.from({ length: count }, (_, i) => {
    const data = new Uint8Array(bytes)
    new DataView(data.buffer).setUint32(0, term)
    new DataView(data.buffer).setUint32(4, firstIndex + i)
    return { term, index: firstIndex + i, kind: 'command', data, conf: undefined }
  })
}

const confEntry = (term: Term, index: Index): Entry => ({ term, index, kind: 'conf', data: new Uint8Array(0), conf: otherConf })

/** Data as plain arrays of bytes: a `Buffer` and a `Uint8Array` of the same content are the same. */
const plainEntries = (entries: readonly Entry[]): readonly Entry[] => entries.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) }))

let seq = 0
function persist(changes: Partial<Persist>): Persist {
  seq++
  return { seq, hardState: { term: 1, votedFor: undefined }, truncateFrom: undefined, entries: [], ...changes }
}
const append = (log: Log, changes: Partial<Persist>): Promise<void> => called((done) => log.appendEntries(persist(changes), done))

function called(call: (done: (error: Error | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))))
}

function read(log: Log, firstIndex: Index, lastIndex: Index, bytesMax = bytesUnlimited): Promise<readonly Entry[]> {
  const range: EntriesRange = { firstIndex, lastIndex, bytesMax }
  return new Promise((resolve, reject) => {
    log.entries(range, (error, entries) => (error === undefined ? resolve(plainEntries(entries)) : reject(error)))
  })
}

function readOne(log: Log, index: Index): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    log.entry(index, (error, entry) => (error === undefined ? resolve(entry && plainEntries([entry])[0]) : reject(error)))
  })
}

interface Ends {
  readonly currentTerm: Term
  readonly votedFor: HardState['votedFor']
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly lastTerm: Term
}
const ends = ({ currentTerm, votedFor, firstIndex, latestLogIndex, latestLogTerm }: Log): Ends => ({
  currentTerm,
  votedFor,
  firstIndex,
  lastIndex: latestLogIndex,
  lastTerm: latestLogTerm,
})

const summary = (changes: Partial<LogSummary>): LogSummary => ({
  hardState: { term: 1, votedFor: undefined },
  base: { id: { term: 0, index: 0 }, conf },
  lastIndex: 0,
  terms: [],
  confs: [],
  ...changes,
})
