// Members of what the language declares: `Math.random`, whatever the object is called, and taken apart, too.
import { ts } from 'ts-morph'
import type { Finding, Reason } from '../finding.ts'
import { localeMembers, members } from '../globals.ts'
import type { Scope } from '../scope.ts'
import { accessName, accessPlace, isAccess, shortText } from '../walk.ts'
import { isOnlyTold } from './errors.ts'

export function memberRule(node: ts.Node, scope: Scope): Finding | undefined {
  if (isAccess(node)) return accessed(node, scope)
  if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) return takenOut(node, node.parent, scope)
  return undefined
}

function accessed(node: ts.PropertyAccessExpression | ts.ElementAccessExpression, scope: Scope): Finding | undefined {
  const name = accessName(node)
  // What is raised to which power, powers.ts looks at.
  if (name === undefined || (name === 'pow' && ts.isCallExpression(node.parent) && node.parent.expression === node)) return undefined
  const place = accessPlace(node)
  const property = scope.checker.getSymbolAtLocation(place)
  // Of what has no type, these names tell enough: nobody else uses them.
  const isLocale = property === undefined && scope.isUnknown(node.expression)
  const reason = isLocale ? localeMembers.get(name) : reasonFor(property, scope)
  if (reason === undefined || (reason.code === 'ERROR_TEXT' && isOnlyTold(node, scope))) return undefined
  return { ...reason, at: startsWithName(node.expression) ? node : place, what: shortText(node) }
}

/** `Date.now` is found where it begins; a member at the end of a long chain where it stands. */
const startsWithName = (node: ts.Expression): boolean => ts.isIdentifier(node)

function takenOut(node: ts.BindingElement, pattern: ts.ObjectBindingPattern, scope: Scope): Finding | undefined {
  const name = node.propertyName ?? node.name
  if (!ts.isIdentifier(name)) return undefined
  const property = scope.checker.getPropertyOfType(scope.checker.getTypeAtLocation(pattern), name.text)
  const reason = reasonFor(property, scope)
  const owner = scope.libMember(property)?.owner.replace(/Constructor$/, '')
  return reason === undefined ? undefined : { ...reason, at: node, what: `${owner}.${name.text}` }
}

function reasonFor(property: ts.Symbol | undefined, scope: Scope): Reason | undefined {
  const member = scope.libMember(property)
  return member === undefined ? undefined : (members.get(`${member.owner}.${member.name}`) ?? localeMembers.get(member.name))
}
