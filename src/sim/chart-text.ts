// A sequence chart for a terminal: a lane for each that takes part, a row for each thing that happens.
import type { ChartRow, ChartRows } from './chart-rows.ts'

const laneWidth = 4

/** Its lines. */
export function chartText({ lanes, rows, earlier, routine }: ChartRows): readonly string[] {
  const names = lanes.map(shortName)
  const head = `${'ms'.padStart(11)}  ${names.map((name) => name.padEnd(laneWidth)).join('')}`
  const leftOut = [
    ...(earlier > 0 ? [`${earlier} earlier ones`] : []),
    ...(routine > 0 ? [`${routine} heartbeats, greetings and the like`] : []),
  ]
  return [...(leftOut.length === 0 ? [] : [`(left out: ${leftOut.join(', ')})`]), head, ...rows.map((row) => rowText(row, lanes.length))]
}

/** `c2`, `n1`, `world`: as it stands above a lane. */
export function shortName(name: string): string {
  const [kind = '', number] = name.split(' ')
  return number === undefined ? kind.slice(0, laneWidth - 1) : `${kind[0]}${number}`
}

function rowText(row: ChartRow, lanes: number): string {
  const cells = Array.from({ length: lanes }, () => `│${' '.repeat(laneWidth - 1)}`)
  if (row.kind === 'note') {
    cells[row.lane] = `●${' '.repeat(laneWidth - 1)}`
    return lineOf(row, cells, row.text)
  }
  const { from, to, fate } = row
  const [left, right] = [Math.min(from, to), Math.max(from, to)]
  const isRight = from < to
  for (let lane = left + 1; lane < right; lane++) cells[lane] = '─'.repeat(laneWidth)
  const head = fate === 'lost' ? '╳' : isRight ? '►' : '◄'
  cells[left] = `${isRight ? '├' : head}${'─'.repeat(laneWidth - 1)}`
  cells[right] = `${isRight ? head : '┤'}${' '.repeat(laneWidth - 1)}`
  return lineOf(row, cells, `${row.text}${fate === 'arrived' ? '' : ` (${fate})`}`)
}

const lineOf = ({ at }: ChartRow, cells: readonly string[], text: string): string =>
  `${at.toFixed(3).padStart(11)}  ${cells.join('')} ${text}`
