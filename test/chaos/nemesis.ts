// Lets faults happen until the time is up, in rounds: some of the network and some of processes at the same time; then none, and everything has to serve.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Chance } from '../../src/sim/chance.ts'
import { eventually } from '../server/servers.ts'
import { Deck } from './deck.ts'
import type { Family, Fault, Lane, Scene } from './faults/fault.ts'
import { roundMs, servesWithinMs } from './settings.ts'
import type { Workload } from './workload.ts'

const pauseMaxMs = 600
const lanes: readonly Lane[] = ['network', 'process']

/** A fault that was planned, and what came of it. Microseconds, as in the history. */
export interface Happened {
  readonly family: Family
  readonly name: string
  readonly begun: number
  readonly ended: number
  readonly hits: number
  readonly detail: string
}

export interface NemesisOptions {
  readonly scene: Scene
  readonly workload: Workload
  /** Those that can be tried. */
  readonly faults: readonly Fault[]
  readonly chance: Chance
  /** Microseconds since the beginning. */
  now(): number
}

export class Nemesis {
  readonly happened: Happened[] = []
  readonly problems: string[] = []
  /** From the end of all faults to an answered call that was made then, of each round. Milliseconds. */
  readonly recoveriesMs: number[] = []
  readonly #options: NemesisOptions
  readonly #decks: ReadonlyMap<Lane, Deck>
  readonly #now = new Map<Lane, string>()

  constructor(options: NemesisOptions) {
    this.#options = options
    const { faults, chance } = options
    this.#decks = new Map(
      lanes.map((lane) => [
        lane,
        new Deck(
          faults.filter((one) => one.lane === lane),
          chance.fork(),
        ),
      ]),
    )
  }

  /** What happens now. */
  get current(): string {
    return [...this.#now.values()].join(' | ')
  }

  /** Rounds until `deadline` (of `performance.now()`), or until there is a problem. */
  async run(deadline: number, isGivenUp: () => boolean): Promise<void> {
    while (performance.now() < deadline && !isGivenUp()) {
      const end = Math.min(deadline, performance.now() + roundMs)
      await Promise.all(lanes.map((lane) => this.#act(lane, () => performance.now() < end && !isGivenUp())))
      if (!isGivenUp()) await this.#recover()
    }
  }

  async #act(lane: Lane, goesOn: () => boolean): Promise<void> {
    const { scene, chance } = this.#options
    while (goesOn()) {
      const deck = this.#decks.get(lane)
      const fault = deck?.next()
      if (fault === undefined) return
      this.#now.set(lane, `${fault.family}: ${fault.name}`)
      if (!(await this.#happen(fault))) deck?.again(fault)
      this.#now.delete(lane)
      await scene.hold(chance.between(0, pauseMaxMs))
    }
  }

  /** Whether anybody noticed. */
  async #happen({ family, name, run }: Fault): Promise<boolean> {
    const { scene, now } = this.#options
    const begun = now()
    const felt = await run(scene).catch((thrown: Error) => {
      this.problems.push(`the fault "${family}: ${name}" could not be played: ${thrown.message}`)
      return { hits: 0, detail: thrown.message }
    })
    const happened = { family, name, begun, ended: now(), ...felt }
    this.happened.push(happened)
    appendFileSync(join(scene.folder, 'faults.jsonl'), `${JSON.stringify(happened)}\n`)
    return felt.hits > 0
  }

  /** No faults any more: whatever is called now is answered before long. */
  async #recover(): Promise<void> {
    const { scene, workload, now } = this.#options
    await scene.cluster.revive()
    const healed = now()
    const served = await eventually('service', () => (workload.servedAt > healed ? now() : undefined), servesWithinMs).catch(
      () => undefined,
    )
    if (served === undefined)
      this.problems.push(`no call that was made after all faults had ended was answered within ${servesWithinMs} ms`)
    else this.recoveriesMs.push((served - healed) / 1_000)
  }
}
