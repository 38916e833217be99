// The clients of a run.
import type { NodeId } from '../core/types.ts'
import type { Cluster } from './cluster.ts'
import { clientForms } from './list-versions.ts'
import type { SimulationOptions } from './options.ts'
import { SimClient } from './sim-client.ts'

export class Clients {
  readonly #cluster: Cluster
  readonly #options: Pick<SimulationOptions, 'session' | 'rollout'>
  readonly #all: SimClient[] = []
  readonly #pinned = new Map<NodeId, SimClient>()
  #shared: SimClient | undefined

  constructor(cluster: Cluster, options: Pick<SimulationOptions, 'session' | 'rollout'>) {
    this.#cluster = cluster
    this.#options = options
  }

  get alive(): readonly SimClient[] {
    return this.#all.filter(({ isAlive }) => isAlive)
  }

  /** Another one. `at`: it can reach that server only. */
  add({ at }: { readonly at?: NodeId } = {}): SimClient {
    const { contacts, directory } = this.#cluster.world
    const { session, rollout } = this.#options
    const client = new SimClient(this.#cluster.world, {
      id: this.#all.length + 1,
      clock: this.#cluster.makeClock(),
      servers: at === undefined ? contacts().map(({ clientAddress }) => clientAddress) : [this.#cluster.server(at).clientAddress],
      find: (address) => {
        const server = directory.find(address)
        return at === undefined || server?.id === at ? server : undefined
      },
      timing: session?.timing ?? {},
      limits: session?.limits ?? {},
      ...(rollout === undefined ? {} : { forms: clientForms(rollout.clientVersion()) }),
    })
    this.#all.push(client)
    return client
  }

  /** One that all share who name none. */
  get shared(): SimClient {
    this.#shared ??= this.add()
    return this.#shared
  }

  /** One for each server. */
  pinned(at: NodeId): SimClient {
    const client = this.#pinned.get(at) ?? this.add({ at })
    this.#pinned.set(at, client)
    return client
  }
}
