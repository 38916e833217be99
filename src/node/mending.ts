// What a node does about what it has forgotten or lost: it asks what the others remember of it, and fetches what they have. And for them: it
// answers both.
import type { Ms, Raft, RepairMessage } from '../core/index.ts'
import { unreachable } from '../core/index.ts'
import { EntriesSource } from './entries-source.ts'
import { LogRepair, type LogRepairPorts } from './log-repair.ts'
import { Recall, type RecallPorts } from './recall.ts'

export interface MendingPorts extends RecallPorts, LogRepairPorts {
  readonly raft: Raft
  fail(error: Error): void
}

export class Mending {
  readonly #ports: MendingPorts
  readonly #recall: Recall
  readonly #repair: LogRepair
  readonly #source: EntriesSource

  constructor(ports: MendingPorts) {
    this.#ports = ports
    this.#recall = new Recall(ports)
    this.#repair = new LogRepair(ports)
    this.#source = new EntriesSource(ports)
  }

  get recall(): Recall {
    return this.#recall
  }

  receive(message: RepairMessage): void {
    const { id, raft, net } = this.#ports
    switch (message.kind) {
      case 'Recall': {
        const { from: to, incarnation, nonce, awaited } = message
        const recollected = raft.recollect({ id: to, incarnation }, awaited)
        const isForgetful = recollected.isForgetful || !this.#recall.isSettled
        net.send([{ kind: 'RecallReply', from: id, to, term: raft.softState.term, nonce, ...recollected, isForgetful }])
        // Whoever leads has something to say to it at once, not with the next heartbeat.
        raft.step({ kind: 'peerUp', peer: to })
        return
      }
      case 'RecallReply':
        return this.#recall.receive(message)
      case 'EntriesRequest':
        return this.#source.receive(message)
      case 'EntriesChunk':
        return this.#repair.receive(message)
      default:
        unreachable(message)
    }
  }

  /** After what has arrived was read: asks, and settles. */
  turn(now: Ms): void {
    this.#recall.turn(now)
    if (this.#recall.isSettled) this.#repair.turn(now)
    const answers = this.#source.takeAnswers()
    if (answers.length === 0) return
    const { id, raft, net } = this.#ports
    net.send(answers.map((answer) => ({ kind: 'EntriesChunk', from: id, term: raft.softState.term, ...answer })))
  }
}
