// Something that goes wrong for a while: it begins, lasts, ends, and says how often it was felt.
import type { Mounts } from '../../disk/faults/mounts.ts'
import type { Chance } from '../../../src/sim/chance.ts'
import type { Cluster } from '../cluster.ts'
import type { Disturbance, Network } from '../network.ts'
import type { EffectKind, Link } from '../relay/effect.ts'

/** Faults of two lanes happen at the same time, those of one lane one after the other. */
export type Lane = 'network' | 'process'

export const families = [
  'kill',
  'stop',
  'partition',
  'oneway',
  'partial',
  'slow',
  'flip',
  'frames',
  'cut',
  'clients',
  'clock',
  'disk',
] as const
export type Family = (typeof families)[number]

export interface Scene {
  readonly cluster: Cluster
  readonly network: Network
  readonly chance: Chance
  /** Whose disk is a small one of its own, if there is one: it can be filled. */
  readonly small: { readonly id: number; readonly path: string; readonly mounts: Mounts } | undefined
  /** For what a fault writes down. */
  readonly folder: string
  /** So long, or until the run is given up. */
  hold(ms: number): Promise<void>
}

export interface Felt {
  /** Processes that were ended, frames that were spoilt, and the like: 0 says that nobody noticed. */
  readonly hits: number
  readonly detail: string
}

export interface Fault {
  readonly family: Family
  readonly lane: Lane
  /** With the family it says all, but for who exactly is met. */
  readonly name: string
  /** What the network must be able to do. Where it is not, another stage is for that. Default: nothing. */
  readonly needs?: EffectKind['kind']
  /** Why it cannot be tried here, if it cannot. */
  missing?(scene: Scene): Promise<string | undefined>
  run(scene: Scene): Promise<Felt>
}

/** The leader, and the others in an order drawn by lot. */
export function cast({ cluster, chance }: Scene): { readonly leader: number; readonly others: readonly number[] } {
  const { leader, ids } = cluster
  return {
    leader,
    others: shuffled(
      ids.filter((id) => id !== leader),
      chance,
    ),
  }
}

export function shuffled<T>(list: readonly T[], chance: Chance): readonly T[] {
  return list
    .map((one) => ({ one, by: chance.seed() }))
    .sort((a, b) => a.by - b.by)
    .map(({ one }) => one)
}

/** Holds `links` under an effect for so long. */
export async function disturbed(
  scene: Scene,
  { links, does, ms }: { readonly links: readonly Link[]; readonly does: EffectKind; readonly ms: number },
): Promise<number> {
  const disturbance: Disturbance = await scene.network.apply(links, does)
  try {
    await scene.hold(ms)
    return await disturbance.hits()
  } finally {
    await disturbance.end()
  }
}
