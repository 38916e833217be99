// Which build of the machine runs on which server: builds that know one version of the schema are replaced by builds that know two, server by server, and
// now and then one goes back, as long as that is allowed.
import type { Ms, NodeId } from '../core/types.ts'
import { Chance } from './chance.ts'
import type { ListMachineOptions } from './list-machine.ts'
import { ListsOfVersions } from './list-versions.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

/** The build that everybody ends with. */
const newestBuild = 2
/** What a node has told of itself is forgotten after so many heartbeats, and a clock may be slow. */
const forgottenAfter = 8

export interface RolloutOptions extends ListMachineOptions {
  /** Of its own, so that a run without one is the same run. */
  readonly seed: number
  /** Between two servers, on average. */
  readonly pauseMs: Ms
}

export class Rollout {
  readonly #options: RolloutOptions
  readonly #chance: Chance
  /** Of those that were there at the start; who comes later has the newest. */
  readonly #builds = new Map<NodeId, number>()
  #isOver = false
  /** Until then what a server knew that went back may still be held to be so. */
  #waitsUntil: Ms = 0

  constructor(options: RolloutOptions) {
    this.#options = options
    this.#chance = new Chance(options.seed)
  }

  /** For the next life of `node`. `undefined`: the model, which knows all. */
  machine(node: NodeId | undefined): ListsOfVersions {
    return new ListsOfVersions(node === undefined ? newestBuild : this.#buildOf(node), this.#options)
  }

  /** Which version a client was generated for. */
  clientVersion(): number {
    return this.#chance.pick([1, 2])
  }

  /** A version that will not stay. */
  isBehind(version: number): boolean {
    return version !== newestBuild
  }

  /** These have the first build. */
  begin(nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#builds.set(node, 1)
  }

  /** From now on, one server after the other, until it is over. */
  start(world: World, servers: () => readonly SimServer[]): void {
    world.scheduler.after(this.#chance.wait(this.#options.pauseMs), () => {
      if (this.#isOver) return
      this.#change(world, servers())
      this.start(world, servers)
    })
  }

  /** Every next life is of the newest build; those that have another one now end theirs. */
  finish(servers: readonly SimServer[]): void {
    const behind = servers.filter(({ id }) => this.#buildOf(id) !== newestBuild)
    this.#isOver = true
    for (const server of behind) server.crash({ silently: false })
  }

  #buildOf(node: NodeId): number {
    return this.#isOver ? newestBuild : (this.#builds.get(node) ?? newestBuild)
  }

  #change(world: World, servers: readonly SimServer[]): void {
    // All servers of a new cluster are of one build.
    if (!servers.some(({ life }) => (life?.node?.desk.version ?? 0) > 0)) return
    const server = this.#chance.pick(servers)
    const { now } = world.scheduler
    const goesBack = this.#chance.happens(0.3)
    if (goesBack ? !this.#mayGoBack(server, { world, servers }) : !this.#mayRise(server, now)) return
    this.#builds.set(server.id, goesBack ? 1 : newestBuild)
    const { heartbeatMs = 60 } = world.node.timing ?? {}
    if (goesBack) this.#waitsUntil = now + forgottenAfter * heartbeatMs
    world.coverage.count(goesBack ? 'buildBack' : 'buildRaised')
    world.note(server.id, { who: server.name, what: goesBack ? 'goes back to the build before' : 'gets the next build', about: undefined })
    server.crash({ silently: false })
    world.scheduler.after(this.#chance.between(1, 50), () => server.start())
  }

  #mayRise({ id }: SimServer, now: Ms): boolean {
    return this.#buildOf(id) !== newestBuild && now >= this.#waitsUntil
  }

  /** Only while another member has the first build, too: then nobody puts the second version in force meanwhile. */
  #mayGoBack({ id }: SimServer, { world, servers }: { readonly world: World; readonly servers: readonly SimServer[] }): boolean {
    const { disks } = world.safety
    const isFirst = (server: SimServer): boolean => server.id !== id && this.#buildOf(server.id) === 1 && disks.isMemberForAll(server.id)
    return this.#builds.get(id) === newestBuild && servers.some(isFirst)
  }
}
