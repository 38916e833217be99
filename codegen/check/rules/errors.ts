// What the engine says in the errors that it throws.
import { ts } from 'ts-morph'
import type { Finding } from '../finding.ts'
import * as reasons from '../reasons.ts'
import type { Scope } from '../scope.ts'
import { accessName, functionAround, isAccess, shortText } from '../walk.ts'

/** `error.message` of what was caught, unless its class is one of the user's. */
export function errorRule(node: ts.Node, scope: Scope): Finding | undefined {
  if (!isAccess(node) || accessName(node) !== 'message' || !ts.isIdentifier(node.expression)) return undefined
  const declaration = scope.valueSymbol(node.expression)?.valueDeclaration
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || !ts.isCatchClause(declaration.parent)) return undefined
  const { symbol } = scope.checker.getTypeAtLocation(node.expression)
  if (symbol !== undefined && !scope.isLibSymbol(symbol)) return undefined
  return isOnlyTold(node, scope) ? undefined : { ...reasons.errorText, at: node, what: shortText(node) }
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
