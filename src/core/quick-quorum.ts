// Whom a round for reads asks (§6.4): no more than a quorum needs, of those who answered the last heartbeat first. Asking all of three nodes wakes one in
// vain for each read. Where these do not answer at once, everyone is asked, and so it stays until the next heartbeat.
import { isVoter } from './quorum.ts'
import type { ConfState, NodeId } from './types.ts'

export class QuickQuorum {
  /** The round of the last heartbeat that went to everyone. */
  #heartbeat = 0
  /** Who answered it so far, and who answered the one before it, the first first. */
  #answers: NodeId[] = []
  #before: NodeId[] = []

  /** A round has begun that goes to everyone. */
  began(heartbeat: number): void {
    this.#heartbeat = heartbeat
    this.#before = this.#answers
    this.#answers = []
  }

  answered(id: NodeId, round: number): void {
    if (round === this.#heartbeat && !this.#answers.includes(id)) this.#answers.push(id)
  }

  /** They took long: whoever answers the next heartbeat first may be others. */
  forget(): void {
    this.#heartbeat = 0
    this.#answers = []
    this.#before = []
  }

  /** Who makes a quorum with `self`; `undefined`: everyone is needed, or nobody knows. */
  of(conf: ConfState, self: NodeId): readonly NodeId[] | undefined {
    if (conf.votersOutgoing.length > 0) return undefined
    const needed = Math.floor(conf.voters.length / 2) + (isVoter(conf, self) ? 0 : 1)
    return quickest(this.#answers, { conf, needed }) ?? quickest(this.#before, { conf, needed })
  }
}

function quickest(
  answers: readonly NodeId[],
  { conf, needed }: { readonly conf: ConfState; readonly needed: number },
): readonly NodeId[] | undefined {
  const voters = answers.filter((id) => isVoter(conf, id))
  return voters.length < needed ? undefined : voters.slice(0, needed)
}
