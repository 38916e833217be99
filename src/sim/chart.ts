// All that is sent in a run, and all that happens to who takes part in it: what a sequence chart is drawn of. Kept only where one is wanted.
import type { Ms, PeerMessage } from '../core/types.ts'
import type { ClientMessage, ServerMessage } from '../wire/client-messages.ts'
import { lineText, type TraceLine } from './trace.ts'

export interface ChartMessage {
  readonly kind: 'message'
  /** `node 1`, `client 2`. */
  readonly from: string
  readonly to: string
  readonly sentAt: Ms
  arrivedAt: Ms | undefined
  isLost: boolean
  readonly label: string
  /** Sent all the time, whatever happens. */
  readonly isRoutine: boolean
}
export interface ChartNote {
  readonly kind: 'note'
  readonly at: Ms
  readonly who: string
  readonly text: string
}
export type ChartEvent = ChartMessage | ChartNote

/** Said all the time, or by everybody at once, whatever happens. */
const routine: ReadonlySet<string> = new Set(
  'Heartbeat HeartbeatReply Recall RecallReply DigestReport Hello Welcome OpenSession SessionOpened LeaderChanged KeepAlive KeepAliveReply'.split(
    ' ',
  ),
)
/** What the trace says of messages: they have arrows here. */
const sayings = new Set(['sends', 'is told', 'dials', 'writes', 'asks'])

export class Chart {
  readonly events: ChartEvent[] = []

  /** Gives what is to be called when it has arrived, or is lost. */
  peerMessage(at: Ms, from: string, to: string, message: PeerMessage): (arrivedAt: Ms | undefined) => void {
    const isRoutine = routine.has(message.kind)
    const event: ChartMessage = {
      kind: 'message',
      from,
      to,
      sentAt: at,
      arrivedAt: undefined,
      isLost: false,
      label: peerLabel(message),
      isRoutine,
    }
    this.events.push(event)
    return (arrivedAt) => {
      // Of two copies the first that arrives counts.
      event.arrivedAt ??= arrivedAt
      event.isLost = event.arrivedAt === undefined
    }
  }

  /** Between clients and servers nothing is lost but with its connection: it is drawn where it is noticed. */
  clientMessage(at: Ms, from: string, to: string, message: ClientMessage | ServerMessage): void {
    const isRoutine = routine.has(message.kind)
    this.events.push({ kind: 'message', from, to, sentAt: at, arrivedAt: at, isLost: false, label: clientLabel(message), isRoutine })
  }

  note(at: Ms, line: TraceLine): void {
    if (!sayings.has(line.what)) this.events.push({ kind: 'note', at, who: line.who, text: lineText(line) })
  }
}

/** `AppendEntries term 3, entries 5 to 7 after 4 of term 2, commit 4` */
function peerLabel(message: PeerMessage): string {
  const head = `${message.kind} term ${message.term}`
  const facts = Object.entries(message).flatMap(([name, value]) => (hidden.has(name) ? [] : [factText(name, value)]))
  return facts.length === 0 ? head : `${head}, ${facts.join(', ')}`
}

const hidden = new Set(['kind', 'term', 'from', 'to', 'conf', 'data', 'round', 'nonce', 'incarnation'])
const shownMax = 60

function factText(name: string, value: unknown): string {
  if (name === 'entries' && Array.isArray(value)) return entriesText(value)
  if (isEntryId(value)) return `${name} ${value.index} of term ${value.term}`
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
  return `${name} ${text.length > shownMax ? `${text.slice(0, shownMax)}...` : text}`
}

const isEntryId = (value: unknown): value is { readonly index: number; readonly term: number } =>
  typeof value === 'object' && value !== null && Object.keys(value).sort().join() === 'index,term'

function entriesText(entries: readonly { readonly index: number; readonly term: number }[]): string {
  const [first, last] = [entries[0], entries.at(-1)]
  if (first === undefined || last === undefined) return 'no entries'
  if (first === last) return `entry ${first.index} of term ${first.term}`
  return `entries ${first.index} to ${last.index} of term ${first.term === last.term ? first.term : `${first.term} to ${last.term}`}`
}

function clientLabel(message: ClientMessage | ServerMessage): string {
  if (message.kind === 'Commands') return `Commands ${message.items.map(({ seq }) => seq).join(', ')} of session ${message.session}`
  return message.kind
}
