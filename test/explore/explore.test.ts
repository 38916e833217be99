// Everything that can happen to a small cluster within a small budget, and why that can be believed. `npm run test:explore` for more of it.
import { beforeAll, expect, test, vi } from 'vitest'
import { Random } from '../../src/core/index.ts'
import { nothing } from './budget.ts'
import { Exploration, type ExplorationOptions, type Report } from './exploration.ts'
import { follow } from './follow.ts'
import { type CoreMaker, loadGlass } from './glass.ts'
import { scenario, scenarios } from './scenarios.ts'
import { storyOf } from './story.ts'

// Seconds each; on a machine that does other things, more.
vi.setConfig({ testTimeout: 180_000 })

let make: CoreMaker
beforeAll(async () => {
  make = await loadGlass()
})

const small = (name: string, options: Partial<ExplorationOptions> = {}): Exploration => {
  const chosen = scenario(name)
  return new Exploration({ ...chosen, budget: chosen.small, make, ...options })
}
const told = ({ counterexample }: Report): string | undefined => counterexample && storyOf(counterexample)

test.each(scenarios)('nothing that can happen in $name breaks a rule: $about', ({ name }) => {
  const report = small(name).run()
  expect(told(report)).toBeUndefined()
  expect(report.isComplete).toBe(true)
  expect(report.states).toBeGreaterThan(500)
})

test.each(['elections', 'crashes', 'duplicates', 'reads', 'transfers', 'changes', 'snapshots'])(
  'the core does in %s what the core under glass does, whatever the way',
  (name) => {
    const random = new Random(1)
    let moves = 0
    for (let i = 0; i < 20; i++) {
      const ways = small(name, { keepsAll: true }).wander(() => random.next(), 40)
      moves += ways.length
      expect(follow(name, 'small', ways)).toEqual({ violation: undefined, seen: small(name, { keepsAll: true }).follow(ways).seen })
    }
    expect(moves).toBeGreaterThan(100)
  },
)

test.each(['elections', 'replication', 'transfers'])(
  'whether servers are told apart makes no difference in %s, but in the number of states',
  (name) => {
    const [alike, apart] = [true, false].map((hasSymmetry) => small(name, { hasSymmetry }).run())
    expect(apart?.depth).toBe(alike?.depth)
    expect(apart?.states).toBeGreaterThan(alike?.states ?? 0)
    expect(apart?.states).toBeLessThanOrEqual(6 * (alike?.states ?? 0))
  },
)

test('an answer that comes too late does nothing to any server, so that it may be lost', () => {
  const [lost, kept] = [false, true].map((keepsAll) => small('figure-3.6', { keepsAll }).run())
  expect(kept?.localStates).toBe(lost?.localStates)
  expect(kept?.states).toBeGreaterThan(lost?.states ?? 0)
})

test('a message that is lost is one that does not come: no server gets anywhere by it', () => {
  const { small: budget } = scenario('figure-3.7')
  const [without, with7] = [0, 7].map((drops) => small('figure-3.7', { budget: { ...budget, drops } }).run())
  expect(with7?.localStates).toBe(without?.localStates)
  expect(with7?.states).toBeGreaterThan(without?.states ?? 0)
})

test('what is explored is bounded by the budget alone: with none at all nothing happens', () => {
  const { states, isComplete } = new Exploration({ make, budget: nothing }).run()
  expect({ states, isComplete }).toEqual({ states: 1, isComplete: true })
})

test('a candidate whose timer expires while its vote is being written asks for votes in vain, and breaks nothing', () => {
  const moves = [
    'node 1: its election timer expires',
    'node 2 receives PreVote 1>2 of term 1, last 0.0',
    'node 1 receives PreVoteReply 2>1 of term 1: yes',
    'node 1: its election timer expires',
    'node 2 receives PreVote 1>2 of term 2, last 0.0',
    'node 1 receives PreVoteReply 2>1 of term 2: yes',
    'node 1: its election timer expires',
    'node 1: its write is done',
    'node 1: its write is done',
  ]
  const { violation, seen } = follow('two', 'large', moves)
  expect(violation).toBeUndefined()
  expect(seen.at(-1)).toMatch(/^RequestVote 1>2 of term 2, last 0.0; .*"role":"preCandidate","term":2/)
})
