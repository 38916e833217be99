import { Random, seedOf } from './random.ts'
import { Stopwatch } from './stopwatch.ts'
import type { Ms, NodeId } from './types.ts'

/**
 * Parts of an election timeout. When the leader's process is known to be dead, a follower asks for pre-votes after a jitter only, and again
 * soon: they disturb nobody. Whoever gave a vote, or asks for votes, waits longer: it would spoil an election that is under way.
 */
const hurried = { askPart: 1 / 20, votePart: 1 / 10 }

/**
 * A node whose disk is nearly full waits so many election timeouts longer than others: they have tried twice by then. It leads only where nobody
 * else can, so that there is a leader to read from.
 */
const fullTimeouts = 3

/** Time since a leader was heard from, a vote given, or an election begun (§3.4). Of no meaning in a leader. */
export class ElectionTimer {
  readonly #silence: Stopwatch
  /** Since a leader was heard from. A node that has just started may have heard one just before: it behaves as if it had (§6.4.1). */
  readonly #heard: Stopwatch
  readonly #random: Random
  readonly #electionTimeoutMs: Ms
  /** Between one and two election timeouts; drawn anew at each restart, so that a split vote is not repeated (§3.4). */
  #timeoutMs: Ms
  /** Since the leader's process was known to be dead. */
  #hurried: Stopwatch | undefined

  constructor(options: { readonly id: NodeId; readonly seed: number; readonly now: Ms; readonly electionTimeoutMs: Ms }) {
    this.#random = new Random(seedOf(options))
    this.#silence = new Stopwatch(options.now)
    this.#heard = new Stopwatch(options.now)
    this.#electionTimeoutMs = options.electionTimeoutMs
    this.#timeoutMs = this.#draw()
  }

  tick(now: Ms): void {
    this.#silence.tick(now)
    this.#heard.tick(now)
    this.#hurried?.tick(now)
    // Nobody was elected: haste does not help.
    if (this.#hurried !== undefined && this.#hurried.elapsedMs(now) >= this.#electionTimeoutMs) this.#hurried = undefined
  }

  heardLeader(): void {
    this.#hurried = undefined
    this.#heard.start()
    this.#silence.start()
    this.#timeoutMs = this.#draw()
  }

  /** A vote was given, or is asked for. */
  restart(): void {
    this.#silence.start()
    const { votePart } = hurried
    this.#timeoutMs = this.#hurried === undefined ? this.#draw() : this.#electionTimeoutMs * votePart * (1 + this.#random.next())
  }

  /** Pre-votes are asked for. */
  restartPreVote(): void {
    this.#silence.start()
    this.#timeoutMs = this.#hurried === undefined ? this.#draw() : this.#electionTimeoutMs * hurried.askPart * this.#random.next()
  }

  /** The leader's process is dead. */
  hurry(): void {
    this.#hurried = new Stopwatch(undefined)
    this.restartPreVote()
  }

  /** Whether it is time for an election. With leases a leader may still answer reads until `leaseMs` after it was heard (§6.4.1). */
  hasExpired({ now, leaseMs, isFull }: { readonly now: Ms; readonly leaseMs: Ms; readonly isFull: boolean }): boolean {
    const patienceMs = isFull ? fullTimeouts * this.#electionTimeoutMs : 0
    if (this.#silence.elapsedMs(now) < this.#timeoutMs + patienceMs) return false
    // Drawn apart like the timeouts: all leases end at once.
    return leaseMs === 0 || this.#heard.elapsedMs(now) >= leaseMs + Math.max(0, this.#timeoutMs - this.#electionTimeoutMs)
  }

  /** Whether a leader was heard from within the smallest election timeout, or a lease: it is taken to be alive (§4.2.3). */
  hasHeard({ now, leaseMs }: { readonly now: Ms; readonly leaseMs: Ms }): boolean {
    return this.#heard.elapsedMs(now) < Math.max(this.#electionTimeoutMs, leaseMs)
  }

  #draw(): Ms {
    return this.#electionTimeoutMs * (1 + this.#random.next())
  }
}
