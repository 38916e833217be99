// Dates: of a number they are the same everywhere, of nothing or of a text they may not be.
import { ts } from 'ts-morph'
import type { Finding } from '../finding.ts'
import * as reasons from '../reasons.ts'
import type { Scope } from '../scope.ts'
import { bare, shortText } from '../walk.ts'

export function dateRule(node: ts.Node, scope: Scope): Finding | undefined {
  const read = readAs(node, scope)
  if (read !== undefined) return read
  const text = turnedIntoText(node)
  if (text === undefined || !scope.mayBe(text, dates)) return undefined
  return { ...reasons.localTime, at: text, what: `${shortText(text)} as a text` }
}

function readAs(node: ts.Node, scope: Scope): Finding | undefined {
  if (ts.isNewExpression(node)) return scope.mayBe(node.expression, constructors) ? made(node, scope) : undefined
  return ts.isCallExpression(node) ? called(node, scope) : undefined
}

const constructors: ReadonlySet<string> = new Set(['DateConstructor'])
const dates: ReadonlySet<string> = new Set(['Date'])

function made(node: ts.NewExpression, scope: Scope): Finding | undefined {
  const [first, second] = node.arguments ?? []
  const found = { at: node, what: shortText(node) }
  if (first === undefined) return { ...reasons.clock, ...found }
  if (ts.isSpreadElement(first)) return undefined
  if (second !== undefined) return { ...reasons.localTime, ...found }
  return hasZone(first, scope) ? undefined : { ...reasons.zonelessText, ...found }
}

function called(node: ts.CallExpression, scope: Scope): Finding | undefined {
  const { expression } = node
  const [first] = node.arguments
  const found = { at: node, what: shortText(node) }
  // Without `new` it is the present time, whatever it is given.
  if (scope.mayBe(expression, constructors)) return { ...reasons.clock, ...found }
  if (first === undefined) return undefined
  if (ts.isPropertyAccessExpression(expression) && expression.name.text === 'parse') {
    const isDate = scope.libMember(scope.checker.getSymbolAtLocation(expression.name))?.owner === 'DateConstructor'
    return isDate && !hasZone(first, scope) ? { ...reasons.zonelessText, ...found } : undefined
  }
  const isText = ts.isIdentifier(expression) && scope.globalName(expression) === 'String' && scope.mayBe(first, dates)
  return isText ? { ...reasons.localTime, ...found } : undefined
}

/** A date without a time is UTC, by the standard; a date with a time is local. */
const zoned = /^(?:[+-]\d\d)?\d{4}(?:-\d\d){0,2}$|(?:Z|[+-]\d\d:?\d\d|GMT|UTC)$/i
const zonedEnd = /(?:Z|[+-]\d\d:?\d\d|GMT|UTC)$/i

/** Whether it is no text, or one that says its zone. */
function hasZone(expression: ts.Expression, scope: Scope): boolean {
  const value = scope.constantOf(expression)
  if (typeof value === 'string') return zoned.test(value)
  const node = bare(expression)
  if (ts.isTemplateExpression(node)) return zonedEnd.test(node.templateSpans.at(-1)?.literal.text ?? '')
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken && ts.isStringLiteralLike(node.right)) {
    return zonedEnd.test(node.right.text)
  }
  const { types } = parts(scope.checker.getTypeAtLocation(expression))
  return !types.some(({ flags }) => (flags & ts.TypeFlags.StringLike) !== 0)
}

const parts = (type: ts.Type): { readonly types: readonly ts.Type[] } => (type.isUnion() ? type : { types: [type] })

/** In a template, or added to a text. */
function turnedIntoText(node: ts.Node): ts.Expression | undefined {
  if (ts.isTemplateSpan(node)) return node.expression
  if (!ts.isExpression(node) || !ts.isBinaryExpression(node.parent)) return undefined
  return node.parent.operatorToken.kind === ts.SyntaxKind.PlusToken ? node : undefined
}
