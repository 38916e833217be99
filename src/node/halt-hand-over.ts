// Where this node leads and has halted, and a majority has not: another could serve.
import type { Ms, NodeId, Raft } from '../core/index.ts'
import { handOverTicket } from './disk-watch.ts'
import type { HaltedMembers } from './halted-members.ts'
import type { Halt } from './options.ts'

/** After so many election timeouts as a leader that has halted: whoever has halted as well has said so by then. */
const patienceTimeouts = 2
/** It tries again after so many: commands wait while it tries. */
const againTimeouts = 10

export interface HaltHandOverPorts {
  readonly raft: Raft
  readonly members: HaltedMembers
  readonly electionTimeoutMs: Ms
  /** Of this node. */
  halt(): Halt | undefined
}

export class HaltHandOver {
  readonly #ports: HaltHandOverPorts
  #since: Ms | undefined
  /** Not before this. */
  #at: Ms = Number.NEGATIVE_INFINITY

  constructor(ports: HaltHandOverPorts) {
    this.#ports = ports
  }

  turn(now: Ms): void {
    const { raft, members, electionTimeoutMs } = this.#ports
    const halt = this.#ports.halt()
    if (halt === undefined || raft.softState.role !== 'leader') {
      this.#since = undefined
      return
    }
    this.#since ??= now
    if (now - this.#since < patienceTimeouts * electionTimeoutMs || now < this.#at || raft.transferee !== undefined) return
    if (members.isQuorumAt(halt.index, raft.conf)) return
    const to = this.#heir()
    if (to === undefined) return
    this.#at = now + againTimeouts * electionTimeoutMs
    raft.step({ kind: 'transfer', ticket: handOverTicket, to })
  }

  /** The voter that has most of the log, of those that have not said that they have halted. */
  #heir(): NodeId | undefined {
    const { raft, members } = this.#ports
    const { conf, followers } = raft.status
    const halted = new Set(members.list.map(({ id }) => id))
    const fit = followers.filter(
      ({ id, isActive, state }) => isActive && state === 'replicate' && conf.voters.includes(id) && !halted.has(id),
    )
    return fit.toSorted((a, b) => b.matchIndex - a.matchIndex)[0]?.id
  }
}
