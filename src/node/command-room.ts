// How many commands a leader takes in before it has answered those that it has.
import { type Ms, Pace } from '../core/index.ts'
import type { Refused } from '../wire/client-messages.ts'
import type { NodeLimits } from './options.ts'
import type { Proposals } from './proposals.ts'
import { overloaded } from './refusals.ts'

/** So many are taken in at any pace: a pipeline holds as many, and who has fewer in it does not know what it could take. */
const leastPending = 256

type Limits = Pick<NodeLimits, 'pendingCommandsMax' | 'pendingBytesMax' | 'pendingMsMax'>
type Pending = Pick<Proposals, 'count' | 'bytes' | 'answered'>

export class CommandRoom {
  readonly #limits: Limits
  readonly #proposals: Pending
  readonly #pace = new Pace()
  /** What can be answered within `pendingMsMax`, where the pace is known. */
  #inTime = Number.POSITIVE_INFINITY

  constructor(limits: Limits, proposals: Pending) {
    this.#limits = limits
    this.#proposals = proposals
  }

  turn(now: Ms): void {
    this.#pace.observe({ waiting: this.#proposals.count, done: this.#proposals.answered, now })
    const { perMs } = this.#pace
    this.#inTime = perMs === 0 ? Number.POSITIVE_INFINITY : Math.max(leastPending, perMs * this.#limits.pendingMsMax)
  }

  /** This node has begun to lead. */
  lead(): void {
    this.#pace.forget()
  }

  /** No more commands at all, however long they may take. */
  get isFull(): boolean {
    return this.#proposals.count >= this.#limits.pendingCommandsMax
  }

  /** Why a command of so many bytes has no room at present. */
  whyNot(bytes: number): Refused | undefined {
    const { count, bytes: held } = this.#proposals
    if (this.isFull) return overloaded('pendingCommandsMax')
    if (count >= this.#inTime) return overloaded('pendingMsMax')
    return held + bytes > this.#limits.pendingBytesMax ? overloaded('pendingBytesMax') : undefined
  }
}
