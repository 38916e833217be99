// One machine of the cluster: its disk and its clock last, its processes come and go. While it stalls everything waits.
import type { Ms, NodeId } from '../core/types.ts'
import type { SimClock } from './clock.ts'
import type { SimDisk } from './disk.ts'
import { Life, type Trap } from './life.ts'
import type { World } from './world.ts'

export class SimServer {
  readonly id: NodeId
  readonly name: string
  readonly disk: SimDisk
  readonly clock: SimClock
  readonly #world: World
  #life: Life | undefined
  #isStalled = false
  /** What arrived during a stall, in order. */
  #held: { readonly life: Life; readonly task: () => void }[] = []
  #turnDue: Life | undefined
  #lives = 0

  constructor(world: World, { id, disk, clock }: { readonly id: NodeId; readonly disk: SimDisk; readonly clock: SimClock }) {
    this.id = id
    this.name = `node ${id}`
    this.disk = disk
    this.clock = clock
    this.#world = world
  }

  /** The process that runs now, also while it is still reading its log. */
  get life(): Life | undefined {
    return this.#life
  }

  get isStalled(): boolean {
    return this.#isStalled
  }

  /** Of the next life: differs between nodes and between lives. */
  get seed(): number {
    return this.id * 0x1_0001 + this.#lives
  }

  start(): void {
    if (this.#life !== undefined) return
    this.#lives += 1
    this.clock.boot(this.#world.chance.between(0, 1_000_000))
    this.#life = new Life(this.#world, this)
    this.#world.note(this.#lives, { who: this.name, what: 'starts', about: undefined })
    this.#life.start()
  }

  /** `silently`: the machine is gone, not just the process, so nobody resets its connections. */
  crash({ silently, trap }: { readonly silently: boolean; readonly trap?: Trap }): void {
    if (this.#life === undefined) return
    this.#world.note(this.id, { who: this.name, what: 'crashes', about: trap })
    this.#end({ silently })
    this.disk.crash()
  }

  /** The process ends itself. */
  stop(reason: string): void {
    this.#world.note(this.id, { who: this.name, what: 'stops:', about: reason })
    this.#end({ silently: false })
    this.disk.crash()
  }

  stall(ms: Ms): void {
    if (this.#isStalled || this.#life === undefined) return
    this.#isStalled = true
    this.#world.note(this.id, { who: this.name, what: 'stalls for', about: `${ms.toFixed(0)} ms` })
    const life = this.#life
    this.#world.scheduler.after(ms, () => {
      if (this.#life === life) this.resume()
    })
  }

  resume(): void {
    if (!this.#isStalled) return
    this.#isStalled = false
    this.#world.note(this.id, { who: this.name, what: 'goes on', about: undefined })
    const held = this.#held
    this.#held = []
    // An event loop reads a part of what has arrived, turns, and reads on.
    const first = this.#world.chance.happens(0.3) ? this.#world.chance.whole(0, held.length) : held.length
    for (const { life, task } of held.slice(0, first)) this.run(life, task)
    if (this.#turnDue !== undefined) this.runTurn(this.#turnDue)
    for (const { life, task } of held.slice(first)) this.run(life, task)
  }

  /** Runs `task` in the process `life`, now or after the stall. */
  run(life: Life, task: () => void): void {
    if (!life.alive) return
    if (this.#isStalled) this.#held.push({ life, task })
    else this.#guard(task)
  }

  /** Turns do not pile up. */
  runTurn(life: Life): void {
    if (!life.alive) return
    this.#turnDue = this.#isStalled ? life : undefined
    if (!this.#isStalled) this.#guard(() => life.turn())
  }

  #end({ silently }: { readonly silently: boolean }): void {
    const life = this.#life
    this.#life = undefined
    this.#isStalled = false
    this.#held = []
    this.#turnDue = undefined
    life?.die()
    for (const connection of life?.connections ?? []) connection.closeByServer({ silently })
  }

  #guard(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#world.verdict.violate(
        'nothing that arrives crashes a node',
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      )
    }
  }
}
