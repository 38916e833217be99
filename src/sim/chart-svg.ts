// The same chart as a picture, one file without anything from elsewhere.
import type { ChartRow, ChartRows } from './chart-rows.ts'

const rowHeight = 18
const laneWidth = 90
const left = 90
const top = 70
const textWidth = 620

export function chartSvg({ lanes, rows, earlier, routine }: ChartRows, title: string): string {
  const textX = left + lanes.length * laneWidth
  const [width, height] = [textX + textWidth, top + (rows.length + 1) * rowHeight]
  const note = `${earlier} earlier events and ${routine} heartbeats, greetings and the like are left out`
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    '<style>.bg{fill:#fff}.t{fill:#1b1f24}.d{fill:#656d76}.l{stroke:#d0d7de}.m{stroke:#0969da;fill:none}.x{stroke:#cf222e;fill:none}.n{fill:#8250df}',
    '@media(prefers-color-scheme:dark){.bg{fill:#0d1117}.t{fill:#e6edf3}.d{fill:#8d96a0}.l{stroke:#30363d}.m{stroke:#4493f8}.x{stroke:#f85149}.n{fill:#ab7df8}}</style>',
    '<defs><marker id="a" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path class="m" d="M1 1 7 4 1 7"/></marker></defs>',
    `<rect class="bg" width="${width}" height="${height}"/>`,
    `<text class="t" x="12" y="22" font-size="15" font-weight="600">${escaped(shortened(title))}<title>${escaped(title)}</title></text>`,
    `<text class="d" x="12" y="40">${note}</text>`,
    ...lanes.flatMap((name, i) => [
      `<text class="t" x="${laneX(i)}" y="${top - 8}" text-anchor="middle" font-weight="600">${escaped(name)}</text>`,
      `<line class="l" x1="${laneX(i)}" x2="${laneX(i)}" y1="${top}" y2="${height - 6}"/>`,
    ]),
    ...rows.map((row, i) => rowSvg(row, top + (i + 1) * rowHeight, textX)),
    '</svg>',
  ].join('\n')}\n`
}

const laneX = (lane: number): number => left + lane * laneWidth + laneWidth / 2

function rowSvg(row: ChartRow, y: number, textX: number): string {
  const time = `<text class="d" x="${left - 12}" y="${y + 4}" text-anchor="end">${row.at.toFixed(1)}</text>`
  if (row.kind === 'note') return `${time}<circle class="n" cx="${laneX(row.lane)}" cy="${y}" r="4"/>${label(row.text, y, textX)}`
  const [from, to] = [laneX(row.from), laneX(row.to)]
  const text = label(row.fate === 'arrived' ? row.text : `${row.text} (${row.fate})`, y, textX)
  const dash = row.fate === 'under way' ? ' stroke-dasharray="4 3"' : ''
  if (row.fate !== 'lost') return `${time}<path class="m"${dash} d="M${from} ${y}H${to}" marker-end="url(#a)"/>${text}`
  const middle = (from + to) / 2
  return `${time}<path class="x" stroke-dasharray="4 3" d="M${from} ${y}H${middle}"/><path class="x" d="M${middle - 4} ${y - 4}l8 8m0-8l-8 8"/>${text}`
}

const label = (text: string, y: number, x: number): string =>
  `<text class="t" x="${x}" y="${y + 4}">${escaped(shortened(text))}<title>${escaped(text)}</title></text>`

const shownMax = 130
const shortened = (text: string): string => (text.length > shownMax ? `${text.slice(0, shownMax)}...` : text)

/** Characters that XML cannot hold at all are told by their number. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
