// What the nemesis does to clients, and to their connections.
import type { Ms } from '../core/types.ts'
import type { Chance } from './chance.ts'
import type { FaultClass } from './faults.ts'
import type { SimClient } from './sim-client.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

export type ClientAct = Extract<FaultClass, 'connectionBreak' | 'clientCut' | 'clientCrash' | 'abort'>

export interface ClientActsOptions {
  readonly chance: Chance
  readonly servers: () => readonly SimServer[]
  readonly clients: () => readonly SimClient[]
  /** Another one takes its place. */
  readonly crashClient: (client: SimClient) => void
  readonly abortCall: (client: SimClient) => boolean
  /** Clients call in quick succession for so long, on both sides of what was cut; these calls may take longer by `patienceMs`. */
  readonly press: (forMs: Ms, patienceMs?: Ms) => void
  readonly lastsMs: Ms
}

/** No session is waited for longer. */
const sessionMsMax = 2_000

export class ClientActs {
  readonly #world: World
  readonly #options: ClientActsOptions

  constructor(world: World, options: ClientActsOptions) {
    this.#world = world
    this.#options = options
  }

  /** False when there was nothing to do it to. */
  do(act: ClientAct): boolean {
    const { chance, clients, crashClient, abortCall } = this.#options
    const alive = clients()
    if (alive.length === 0) return false
    const client = chance.pick(alive)
    switch (act) {
      case 'connectionBreak':
        for (const connection of client.connections) connection.break()
        return client.connections.length > 0
      case 'clientCut':
        this.#cutOff(client)
        return true
      case 'clientCrash':
        crashClient(client)
        return true
      case 'abort':
        return abortCall(client)
      default:
        return false
    }
  }

  /** In the midst of its calls: from one server; or from all, for about as long as its session lives. */
  #cutOff({ place }: SimClient): void {
    const { network, scheduler, node } = this.#world
    const { chance, servers, press, lastsMs } = this.#options
    const all = servers()
    const isFromAll = chance.happens(0.5)
    const some = isFromAll ? all : [chance.pick(all)]
    const sessionMs = Math.min(node.limits?.sessionTtlMs ?? sessionMsMax, sessionMsMax)
    const forMs = isFromAll ? sessionMs * chance.between(0.5, 2) : chance.wait(lastsMs)
    // So that some are still wanted when the session has ended.
    press(lastsMs, isFromAll ? forMs : 0)
    scheduler.after(chance.between(5, 50), () => {
      const mends = some.flatMap(({ id }) => [network.cut(place, id), network.cut(id, place)])
      scheduler.after(forMs, () => {
        for (const mend of mends) mend()
      })
    })
  }
}
