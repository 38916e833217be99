// Nodes as they are written on a command line.
import { WrongUse } from './wrong-use.ts'

export interface NodeArgument {
  readonly id: number
  readonly peer: string
  readonly client: string
}

const memberHint = 'Write <id>=<peer host:port>,<client host:port>, for example 1=10.0.0.1:7001,10.0.0.1:7101.'

/** `1=10.0.0.1:7001,10.0.0.1:7101`. Whoever uses the addresses judges them. `what`: for messages, the argument as it was written. */
export function parsedMember(text: string, what: string): NodeArgument {
  const [, id, peer, client] = /^([^=]*)=([^,]*),([^,]*)$/.exec(text) ?? []
  if (id === undefined || peer === undefined || client === undefined) {
    if (/^[1-9][0-9]*$/.test(text)) throw new WrongUse(`${what} names no addresses: write ${text}=<peer>,<client>`, memberHint)
    throw new WrongUse(`${what} is not a member`, memberHint)
  }
  return { id: parsedId(id, what), peer, client }
}

export function parsedId(text: string, what: string): number {
  const id = Number(text)
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(id) && id >= 1) return id
  throw new WrongUse(`${what}: '${text}' is not the id of a node`, 'Ids are whole numbers from 1.')
}
