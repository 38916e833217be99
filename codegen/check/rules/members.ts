// Members of what the language declares: `Math.random`, whatever the object is called, and taken apart, too.
import { ts } from 'ts-morph'
import type { Finding, Reason } from '../finding.ts'
import { localeMembers, members } from '../globals.ts'
import type { Scope } from '../scope.ts'
import { accessPlace, isAccess, shortText } from '../walk.ts'
import { isOnlyTold } from './errors.ts'

export function memberRule(node: ts.Node, scope: Scope): Finding | undefined {
  if (isAccess(node)) return accessed(node, scope)
  if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
    return takenOut(node, { name: node.propertyName ?? node.name, source: scope.checker.getTypeAtLocation(node.parent) }, scope)
  }
  const isPart = ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)
  const source = isPart ? takenApart(node.parent) : undefined
  return isPart && source !== undefined
    ? takenOut(node, { name: node.name, source: scope.checker.getTypeAtLocation(source) }, scope)
    : undefined
}

/** `Math` of `({ random } = Math)`. */
function takenApart(pattern: ts.ObjectLiteralExpression): ts.Expression | undefined {
  const { parent } = pattern
  const isTarget = ts.isBinaryExpression(parent) && parent.left === pattern && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken
  return isTarget ? parent.right : undefined
}

function accessed(node: ts.PropertyAccessExpression | ts.ElementAccessExpression, scope: Scope): Finding | undefined {
  const name = scope.nameIn(node)
  // What is raised to which power, powers.ts looks at.
  if (name === undefined || (name === 'pow' && ts.isCallExpression(node.parent) && node.parent.expression === node)) return undefined
  const property = scope.propertyOf(node)
  // Of what has no type, these names tell enough: nobody else uses them.
  const isLocale = property === undefined && scope.isUnknown(node.expression)
  const reason = isLocale ? localeMembers.get(name) : reasonFor(property, scope)
  if (reason === undefined || (reason.code === 'ERROR_TEXT' && isOnlyTold(node, scope))) return undefined
  if (reason.code === 'SHARED_MEMORY' && isBounded(node)) return undefined
  return { ...reason, at: startsWithName(node.expression) ? node : accessPlace(node), what: shortText(node) }
}

/** `new DataView(bytes.buffer, bytes.byteOffset, ...)` says where the bytes are; what was copied just now is all that is in its memory. */
function isBounded({ expression, parent }: ts.PropertyAccessExpression | ts.ElementAccessExpression): boolean {
  if (ts.isNewExpression(expression)) return true
  if (!ts.isCallExpression(parent) && !ts.isNewExpression(parent)) return false
  return (parent.arguments ?? []).some((argument) => ts.isPropertyAccessExpression(argument) && argument.name.text === 'byteOffset')
}

/** `Date.now` is found where it begins; a member at the end of a long chain where it stands. */
const startsWithName = (node: ts.Expression): boolean => ts.isIdentifier(node)

function takenOut(at: ts.Node, { name, source }: { readonly name: ts.Node; readonly source: ts.Type }, scope: Scope): Finding | undefined {
  if (!ts.isIdentifier(name)) return undefined
  const property = scope.checker.getPropertyOfType(source, name.text)
  const reason = reasonFor(property, scope)
  const owner = scope.libMember(property)?.owner.replace(/Constructor$/, '')
  return reason === undefined ? undefined : { ...reason, at, what: `${owner}.${name.text}` }
}

function reasonFor(property: ts.Symbol | undefined, scope: Scope): Reason | undefined {
  const member = scope.libMember(property)
  return member === undefined ? undefined : (members.get(`${member.owner}.${member.name}`) ?? localeMembers.get(member.name))
}
