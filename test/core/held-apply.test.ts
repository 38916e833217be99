import { describe, expect, test } from 'vitest'
import { confOfVoters, type Index, type Input, Raft } from '../../src/core/index.ts'

/** The only voter of its cluster, which writes at once and applies nothing. */
function alone(cacheBytesMax: number) {
  const conf = confOfVoters([{ id: 1, incarnation: 1, peer: 'p1:1', client: 'c1:1' }])
  const base = { id: { term: 0, index: 0 }, conf }
  const hardState = { term: 0, votedFor: undefined }
  const log = { hardState, base, lastIndex: 0, terms: [], confs: [] }
  const core = new Raft({ id: 1, log, now: 0, seed: 1, nonce: 1, limits: { cacheBytesMax } })
  const step = (input: Input): void => {
    core.step(input)
    for (let ready = core.ready({ write: true }); ready !== undefined; ready = core.ready({ write: true })) {
      if (ready.persist !== undefined) core.step({ kind: 'persisted', seq: ready.persist.seq })
    }
  }
  for (let now = 0; core.status.role !== 'leader'; now += 10) step({ kind: 'tick', now })
  return {
    core,
    propose: (bytes: number) => step({ kind: 'propose', ticket: 1, commands: [new Uint8Array(bytes)] }),
    inMemory: (index: Index) => core.entriesInMemory({ firstIndex: index, lastIndex: index, bytesMax: 1 }) !== undefined,
  }
}

describe('where nothing is applied for a while', () => {
  test('memory holds twice what the limit says, and the host reads the rest from its log', () => {
    const { core, propose, inMemory } = alone(10_000)
    for (let i = 0; i < 15; i++) propose(1_000)
    expect([core.status.commitIndex, core.status.lastApplied]).toEqual([16, 0])
    expect(inMemory(1)).toBe(true)
    for (let i = 0; i < 30; i++) propose(1_000)
    expect([core.status.commitIndex, core.status.lastApplied]).toEqual([46, 0])
    expect([1, 25, 46].map(inMemory)).toEqual([false, false, true])
  })
})
