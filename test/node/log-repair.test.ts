// A damaged log gets back what it held from whoever has it, and nothing else.
import { expect, test } from 'vitest'
import { type EntriesChunk, type Entry, type NodeId, type PeerMessage, Raft } from '../../src/core/index.ts'
import { LogRepair } from '../../src/node/log-repair.ts'
import type { NodeEvent } from '../../src/node/options.ts'
import type { Anchor } from '../../src/ports/log.ts'
import { MemoryLog } from '../../src/storage/memory-log.ts'
import { confOf, entryOf } from '../core/core-cluster.ts'

const heartbeatMs = 100
const electionTimeoutMs = 1_000
const conf = confOf({ voters: [1, 2, 3] })
const entries = (first: number, last: number, word = 'held'): readonly Entry[] =>
  Array.from({ length: last - first + 1 }, (_, i) => entryOf({ term: 1, index: first + i, word }))
/** Stands for the chain: the words in their order. */
const chainOf = (before: number, given: readonly Entry[]): number =>
  given.reduce((chain, { index, data }) => (chain * 31 + index * 7 + data.length) % 1_000_003, before)
const chainAt4 = chainOf(1, entries(1, 4))
const chainAt8 = chainOf(chainAt4, entries(5, 8))

/** Node 1 holds entries 1 to 4 of 8. `aside`: what lies apart on its disk; others hold what `held` says. */
function damaged({
  anchors,
  aside = [],
  held = new Map(),
}: {
  anchors: readonly Anchor[]
  aside?: readonly Entry[]
  held?: ReadonlyMap<NodeId, readonly Entry[]>
}) {
  const fence = { floor: { term: 1, index: 8 } }
  const log = {
    hardState: { term: 1, votedFor: undefined },
    base: { id: { term: 0, index: 0 }, conf },
    lastIndex: 4,
    terms: [{ term: 1, firstIndex: 1 }],
    confs: [],
    fence,
  }
  const raft = new Raft({ id: 1, log, now: 0, seed: 1, nonce: 1, lastApplied: 0 })
  const end = { index: 4, chain: chainAt4 }
  const asked: (NodeId | 'here')[] = []
  const events: NodeEvent[] = []
  const disk = Object.assign(new MemoryLog(conf), {
    ...{ anchors, chainAfter: chainOf },
    salvaged: (
      { firstIndex, lastIndex }: { firstIndex: number; lastIndex: number },
      done: (error: undefined, found: readonly Entry[]) => void,
    ) => {
      asked.push('here')
      done(
        undefined,
        aside.filter(({ index }) => index >= firstIndex && index <= lastIndex),
      )
    },
  })
  Object.defineProperty(disk, 'end', { get: () => end })
  const inbox: EntriesChunk[] = []
  const answer = (message: PeerMessage): void => {
    if (message.kind !== 'EntriesRequest') return
    asked.push(message.to)
    const found = (held.get(message.to) ?? []).filter(({ index }) => index >= message.firstIndex && index <= message.lastIndex)
    inbox.push({ kind: 'EntriesChunk', from: message.to, to: 1, term: 1, firstIndex: message.firstIndex, entries: found })
  }
  const repair = new LogRepair({
    ...{ id: 1, heartbeatMs, electionTimeoutMs, raft, log: disk },
    net: { send: (messages) => messages.forEach(answer) },
    wake: () => {},
    report: (event) => void events.push(event),
  })
  const run = (turns: number): void => {
    for (let turn = 0; turn < turns; turn++) {
      now += 10
      for (const chunk of inbox.splice(0)) repair.receive(chunk)
      repair.turn(now)
    }
  }
  let now = 0
  return { raft, end, asked, events, inbox, run }
}

test('it is proven by the chain that a peer has what it held, and only then taken', () => {
  const other = entries(5, 8, 'something else')
  const { raft, asked, run } = damaged({
    anchors: [{ index: 8, chain: chainAt8 }],
    held: new Map([
      [2, other],
      [3, entries(5, 8)],
    ]),
  })
  run(100)
  expect(raft.fence).toBeUndefined()
  expect(raft.lastIndex).toBe(8)
  expect(asked).toContain(2)
})

test('what lies apart and is stale does not keep it from what the others have', () => {
  const stale = entries(5, 6, 'stale')
  const anchors = [{ index: 8, chain: chainAt8 }]
  const { raft, run } = damaged({ anchors, aside: stale, held: new Map([[3, entries(5, 8)]]) })
  run(100)
  expect(raft.lastIndex).toBe(8)
})

test('an anchor that is stale does not hide the one behind it', () => {
  const anchors = [
    { index: 6, chain: 12_345 },
    { index: 8, chain: chainAt8 },
  ]
  const { raft, run } = damaged({ anchors, held: new Map([[2, entries(5, 8)]]) })
  run(100)
  expect(raft.lastIndex).toBe(8)
})

test('what nobody has is told, and asked for again', () => {
  const { raft, events, asked, run } = damaged({ anchors: [{ index: 8, chain: chainAt8 }], held: new Map([[2, entries(5, 6)]]) })
  run(1_000)
  expect(raft.lastIndex).toBe(4)
  expect(events[0]).toMatchObject({ kind: 'entriesMissing', firstIndex: 7, lastIndex: 8, lacking: [2, 3], silent: [] })
  expect(asked.filter((source) => source === 2).length).toBeGreaterThan(5)
})

test('nothing is appended once somebody leads, or to another end than the one that was asked for', () => {
  const world = () => damaged({ anchors: [{ index: 8, chain: chainAt8 }], held: new Map([[2, entries(5, 8)]]) })
  const led = world()
  while (led.asked.filter((source) => source === 2).length < 2) led.run(1)
  led.raft.step({ kind: 'receive', message: { kind: 'Heartbeat', from: 3, to: 1, term: 2, commitIndex: 0, round: 1 } })
  led.run(5)
  expect(led.raft.lastIndex).toBe(4)
  const replaced = world()
  while (replaced.asked.filter((source) => source === 2).length < 2) replaced.run(1)
  replaced.end.chain = 99
  replaced.run(1)
  expect(replaced.raft.lastIndex).toBe(4)
})
