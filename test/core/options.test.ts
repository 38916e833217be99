import { describe, expect, test } from 'vitest'
import { confOfVoters, type LogSummary, noConf, Raft, type RaftOptions } from '../../src/core/index.ts'
import { confOf, memberOf } from './core-cluster.ts'

const conf = confOf({ voters: [1, 2, 3] })
const noLog = { term: 0, index: 0 }
const empty: LogSummary = { hardState: { term: 0, votedFor: undefined }, base: { id: noLog, conf }, lastIndex: 0, terms: [], confs: [] }
/** Entries 5 to 8 after a snapshot of entry 4. */
const compacted: LogSummary = {
  hardState: { term: 3, votedFor: 2 },
  base: { id: { term: 1, index: 4 }, conf },
  lastIndex: 8,
  terms: [
    { term: 1, firstIndex: 5 },
    { term: 3, firstIndex: 7 },
  ],
  confs: [{ index: 6, conf }],
}
const build = (given: Partial<RaftOptions> = {}) => new Raft({ id: 1, log: empty, now: 0, seed: 1, nonce: 7, ...given })
const withLog = (given: Partial<LogSummary>) => () => build({ log: { ...empty, ...given } })
const withCompacted = (given: Partial<LogSummary>) => () => build({ log: { ...compacted, ...given }, lastApplied: 4 })
/** What is wrong, in the words of BAD_OPTIONS. */
const complaintOf = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    expect(error).toMatchObject({ name: 'RaftgenError', code: 'BAD_OPTIONS' })
    return error instanceof Error ? error.message : error
  }
  return undefined
}

describe('a core is not built from', () => {
  test.each([
    ['an id of 0', { id: 0 }, 'id is 0, not a whole number from 1 to 281474976710655'],
    ['an id that is no whole number', { id: 1.5 }, 'id is 1.5, not a whole number from 1 to 281474976710655'],
    ['a time that is none', { now: Number.NaN }, 'now is NaN, not a number of milliseconds'],
    ['a seed that is none', { seed: Number.NaN }, /^seed is NaN, not a whole number from /],
    ['a nonce of more than 48 bits', { nonce: 2 ** 48 }, 'nonce is 281474976710656, not a whole number from 0 to 281474976710655'],
    ['a nonce below 0', { nonce: -1 }, 'nonce is -1, not a whole number from 0 to 281474976710655'],
  ])('%s', (_, given, message) => {
    expect(() => build(given)).toThrow(message)
    expect(complaintOf(() => build(given))).toBeDefined()
  })

  test('no nonce: it must be new at each start, so nothing could stand for it', () => {
    // @ts-expect-error: the types say so too
    const without: RaftOptions = { id: 1, log: empty, now: 0, seed: 1 }
    expect(complaintOf(() => new Raft(without))).toBe('nonce is undefined, not a whole number from 0 to 281474976710655')
  })

  test('a log that does not say where its terms begin', () => {
    expect(complaintOf(withLog({ lastIndex: 3 }))).toBe(
      'log.terms is empty, but log.lastIndex is 3: it must say where each term of the entries 1 to 3 begins',
    )
    expect(complaintOf(withCompacted({ terms: [{ term: 1, firstIndex: 6 }] }))).toBe(
      'log.terms[0].firstIndex is 6, but the first entry after log.base is 5',
    )
    expect(complaintOf(withLog({ terms: [{ term: 1, firstIndex: 1 }] }))).toBe('log.terms[0].firstIndex is 1, but there can be none')
  })

  test('terms that do not rise, or begin outside the log', () => {
    const [first = { term: 1, firstIndex: 5 }] = compacted.terms
    const terms = (...later: LogSummary['terms']) => complaintOf(withCompacted({ terms: [first, ...later] }))
    expect(terms({ term: 1, firstIndex: 7 })).toBe('log.terms[1].term is 1, not a whole number from 2 to 140737488355327')
    expect(terms({ term: 2, firstIndex: 5 })).toBe('log.terms[1].firstIndex is 5, not a whole number from 6 to 8')
    expect(terms({ term: 2, firstIndex: 9 })).toBe('log.terms[1].firstIndex is 9, not a whole number from 6 to 8')
    expect(complaintOf(withLog({ lastIndex: 1, terms: [{ term: 0, firstIndex: 1 }] }))).toMatch(/^log.terms\[0\].term is 0, not/)
  })

  test('a log that ends before it begins, or begins at half a place', () => {
    expect(complaintOf(withCompacted({ lastIndex: 3 }))).toBe('log.lastIndex is 3, before log.base.id.index, which is 4')
    expect(complaintOf(withCompacted({ base: { id: { term: 0, index: 4 }, conf } }))).toBe(
      'log.base.id has term 0 and index 4: both are 0 before the first entry, and only there',
    )
    expect(complaintOf(withLog({ lastIndex: -1 }))).toBe('log.lastIndex is -1, not a whole number from 0 to 140737488355327')
  })

  test('a term that is older than its log, or a vote for nobody', () => {
    expect(complaintOf(withCompacted({ hardState: { term: 2, votedFor: undefined } }))).toBe(
      'log.hardState.term is 2, but the log ends with term 3: a term is durable before its entries',
    )
    expect(complaintOf(withCompacted({ hardState: { term: 3, votedFor: 0 } }))).toBe(
      'log.hardState.votedFor is 0, not a whole number from 1 to 281474976710655',
    )
  })

  test('configurations that cannot be, or lie outside the log', () => {
    const confs = (...indexes: readonly number[]) => complaintOf(withCompacted({ confs: indexes.map((index) => ({ index, conf })) }))
    expect(confs(4)).toBe('log.confs[0].index is 4, not a whole number from 5 to 8')
    expect(confs(6, 6)).toBe('log.confs[1].index is 6, not a whole number from 7 to 8')
    expect(confs(9)).toBe('log.confs[0].index is 9, not a whole number from 5 to 8')
    expect(complaintOf(withCompacted({ confs: [{ index: 6, conf: noConf }] }))).toBe('log.confs[0].conf cannot be: it has no voters')
    expect(complaintOf(withCompacted({ base: { id: { term: 1, index: 4 }, conf: noConf } }))).toBe(
      'log.base.conf cannot be: it has no voters',
    )
    const twice = confOfVoters([memberOf(1), memberOf(1)])
    expect(complaintOf(withLog({ base: { id: noLog, conf: twice } }))).toBe('log.base.conf cannot be: 1, 1 are not ids, each once')
  })
})

