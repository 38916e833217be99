// What a server was asked on one connection of a client and has not answered: whoever asks is answered, be it with a refusal, as long as the
// connection stands. A client that gives up at its deadline would not notice that nobody ever meant to.
import type { ClientMessage, ServerMessage } from '../wire/client-messages.ts'

export class Owed {
  #answers = 0

  get answers(): number {
    return this.#answers
  }

  asked(message: ClientMessage): void {
    this.#answers += askedBy(message)
  }

  told(messages: readonly ServerMessage[]): void {
    for (const message of messages) this.#answers -= answeredBy(message)
  }
}

function askedBy(message: ClientMessage): number {
  switch (message.kind) {
    case 'Commands':
    case 'Queries':
      return message.items.length
    case 'OpenSession':
      return 1
    default:
      return 0
  }
}

function answeredBy(message: ServerMessage): number {
  switch (message.kind) {
    case 'Replies':
    case 'QueryReplies':
      return message.items.length
    case 'SessionOpened':
      return 1
    default:
      return 0
  }
}
