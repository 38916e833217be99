// What stands between the nodes of a cluster, and between them and their clients. Two of them: a relay in this process, and network namespaces.
import type { EffectKind, Link } from './relay/effect.ts'

export interface Addresses {
  readonly peer: string
  readonly client: string
}

export interface Network {
  /** Where the cluster knows node `id`. */
  known(id: number): Addresses
  /** Where it listens. */
  listens(id: number): Addresses
  /** Comes before the program of node `id` on its command line. */
  wrap(id: number): readonly string[]
  /** Node `id` listens. */
  up(id: number): Promise<void>
  /** From now on `does` happens to what goes over `links`. */
  apply(links: readonly Link[], does: EffectKind): Promise<Disturbance>
  /** What it can do. */
  can(kind: EffectKind['kind']): boolean
  close(): Promise<void>
}

/** An effect in force. */
export interface Disturbance {
  /** To how many frames, packets or connections it was done so far. */
  hits(): Promise<number>
  end(): Promise<void>
}

/** Both directions between two places. */
export const between = (a: Link['source'], b: Link['source']): readonly Link[] => [
  { source: a, target: b },
  { source: b, target: a },
]
