// The lines around a place in a file, with carets under it.

/** 1-based; the end is the first column that is not part of it. */
export interface Framed {
  readonly line: number
  readonly column: number
  readonly endLine?: number
  readonly endColumn?: number
}
/** `gutter` and `code` stand beside each other in a line of text. */
export interface FrameRow {
  readonly kind: 'around' | 'at' | 'carets'
  readonly gutter: string
  readonly code: string
}

/** A line of a minified file is no help as a whole. */
const widthMax = 120
/** Of what precedes the place, where a line has to be cut. */
const leadMax = 40
const cut = '…'

/** The line before, the line, carets under the place, the line after; none where `text` has no such place. */
export function codeFrame(text: string, place: Framed): readonly FrameRow[] | undefined {
  const lines = text.split(/\r\n|\n|\r/)
  const line = lines[place.line - 1]
  if (line === undefined || place.column < 1 || place.column > line.length + 1) return undefined
  const start = place.column - 1
  const from = line.length <= widthMax ? 0 : Math.max(0, start - leadMax)
  const width = String(Math.min(place.line + 1, lines.length)).length
  const row = (number: number): readonly FrameRow[] => {
    const code = lines[number - 1]
    const isAt = number === place.line
    // What follows the last line break is no line.
    if (code === undefined || (code === '' && number === lines.length && !isAt)) return []
    const gutter = `${isAt ? '>' : ' '} ${String(number).padStart(width)} |`
    return [{ kind: isAt ? 'at' : 'around', gutter, code: windowOf(code, from) }]
  }
  const carets: FrameRow = {
    kind: 'carets',
    gutter: `${' '.repeat(width + 3)}|`,
    code: caretsUnder(line, endOf(line, place), { start, from }),
  }
  return [...row(place.line - 1), ...row(place.line), carets, ...row(place.line + 1)]
}

/** A place that goes on in the next line is underlined up to the end of its first; one of which only the beginning is known has one caret. */
function endOf(line: string, { line: first, column, endLine, endColumn }: Framed): number {
  if (endLine === undefined || endColumn === undefined) return column
  return endLine > first ? line.trimEnd().length : Math.min(endColumn - 1, line.length)
}

function caretsUnder(line: string, end: number, { start, from }: { readonly start: number; readonly from: number }): string {
  const lead = from === 0 ? '' : ' '.repeat(cut.length)
  const before = line.slice(from, start).replace(/[^\t]/gu, (character) => ' '.repeat(widthOf(character)))
  const marked = [...line.slice(start, Math.min(end, from + widthMax))].reduce((sum, character) => sum + widthOf(character), 0)
  return `${lead}${before}${'^'.repeat(Math.max(1, marked))}`
}

const windowOf = (code: string, from: number): string => {
  const lead = from === 0 ? '' : cut
  return code.length <= from + widthMax ? lead + code.slice(from) : `${lead}${code.slice(from, from + widthMax)}${cut}`
}

/** Columns that a terminal gives a character: none to what combines with the one before, two to most of East Asia and to pictures. */
function widthOf(character: string): number {
  if (/^[\p{M}\u200b-\u200f\ufeff]$/u.test(character)) return 0
  return /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation})$/u.test(
    character,
  )
    ? 2
    : 1
}
