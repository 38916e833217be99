// Clients at work: bursts of commands and queries with pauses in between, each command with a value of its own.
import type { Ms } from '../core/types.ts'
import type { Chance } from './chance.ts'
import type { CallKind, SimCall } from './history.ts'
import { decodeListCommand, encodeListCommand, encodeListQuery } from './list-machine.ts'
import { encodeListCommand2 } from './list-versions.ts'
import type { SimClient } from './sim-client.ts'
import type { World } from './world.ts'

/** What a client of some machine may ask for. Each result is an array of its own. */
export interface Operations {
  /** `unique`: a number that no other command of the run has. */
  command(chance: Chance, unique: number): Uint8Array
  query(chance: Chance): Uint8Array
  /** Told what was answered: what is asked for later may depend on it. */
  readonly answered?: (call: SimCall) => void
}

const keys = 4
/** Each as likely as it stands here often. */
const queryKinds: readonly CallKind[] = ['linearizable', 'linearizable', 'linearizable', 'lease', 'lease', 'atLeast', 'stale', 'stale']
/** Of so many commands one fails. */
const spoilEvery = 29
/** Of so many, of version 2, one needs that version. */
const stampEvery = 8
export const listOperations: Operations = {
  command: (chance, unique) => {
    const kind = chance.happens(0.05) ? 'clear' : 'append'
    return encodeListCommand({ kind: unique % spoilEvery === 0 ? 'spoil' : kind, key: chance.whole(1, keys), value: unique })
  },
  query: (chance) => encodeListQuery(chance.whole(1, keys)),
}

/** The same in version 2, with what only that has. */
export const listOperations2: Operations = {
  ...listOperations,
  command: (chance, unique) => {
    const command = decodeListCommand(listOperations.command(chance, unique))
    return encodeListCommand2(unique % stampEvery === 0 ? { ...command, kind: 'stamp' } : command)
  },
}

export interface WorkloadOptions {
  readonly operations: Operations
  /** Calls of all clients, at most. */
  readonly calls: number
  /** Between two bursts of one client, on average. */
  readonly pauseMs: Ms
  /** Calls in one burst, at most. */
  readonly burstMax: number
  /** Share of queries among the calls. */
  readonly queries: number
  /** How long a call may take. */
  readonly timeoutMs: { readonly min: Ms; readonly max: Ms }
  /** Numbers of the calls that are made, from 1 in the order in which they are drawn. Default: all. */
  readonly kept?: ReadonlySet<number> | undefined
}

/** Calls of one workload that are made in quick succession, and how quick: the pause between two of one client, on average. Milliseconds. */
const pressedMax = 300
const pressPauseMs = 15

export class Workload {
  readonly #world: World
  readonly #options: WorkloadOptions
  readonly #chance: Chance
  readonly #open = new Map<SimClient, Set<SimCall>>()
  readonly #employed = new Set<SimClient>()
  #callsLeft: number
  #pressedLeft = pressedMax
  #isActive = true
  #drawn = 0

  constructor(world: World, options: WorkloadOptions) {
    this.#world = world
    this.#options = options
    this.#chance = world.chance.fork()
    this.#callsLeft = options.calls
  }

  /** `client` works until the workload is stopped or used up, or the client crashes. */
  employ(client: SimClient): void {
    this.#employed.add(client)
    this.#world.scheduler.after(this.#chance.wait(this.#options.pauseMs), () => {
      if (!this.#isActive || !client.isAlive || this.#callsLeft <= 0) return
      const burst = Math.min(this.#callsLeft, this.#chance.whole(1, this.#options.burstMax))
      this.#callsLeft -= burst
      for (let left = burst; left > 0; left--) this.#call(client)
      this.employ(client)
    })
  }

  /** Each client goes on to make single calls, close together: what holds for moments only is to be seen. They may take longer by `patienceMs`. */
  press(forMs: Ms, patienceMs: Ms = 0): void {
    const press = { until: this.#world.scheduler.now + forMs, patienceMs }
    for (const client of this.#employed) if (client.isAlive) this.#press(client, press, this.#chance.between(0, forMs / 2))
  }

  #press(client: SimClient, press: { readonly until: Ms; readonly patienceMs: Ms }, pauseMs: Ms): void {
    this.#world.scheduler.after(pauseMs, () => {
      const isOver = !this.#isActive || !client.isAlive || this.#world.scheduler.now > press.until
      if (isOver || this.#pressedLeft <= 0) return
      this.#pressedLeft -= 1
      this.#call(client, press.patienceMs)
      this.#press(client, press, this.#chance.wait(pressPauseMs))
    })
  }

  stop(): void {
    this.#isActive = false
  }

  /** Calls that were drawn so far, those included that are not made by the plan. */
  get drawn(): number {
    return this.#drawn
  }

  /** Some call of `client` is given up; false when it has none. */
  abortOne(client: SimClient): boolean {
    const open = [...(this.#open.get(client) ?? [])]
    if (open.length === 0) return false
    client.abort(this.#chance.pick(open))
    return true
  }

  #call(client: SimClient, patienceMs: Ms = 0): void {
    const { operations, queries, timeoutMs } = this.#options
    const open = this.#open.get(client) ?? new Set()
    this.#open.set(client, open)
    const wait = {
      timeoutMs: this.#chance.between(timeoutMs.min, timeoutMs.max) + patienceMs,
      settled: (call: SimCall) => this.#onSettled(open, call),
    }
    const isQuery = this.#chance.happens(queries)
    const kind = isQuery ? this.#chance.pick(queryKinds) : 'command'
    const nearest = isQuery && this.#chance.happens(0.5)
    // Half of the tokens were handed on by somebody else.
    const token = this.#chance.happens(0.5) ? client.token.index : this.#world.history.highestAnswered
    const unique = this.#world.history.calls.length + 1
    const payload = kind === 'command' ? operations.command(this.#chance, unique) : operations.query(this.#chance)
    this.#drawn += 1
    if (this.#options.kept?.has(this.#drawn) ?? true) open.add(client.call(kind, payload, { ...wait, nearest, token }))
  }

  #onSettled(open: Set<SimCall>, call: SimCall): void {
    open.delete(call)
    const { coverage, safety } = this.#world
    if (call.outcome.kind !== 'answered') return
    this.#options.operations.answered?.(call)
    if (call.kind === 'atLeast') coverage.count('atLeastRead')
    if (call.kind === 'lease' && safety.confs.newest.leaseMs > 0) coverage.count('leaseRead')
  }
}
