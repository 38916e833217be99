// A machine with an empty disk asks to be let in, one server after the other, until it is.
import type { JoinReply } from '../wire/client-messages.ts'
import { type Answer, Inquiry } from './inquiry.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

/** Of one request; a change may have to wait for others. Milliseconds. */
const timeoutMs = 2_000
/** Between two requests, on average. Milliseconds. */
const pauseMs = 50
/** Numbers of its connections, apart from those of clients. */
const connectionsFrom = 50_000_000

export class Join {
  readonly #world: World
  readonly #server: SimServer
  readonly #done: (reply: JoinReply) => void
  #inquiry: Inquiry | undefined
  #isStopped = false
  #hint: string | undefined

  constructor(world: World, server: SimServer, done: (reply: JoinReply) => void) {
    this.#world = world
    this.#server = server
    this.#done = done
    this.#ask()
  }

  /** Its process is gone. */
  stop(): void {
    this.#isStopped = true
    this.#inquiry?.cancel()
  }

  #ask(): void {
    const { chance, scheduler, contacts, directory } = this.#world
    scheduler.after(chance.wait(pauseMs), () => {
      if (this.#isStopped) return
      const others = contacts().filter((server) => server !== this.#server)
      const hinted = this.#hint === undefined ? undefined : directory.find(this.#hint)
      this.#hint = undefined
      const server = hinted ?? (others.length === 0 ? undefined : chance.pick(others))
      if (server === undefined || server === this.#server) return this.#ask()
      this.#inquire(server)
    })
  }

  #inquire(server: SimServer): void {
    const { id, name, peerAddress, clientAddress, joinsAsVoter, nextConnection } = this.#server
    this.#inquiry = new Inquiry(this.#world, {
      id: connectionsFrom + id * 10_000 + nextConnection(),
      place: id,
      who: name,
      server,
      request: { kind: 'JoinRequest', requestId: 1, id, peer: peerAddress, client: clientAddress, voter: joinsAsVoter ? undefined : false },
      timeoutMs,
      done: (answer, leader) => this.#onAnswer(answer, leader?.client),
    })
  }

  #onAnswer(answer: Answer | undefined, hint: string | undefined): void {
    if (this.#isStopped) return
    if (answer?.kind === 'JoinReply' && answer.refused === undefined) return this.#done(answer)
    const refused = answer?.refused
    if (refused !== undefined && 'reason' in refused && refused.reason === 'removedId') return this.#server.giveUp()
    if (refused?.code === 'NOT_LEADER') this.#hint = hint
    this.#ask()
  }
}
