import { describe, expect, test } from 'vitest'
import { confOfVoters, noConf, type PeerMessage, Raft } from '../../src/core/index.ts'
import { HaltedMembers } from '../../src/node/halted-members.ts'
import { MemoryLog } from '../../src/storage/memory-log.ts'
import { memberOf } from './nodes.ts'

/** Node 1 of five, halted at 7 itself or not. */
function members({ isHalted, term: own = 0 }: { readonly isHalted: boolean; readonly term?: number }) {
  const sent: PeerMessage[] = []
  const log = new MemoryLog(confOfVoters([1, 2, 3, 4, 5].map((id) => memberOf(id))))
  const summary = { ...log.summary, hardState: { term: own, votedFor: undefined } }
  const raft = new Raft({ id: 1, log: summary, now: 0, seed: 1, nonce: 1 })
  const halted = new HaltedMembers({
    id: 1,
    heartbeatMs: 100,
    raft,
    net: { send: (messages) => void sent.push(...messages) },
    stopsAt: () => (isHalted ? 7 : undefined),
  })
  const hear = (from: number, { index = 7, term = 0 } = {}) => halted.receive({ kind: 'Halted', from, to: 1, term, index })
  halted.turn(1_000)
  return { halted, hear, sent }
}
const of = (...voters: readonly number[]) => ({ ...noConf, voters })

describe('who has halted', () => {
  test('tells every other member each heartbeat, and nobody who has not', () => {
    const { halted, sent } = members({ isHalted: true })
    for (const now of [1_050, 1_099, 1_100, 1_150]) halted.turn(now)
    expect(sent.map(({ to }) => to)).toEqual([2, 3, 4, 5, 2, 3, 4, 5])
    expect(sent[0]).toEqual({ kind: 'Halted', from: 1, to: 2, term: 0, index: 7 })
    expect(members({ isHalted: false }).sent).toEqual([])
  })

  test('is known for five heartbeats', () => {
    const { halted, hear } = members({ isHalted: false })
    hear(2)
    halted.turn(1_500)
    expect(halted.list).toEqual([{ id: 2, index: 7 }])
    halted.turn(1_501)
    expect(halted.list).toEqual([])
  })

  test('counts for a question only if it was said after that', () => {
    const { halted, hear } = members({ isHalted: true })
    hear(2)
    halted.turn(1_100)
    expect(halted.isQuorumAt(7, of(1, 2, 3), 1_050)).toBe(false)
    hear(2)
    expect(halted.isQuorumAt(7, of(1, 2, 3), 1_050)).toBe(true)
  })

  test('counts only in the term in which it was said', () => {
    const { halted, hear } = members({ isHalted: false, term: 2 })
    hear(2, { term: 3 })
    hear(3, { term: 1 })
    hear(4, { term: 2 })
    expect(halted.list).toEqual([{ id: 4, index: 7 }])
  })

  test('is a majority only of those who vote, at this entry or before, and this node among them', () => {
    const { halted, hear } = members({ isHalted: true })
    hear(2)
    hear(3, { index: 8 })
    expect(halted.isQuorumAt(7, of(1, 2, 3))).toBe(true)
    expect(halted.isQuorumAt(8, of(1, 2, 3))).toBe(true)
    expect(halted.isQuorumAt(6, of(1, 2, 3))).toBe(false)
    expect(halted.isQuorumAt(7, of(1, 2, 3, 4))).toBe(false)
    expect(halted.isQuorumAt(7, of(3, 4, 5))).toBe(false)
  })

  test('must be a majority of both sets while the voters change', () => {
    const { halted, hear } = members({ isHalted: true })
    hear(2)
    expect(halted.isQuorumAt(7, { ...noConf, voters: [1, 2, 3], votersOutgoing: [1, 2, 4] })).toBe(true)
    expect(halted.isQuorumAt(7, { ...noConf, voters: [1, 2, 3], votersOutgoing: [3, 4, 5] })).toBe(false)
    expect(halted.isQuorumAt(7, { ...noConf, voters: [3, 4, 5], votersOutgoing: [1, 2, 3] })).toBe(false)
  })
})
