// What the engine says in the errors that it throws.
import { ts } from 'ts-morph'
import type { Finding } from '../finding.ts'
import * as reasons from '../reasons.ts'
import type { Scope } from '../scope.ts'
import { accessName, functionAround, isAccess, shortText } from '../walk.ts'

/** `error.message` or `String(error)` of what was caught, unless its class is one of the user's. */
export function errorRule(node: ts.Node, scope: Scope): Finding | undefined {
  const caught = readAsText(node, scope)
  if (caught === undefined || !isCaught(caught, scope) || isOnlyTold(caught, scope)) return undefined
  const { symbol } = scope.checker.getTypeAtLocation(caught)
  if (symbol !== undefined && !scope.isLibSymbol(symbol)) return undefined
  return { ...reasons.errorText, at: caught, what: ts.isTemplateSpan(node) ? `${caught.text} as a text` : shortText(node) }
}

/** The variable whose words are read. */
function readAsText(node: ts.Node, scope: Scope): ts.Identifier | undefined {
  if (isAccess(node)) {
    const name = accessName(node)
    // That of a known error is found by its type.
    const isUntypedStack = name === 'stack' && scope.propertyOf(node) === undefined
    return (name === 'message' || isUntypedStack) && ts.isIdentifier(node.expression) ? node.expression : undefined
  }
  if (ts.isTemplateSpan(node)) return ts.isIdentifier(node.expression) ? node.expression : undefined
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || scope.globalName(node.expression) !== 'String') return undefined
  const [first] = node.arguments
  return first !== undefined && ts.isIdentifier(first) ? first : undefined
}

function isCaught(node: ts.Identifier, scope: Scope): boolean {
  const declaration = scope.valueSymbol(node)?.valueDeclaration
  return declaration !== undefined && ts.isVariableDeclaration(declaration) && ts.isCatchClause(declaration.parent)
}

/** What goes into another error, or is printed, comes into no state and no reply: only that a handler has failed is replicated. */
export function isOnlyTold(node: ts.Node, scope: Scope): boolean {
  const around = functionAround(node)
  const isTold = (one: ts.Node): boolean => ts.isThrowStatement(one) || (ts.isCallExpression(one) && isConsole(one.expression, scope))
  const outer = ts.findAncestor(node, (one) => one === around || isTold(one))
  return outer !== undefined && outer !== around
}

function isConsole(callee: ts.Expression, scope: Scope): boolean {
  return isAccess(callee) && ts.isIdentifier(callee.expression) && scope.globalName(callee.expression) === 'console'
}
