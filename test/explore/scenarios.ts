// Where an exploration begins, and what may happen in it. Each has a small budget, all of which is gone through in seconds, and a larger one for `npm run test:explore`.
import { type Budget, nothing } from './budget.ts'
import type { ExplorationOptions } from './exploration.ts'

export interface Scenario extends Omit<ExplorationOptions, 'make' | 'budget' | 'progress' | 'statesMax'> {
  readonly name: string
  /** What is looked for. */
  readonly about: string
  readonly small: Budget
  readonly large: Budget
}

const budget = (given: Partial<Budget>): Budget => ({ ...nothing, ...given })

export const scenarios: readonly Scenario[] = [
  {
    name: 'elections',
    about: 'nobody has ever led; votes are on their way to the disk when others ask',
    small: budget({ terms: 1, timeouts: 2 }),
    large: budget({ terms: 2, timeouts: 3, crashes: 1 }),
  },
  {
    name: 'elections-prompt',
    about: 'the same where a write takes no time: more terms, and crashes',
    isPrompt: true,
    small: budget({ terms: 2, timeouts: 2 }),
    large: budget({ terms: 3, timeouts: 3, crashes: 1 }),
  },
  {
    name: 'two',
    about: 'two servers: both are needed for everything',
    voters: 2,
    small: budget({ terms: 2, timeouts: 2, entries: 1, crashes: 1 }),
    large: budget({ terms: 3, timeouts: 4, entries: 2, heartbeats: 1, crashes: 2, duplications: 1 }),
  },
  {
    name: 'replication',
    about: 'a leader, entries, and perhaps another leader',
    isLed: true,
    small: budget({ terms: 2, timeouts: 1, entries: 1 }),
    large: budget({ terms: 3, timeouts: 3, entries: 2, heartbeats: 1 }),
  },
  {
    name: 'crashes',
    about: 'a process ends while it writes, or after',
    isLed: true,
    small: budget({ terms: 2, timeouts: 1, crashes: 1 }),
    large: budget({ terms: 3, timeouts: 2, entries: 1, crashes: 2 }),
  },
  {
    name: 'duplicates',
    about: 'messages come twice, and late',
    isLed: true,
    isPrompt: true,
    small: budget({ terms: 2, timeouts: 1, entries: 1, duplications: 1 }),
    large: budget({ terms: 3, timeouts: 2, entries: 2, duplications: 2, heartbeats: 1 }),
  },
  {
    name: 'figure-3.7',
    about: 'an entry of an older term is on a majority, one of a later term on another disk (§3.6.2)',
    planted: [{ terms: [1, 2], term: 3 }, { terms: [1], term: 3 }, { terms: [1, 3] }],
    committed: 1,
    isPrompt: true,
    isPiecemeal: true,
    small: budget({ terms: 4, timeouts: 1 }),
    large: budget({ terms: 5, timeouts: 3, entries: 1 }),
  },
  {
    name: 'figure-3.6',
    about: 'followers lack entries, and have others that no leader knows (§3.5)',
    planted: [{ terms: [1, 1, 1], term: 3 }, { terms: [1, 2], term: 3 }, { terms: [1, 2, 3] }],
    committed: 1,
    small: budget({ terms: 4, timeouts: 1 }),
    large: budget({ terms: 5, timeouts: 2, entries: 1, duplications: 1 }),
  },
  {
    name: 'reads',
    about: 'reads of whoever leads, and of who follows it, while another may lead',
    isLed: true,
    isPrompt: true,
    small: budget({ terms: 2, timeouts: 1, reads: 1 }),
    large: budget({ terms: 2, timeouts: 2, reads: 1, entries: 1, heartbeats: 1 }),
  },
  {
    name: 'transfers',
    about: 'a leader hands over (§3.10)',
    isLed: true,
    isPrompt: true,
    small: budget({ terms: 2, transfers: 1, entries: 1, timeouts: 1 }),
    large: budget({ terms: 3, transfers: 2, entries: 1, timeouts: 2, crashes: 1 }),
  },
  {
    name: 'changes',
    about: 'voters become learners, and voters again (§4.3)',
    isLed: true,
    isPrompt: true,
    small: budget({ terms: 1, changes: 1, heartbeats: 1 }),
    large: budget({ terms: 3, changes: 2, timeouts: 2 }),
  },
  {
    name: 'learner',
    about: 'two voters and a learner that is promoted',
    voters: 2,
    learners: 1,
    isLed: true,
    isPrompt: true,
    small: budget({ terms: 2, changes: 1, timeouts: 1 }),
    large: budget({ terms: 3, changes: 2, timeouts: 2, crashes: 1 }),
  },
  {
    name: 'snapshots',
    about: 'logs begin after snapshots, and a follower whose log conflicts needs one (§5)',
    planted: [{ terms: [1, 2] }, { terms: [1, 2] }, { terms: [1, 1, 1], term: 2 }],
    committed: 1,
    isPrompt: true,
    small: budget({ terms: 3, timeouts: 1, compactions: 1, heartbeats: 1 }),
    large: budget({ terms: 4, timeouts: 2, compactions: 2, heartbeats: 2, entries: 1 }),
  },
]

export function scenario(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no scenario ${name}: ${scenarios.map((each) => each.name).join(', ')}`)
  return found
}
