// Offsets of the compiler to positions. Loads nothing.
import type { ts } from 'ts-morph'
import type { Position } from './place.ts'

/** Of the text from `start` up to `end`, offsets in `file`. */
export function positionBetween(file: ts.SourceFile, start: number, end: number): Position {
  const from = file.getLineAndCharacterOfPosition(start)
  const to = file.getLineAndCharacterOfPosition(end)
  return { line: from.line + 1, column: from.character + 1, endLine: to.line + 1, endColumn: to.character + 1 }
}

export const positionOfNode = (node: ts.Node, file: ts.SourceFile): Position => positionBetween(file, node.getStart(file), node.getEnd())
