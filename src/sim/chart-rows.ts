// A chart as rows, in the order of time: what a text and a picture are drawn of.
import type { Ms } from '../core/types.ts'
import type { Chart, ChartEvent, ChartMessage } from './chart.ts'

export type ChartRow =
  | { readonly kind: 'note'; readonly at: Ms; readonly lane: number; readonly text: string }
  /** `to` is a lane, too. */
  | {
      readonly kind: 'message'
      readonly at: Ms
      readonly from: number
      readonly to: number
      readonly fate: 'arrived' | 'lost' | 'under way'
      readonly text: string
    }

export interface ChartRows {
  /** Who takes part: clients, then nodes, then whoever is outside. */
  readonly lanes: readonly string[]
  readonly rows: readonly ChartRow[]
  /** How many of each were left out. */
  readonly earlier: number
  readonly routine: number
}

export interface ChartRowsOptions {
  /** The last ones; default 150. */
  readonly rowsMax?: number
}

/** The end of what happened, without what is sent all the time. */
export function chartRows({ events }: Chart, { rowsMax = 150 }: ChartRowsOptions = {}): ChartRows {
  const telling = events.filter((event) => event.kind === 'note' || !event.isRoutine)
  const shown = telling.toSorted((a, b) => timeOf(a) - timeOf(b)).slice(-rowsMax)
  const lanes = [...new Set(shown.flatMap(namesIn))].sort((a, b) => rank(a) - rank(b))
  const lane = (name: string): number => lanes.indexOf(name)
  const rows = shown.map((event): ChartRow => {
    if (event.kind === 'note') return { kind: 'note', at: event.at, lane: lane(event.who), text: `${event.who} ${event.text}` }
    const { from, to, label: text } = event
    const fate = event.arrivedAt !== undefined ? 'arrived' : event.isLost ? 'lost' : 'under way'
    return { kind: 'message', at: timeOf(event), from: lane(from), to: lane(to), fate, text }
  })
  return { lanes, rows, earlier: telling.length - shown.length, routine: events.length - telling.length }
}

/** A message counts where it arrives, or, where it does not, where it was sent. */
const timeOf = (event: ChartEvent): Ms => (event.kind === 'note' ? event.at : (event.arrivedAt ?? event.sentAt))

const namesIn = (event: ChartEvent): readonly string[] => (event.kind === 'note' ? [event.who] : endsOf(event))
const endsOf = ({ from, to }: ChartMessage): readonly string[] => [from, to]

/** `client 2` before `node 1` before `operator` and `world`. */
function rank(name: string): number {
  const [kind = '', number = '0'] = name.split(' ')
  return ['client', 'node'].indexOf(kind) === -1 ? 3_000_000 : (kind === 'client' ? 0 : 1_000_000) + Number(number)
}
