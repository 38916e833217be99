// Which build of the machine runs on which server: builds that know one version of the schema are replaced by builds that know two, server by server, and
// now and then one goes back, as long as that is allowed.
import type { Ms, NodeId } from '../core/types.ts'
import type { ListMachineOptions } from './list-machine.ts'
import { ListsOfVersions } from './list-versions.ts'

/** The build that everybody ends with. */
export const newestBuild = 2

export class Rollout {
  readonly #options: ListMachineOptions
  readonly #builds = new Map<NodeId, number>()
  #isOver = false
  /** Until then what a server knew that went back may still be held to be so. */
  #waitsUntil: Ms = 0

  constructor(options: ListMachineOptions = {}) {
    this.#options = options
  }

  /** `undefined`: the model, which knows all. */
  machine(node: NodeId | undefined): ListsOfVersions {
    return new ListsOfVersions(node === undefined ? newestBuild : this.buildOf(node), this.#options)
  }

  buildOf(node: NodeId): number {
    return this.#isOver ? newestBuild : (this.#builds.get(node) ?? newestBuild)
  }

  /** Those that are there at the start have the first build; who comes later has the newest. */
  begin(nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#builds.set(node, 1)
  }

  /** The next life of `node` is of the newest build. False where it is that, or has to wait. */
  upgrade(node: NodeId, now: Ms): boolean {
    if (this.buildOf(node) === newestBuild || now < this.#waitsUntil) return false
    this.#builds.set(node, newestBuild)
    return true
  }

  /** The next life of `node` is of the first build: only while another member is of that, too, for nobody may put the second version in force meanwhile. */
  goBack(node: NodeId, { members, now, forgottenMs }: { readonly members: readonly NodeId[]; readonly now: Ms; readonly forgottenMs: Ms }): boolean {
    if (this.#isOver || this.buildOf(node) !== newestBuild || !this.#builds.has(node)) return false
    if (!members.some((member) => member !== node && this.buildOf(member) === 1)) return false
    this.#builds.set(node, 1)
    this.#waitsUntil = now + forgottenMs
    return true
  }

  /** Every next life is of the newest build. Which servers have another one now. */
  finish(nodes: readonly NodeId[]): readonly NodeId[] {
    const behind = nodes.filter((node) => this.buildOf(node) !== newestBuild)
    this.#isOver = true
    return behind
  }
}
