// A network that does what it is told: every connection to a node, of the others or of clients, goes through here.
import type { Chance } from '../../../src/sim/chance.ts'
import { newMember } from '../../server/servers.ts'
import { parseAddress } from '../../../src/transport/address.ts'
import type { Addresses, Disturbance, Network } from '../network.ts'
import { type Effect, type EffectKind, type Link, LinkState } from './effect.ts'
import { Gate } from './gate.ts'

interface Places {
  readonly known: Addresses
  readonly listens: Addresses
  readonly gates: readonly Gate[]
}

export class Relay implements Network {
  readonly #places = new Map<number, Places>()
  readonly #links = new Map<string, LinkState>()

  private constructor() {}

  static async create(ids: readonly number[], chance: Chance): Promise<Relay> {
    const relay = new Relay()
    for (const id of ids) await relay.#add(id, chance)
    return relay
  }

  known(id: number): Addresses {
    return this.#place(id).known
  }

  listens(id: number): Addresses {
    return this.#place(id).listens
  }

  wrap(): readonly string[] {
    return []
  }

  async up(id: number): Promise<void> {
    await Promise.all(this.#place(id).gates.map((gate) => gate.open()))
  }

  apply(links: readonly Link[], does: EffectKind): Promise<Disturbance> {
    const applied = links.map((link) => ({ state: this.#link(link), effect: { does, hits: 0 } satisfies Effect }))
    for (const { state, effect } of applied) state.effects.add(effect)
    return Promise.resolve({
      hits: () => Promise.resolve(applied.reduce((sum, { effect }) => sum + effect.hits, 0)),
      end: () => {
        for (const { state, effect } of applied) {
          state.effects.delete(effect)
          state.changed()
        }
        return Promise.resolve()
      },
    })
  }

  can(): boolean {
    return true
  }

  close(): Promise<void> {
    for (const { gates } of this.#places.values()) for (const gate of gates) gate.close()
    return Promise.resolve()
  }

  async #add(id: number, chance: Chance): Promise<void> {
    const [known, listens] = [await newMember(id), await newMember(id)]
    const gates = (['peer', 'client'] as const).map(
      (kind) =>
        new Gate({
          node: id,
          kind,
          ...parseAddress(known[kind]),
          target: parseAddress(listens[kind]),
          chance: chance.fork(),
          link: (link) => this.#link(link),
        }),
    )
    this.#places.set(id, { known, listens, gates })
  }

  #link({ source, target }: Link): LinkState {
    const name = `${source} ${target}`
    const link = this.#links.get(name) ?? new LinkState()
    this.#links.set(name, link)
    return link
  }

  #place(id: number): Places {
    const place = this.#places.get(id)
    if (place === undefined) throw new Error(`there is no node ${id}`)
    return place
  }
}
