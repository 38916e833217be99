// Expressions that ask for properties of characters: what is a letter grows with each version of Unicode.
import { ts } from 'ts-morph'
import type { Finding } from '../finding.ts'
import * as reasons from '../reasons.ts'
import type { Scope } from '../scope.ts'
import { shortText } from '../walk.ts'

export function unicodeRule(node: ts.Node, scope: Scope): Finding | undefined {
  const expression = expressionOf(node, scope)
  if (expression === undefined || !/[uv]/.test(expression.flags) || !asksForProperties(expression.pattern)) return undefined
  return { ...reasons.unicode, at: node, what: shortText(node) }
}

export interface Expression {
  readonly pattern: string
  readonly flags: string
}

/** Of a literal, or of a constructor whose arguments are written out. */
export function expressionOf(node: ts.Node, scope: Scope): Expression | undefined {
  if (ts.isRegularExpressionLiteral(node)) {
    const end = node.text.lastIndexOf('/')
    return { pattern: node.text.slice(1, end), flags: node.text.slice(end + 1) }
  }
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return undefined
  if (!ts.isIdentifier(node.expression) || scope.globalName(node.expression) !== 'RegExp') return undefined
  const [pattern, flags] = (node.arguments ?? []).map((argument) => scope.constantOf(argument))
  return typeof pattern === 'string' ? { pattern, flags: typeof flags === 'string' ? flags : '' } : undefined
}

/** No version of Unicode changes what these hold. */
const settled = new Set(
  (
    'ASCII ASCII_Hex_Digit AHex Any Control Cc Surrogate Cs Private_Use Co Noncharacter_Code_Point NChar ' +
    'Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS'
  ).split(' '),
)

function asksForProperties(pattern: string): boolean {
  const escapes = pattern.matchAll(/\\(?:[pP]\{([^}]*)\}|.)/gs)
  return [...escapes].some(([, property]) => property !== undefined && !settled.has(property.replace(/^(?:gc|General_Category)=/, '')))
}
