import { Raft } from '../../src/core/index.ts'
import { Exploration, type Followed } from './exploration.ts'
import type { CoreMaker } from './glass.ts'
import { scenario } from './scenarios.ts'

const theCore: CoreMaker = (options) => new Raft(options)

/** Goes one way through a scenario with the core itself, not under glass: what it breaks, and what was seen on the way. Throws where the way leads nowhere any more. */
export function follow(name: string, size: 'small' | 'large', moves: readonly string[], make: CoreMaker = theCore): Followed {
  const chosen = scenario(name)
  // Nothing is lost because it would come too late, and no two states of a server are taken for one: a core shows none of its own.
  return new Exploration({ ...chosen, budget: chosen[size], make, keepsAll: true, isOpaque: true }).follow(moves)
}