describe('the state behind a log', () => {
  test('is the empty one before the first entry', () => {
    expect(build().status).toMatchObject({ hasState: true, lastApplied: 0 })
  })

  test('must be named where the log begins later, or be said to be missing: silence would be a node that waits for ever', () => {
    expect(complaintOf(() => build({ log: compacted }))).toBe(
      'lastApplied is missing, and log.base.id.index is 4: say the index of the snapshot that the state was read from, or hasState: false',
    )
    expect(complaintOf(() => build({ log: compacted, hasState: true }))).toMatch(/^lastApplied is missing/)
    expect(build({ log: compacted, lastApplied: 6 }).status).toMatchObject({ hasState: true, lastApplied: 6, commitIndex: 6 })
    expect(build({ log: compacted, hasState: false }).status).toMatchObject({ hasState: false, lastApplied: 0, commitIndex: 4 })
  })

  test('is in the log, or in its base', () => {
    for (const lastApplied of [3, 9, 4.5]) {
      expect(complaintOf(() => build({ log: compacted, lastApplied }))).toBe(
        `lastApplied is ${lastApplied}, which is not in the log: it has 4 to 8`,
      )
    }
    expect(complaintOf(() => build({ log: compacted, lastApplied: 4, hasState: false }))).toBe(
      'lastApplied is 4, but hasState is false: there is no state',
    )
  })

  test('does not exist yet where nobody votes', () => {
    const log = { ...empty, base: { id: noLog, conf: { ...noConf, members: [memberOf(2)] } } }
    expect(build({ log }).status.hasState).toBe(false)
    expect(complaintOf(() => build({ log, hasState: true }))).toBe(
      'hasState is true, but log.base.conf has no voters: a node that joins has no state',
    )
    expect(complaintOf(() => build({ log, lastApplied: 0 }))).toBe('lastApplied is 0, but log.base.conf has no voters: there is no state')
  })

  test('is asked for about each heartbeat while it is missing, without a word from any leader, until a snapshot has come', () => {
    const raft = build({ log: compacted, hasState: false })
    const wanted: number[] = []
    let now = 0
    const pass = (ms: number) => {
      for (const until = now + ms; now < until; now += 10) {
        raft.step({ kind: 'tick', now })
        for (let ready = raft.ready({ write: true }); ready !== undefined; ready = raft.ready({ write: true })) {
          if (ready.snapshotWanted !== undefined) wanted.push(ready.snapshotWanted)
          if (ready.persist !== undefined) raft.step({ kind: 'persisted', seq: ready.persist.seq })
        }
      }
    }
    pass(300)
    expect(wanted).toEqual([4, 4, 4])
    raft.step({ kind: 'snapshotReceived', base: { id: { term: 1, index: 5 }, conf }, term: 3 })
    pass(500)
    expect(wanted).toHaveLength(3)
    raft.step({ kind: 'applied', index: 5 })
    pass(500)
    expect(wanted).toHaveLength(3)
    expect(raft.status).toMatchObject({ hasState: true, lastApplied: 5 })
  })
})
