// The core broken on purpose, in one place each: the exploration finds it, and soon. What nobody could find would be no proof of anything.
import { expect, test, vi } from 'vitest'
import { mutants } from '../mutants/mutants.ts'
import { Exploration, type Report } from './exploration.ts'
import { follow } from './follow.ts'
import { type CoreMaker, loadGlass } from './glass.ts'
import { scenario } from './scenarios.ts'
import { storyOf, testOf } from './story.ts'

// Seconds each; on a machine that does other things, more.
vi.setConfig({ testTimeout: 180_000 })

interface Tooth {
  /** Of the mutant, as in `test/mutants/mutants.ts`. */
  readonly mutant: string
  readonly scenario: string
  /** Who finds it. */
  readonly finds: RegExp
  /** Within so many states. */
  readonly states: number
}

const found: readonly Tooth[] = [
  {
    mutant: 'a vote is given to a log that is as long but of an older term (§3.6.1)',
    scenario: 'figure-3.7',
    finds: /reference, HandlePreVote/,
    states: 50,
  },
  { mutant: 'a vote is given to any log (§3.6.1)', scenario: 'elections-prompt', finds: /reference, HandleRequestVote/, states: 2_000 },
  { mutant: 'a second vote in a term (§3.4)', scenario: 'elections', finds: /reference, HandleRequestVote/, states: 2_000 },
  {
    mutant: 'an answer leaves before term and vote are durable (§3.8)',
    scenario: 'elections',
    finds: /reference, durable before said/,
    states: 200,
  },
  {
    mutant: 'a pre-vote raises the term of its receiver (§9.6)',
    scenario: 'elections',
    finds: /reference, no rule changes the term so/,
    states: 50,
  },
  {
    mutant: 'an entry of an older term is committed by counting (§3.6.2)',
    scenario: 'figure-3.7',
    finds: /reference, AdvanceCommitIndex/,
    states: 1_000,
  },
  {
    mutant: 'the leader counts what its own disk does not have yet (§10.2.1)',
    scenario: 'elections',
    finds: /reference, AdvanceCommitIndex/,
    states: 3_000,
  },
  {
    mutant: 'an acknowledgement claims the end of the log (§3.5)',
    scenario: 'changes',
    finds: /reference, HandleAppendEntries/,
    states: 3_000,
  },
  {
    mutant: 'an acknowledgement leaves before its entries are durable (§3.8)',
    scenario: 'elections',
    finds: /reference, HandleAppendEntries/,
    states: 1_000,
  },
  {
    mutant: 'entries are taken whatever precedes them (§3.5)',
    scenario: 'figure-3.7',
    finds: /reference, no rule changes the last index so/,
    states: 500,
  },
  {
    mutant: 'a follower commits what its leader has, whether it holds it or not (§3.5)',
    scenario: 'changes',
    finds: /reference, Heartbeat/,
    states: 1_000,
  },
  { mutant: 'what is committed is applied before the own disk has it', scenario: 'replication', finds: /InvariantError/, states: 1_000 },
  { mutant: 'a write in flight counts for what has overwritten it', scenario: 'replication', finds: /InvariantError/, states: 2_000 },
  {
    mutant: 'a joint configuration is left before it is committed (§4.3)',
    scenario: 'changes',
    finds: /reference, ChangeConfiguration/,
    states: 100,
  },
  {
    mutant: 'a joint configuration decides by its new half alone (§4.3)',
    scenario: 'learner',
    finds: /reference, ChangeConfiguration/,
    states: 100,
  },
  { mutant: 'a joint configuration elects by its new half alone (§4.3)', scenario: 'learner', finds: /reference, PreVote/, states: 200 },
  { mutant: 'half of the voters is a quorum', scenario: 'two', finds: /reference, AdvanceCommitIndex/, states: 1_000 },
  { mutant: 'learners campaign (§4.2.1)', scenario: 'learner', finds: /reference, Timeout/, states: 4_000 },
  { mutant: 'reads before the first commit in the term (§6.4)', scenario: 'reads', finds: /reference, Read/, states: 2_000 },
  { mutant: 'a read is granted by a round that began before it (§6.4)', scenario: 'reads', finds: /reference, Read/, states: 50 },
  {
    mutant: 'a log that contradicts a snapshot stays (§5.3)',
    scenario: 'snapshots',
    finds: /reference, no rule changes the base so/,
    states: 20_000,
  },
  { mutant: 'entries are applied while a snapshot is being read', scenario: 'snapshots', finds: /InvariantError/, states: 20_000 },
]

/** Without the reference: what can be seen of the cluster. */
const seen: readonly Tooth[] = [
  { mutant: 'a vote is given to any log (§3.6.1)', scenario: 'elections-prompt', finds: /^leader completeness/, states: 20_000 },
  { mutant: 'a second vote in a term (§3.4)', scenario: 'elections', finds: /^election safety/, states: 10_000 },
  {
    mutant: 'the leader counts what its own disk does not have yet (§10.2.1)',
    scenario: 'elections',
    finds: /^committed is what a majority/,
    states: 3_000,
  },
  {
    mutant: 'an acknowledgement leaves before its entries are durable (§3.8)',
    scenario: 'elections',
    finds: /^committed is what a majority/,
    states: 3_000,
  },
  { mutant: 'entries are taken whatever precedes them (§3.5)', scenario: 'figure-3.7', finds: /^log matching/, states: 500 },
  { mutant: 'half of the voters is a quorum', scenario: 'two', finds: /^committed is what a majority/, states: 1_000 },
  { mutant: 'reads before the first commit in the term (§6.4)', scenario: 'reads', finds: /^linearizable reads/, states: 2_000 },
]

async function broken(mutant: string): Promise<CoreMaker> {
  const patch = mutants.find(({ name }) => name === mutant)
  if (patch === undefined) throw new Error(`there is no mutant ${mutant}`)
  return loadGlass(patch)
}

async function explore({ mutant, scenario: name, states }: Tooth, options: { readonly isRefined: boolean }): Promise<Report> {
  const chosen = scenario(name)
  return new Exploration({ ...chosen, budget: chosen.small, make: await broken(mutant), statesMax: states, ...options }).run()
}

test.each(found)('$mutant: found in $scenario', async (tooth) => {
  const { counterexample } = await explore(tooth, { isRefined: true })
  expect(counterexample?.violation).toMatch(tooth.finds)
})

test.each(seen)('$mutant: seen without the reference in $scenario', async (tooth) => {
  const { counterexample } = await explore(tooth, { isRefined: false })
  expect(counterexample?.violation).toMatch(tooth.finds)
})

test('what was found is told move by move, the shortest way, with a test that goes it', async () => {
  const tooth = { mutant: 'half of the voters is a quorum', scenario: 'two', finds: /./, states: 1_000 }
  const { counterexample } = await explore(tooth, { isRefined: false })
  if (counterexample === undefined) throw new Error('nothing was found')
  expect(storyOf(counterexample)).toMatchSnapshot()
  expect(testOf(counterexample, { name: 'two', size: 'small' })).toMatchSnapshot()
})

test('the way to what was found leads there again, move by move, and to nothing where nothing is broken', async () => {
  const tooth = { mutant: 'half of the voters is a quorum', scenario: 'two', finds: /./, states: 1_000 }
  const { counterexample } = await explore(tooth, { isRefined: true })
  const moves = counterexample?.moves.map(({ text }) => text) ?? []
  expect(follow('two', 'small', moves, await broken(tooth.mutant)).violation).toBe(counterexample?.violation)
  expect(follow('two', 'small', moves).violation).toBeUndefined()
})
