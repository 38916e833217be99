import { elections } from './list/elections.ts'
import { membership } from './list/membership.ts'
import { memory } from './list/memory.ts'
import { reads } from './list/reads.ts'
import { replication } from './list/replication.ts'
import { service } from './list/service.ts'
import { skips } from './list/skips.ts'
import { snapshots } from './list/snapshots.ts'
import { storage } from './list/storage.ts'
import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  ...elections,
  ...replication,
  ...membership,
  ...reads,
  ...snapshots,
  ...memory,
  ...skips,
  ...storage,
  ...service,
]
