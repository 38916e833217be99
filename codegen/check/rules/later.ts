// What goes on after a handler has returned, and code that nobody can look at.
import { ts } from 'ts-morph'
import type { Finding } from '../finding.ts'
import * as reasons from '../reasons.ts'
import type { Scope } from '../scope.ts'
import { accessText, functionAround, shortText } from '../walk.ts'

export function asyncRule(node: ts.Node): Finding | undefined {
  const at = asyncAt(node)
  return at === undefined ? undefined : { ...reasons.asynchronous, at, what: at.kind === ts.SyntaxKind.AsyncKeyword ? 'async' : 'await' }
}

/** What is awaited in a function that says `async` has been found there. */
function asyncAt(node: ts.Node): ts.Node | undefined {
  if (ts.isFunctionLike(node)) {
    const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined
    return modifiers?.find(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword)
  }
  const isAwait = ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)
  return isAwait && functionAround(node) === undefined ? node : undefined
}

const makers: ReadonlySet<string> = new Set(['FunctionConstructor'])

export function unseenRule(node: ts.Node, scope: Scope): Finding | undefined {
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) {
    return { ...reasons.machine, at: node, what: accessText(node) }
  }
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword
  if (!isImport && !scope.mayBe(node.expression, makers)) return undefined
  return { ...reasons.unseen, at: node, what: shortText(node) }
}
