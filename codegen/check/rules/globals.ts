// Names that every program has, used by themselves or through `globalThis`.
import { ts } from 'ts-morph'
import type { Finding, Reason } from '../finding.ts'
import { globalMembers, globalObjects, globals } from '../globals.ts'
import * as reasons from '../reasons.ts'
import type { Scope } from '../scope.ts'
import { accessName, accessText, isAccess, isReference } from '../walk.ts'

export function globalRule(node: ts.Node, scope: Scope): Finding | undefined {
  if (!isReference(node) || !isRead(node)) return undefined
  const name = nameOf(node, scope)
  if (name === undefined) return undefined
  if (globalObjects.has(name)) return throughObject(node, scope)
  const reason = memberReason(name, node) ?? globals.get(name)
  return reason === undefined ? undefined : { ...reason, at: node, what: accessText(node) }
}

/** Of `typeof process === 'undefined'` nothing is learnt but what it is the same everywhere. */
const isRead = ({ parent }: ts.Identifier): boolean => !ts.isTypeOfExpression(parent)

function nameOf(node: ts.Identifier, scope: Scope): string | undefined {
  const global = scope.globalName(node)
  if (global !== undefined) return global
  const imported = scope.builtinImport(node)
  return imported?.module === 'buffer' && imported.member === 'Buffer' ? 'Buffer' : undefined
}

function memberReason(name: string, node: ts.Node): Reason | undefined {
  const member = isAccess(node.parent) && node.parent.expression === node ? accessName(node.parent) : undefined
  return member === undefined ? undefined : globalMembers.get(`${name}.${member}`)
}

/** `globalThis.process`. What is not known there is a variable of everybody's. */
function throughObject(node: ts.Identifier, scope: Scope): Finding | undefined {
  const access = node.parent
  const name = isAccess(access) && access.expression === node ? accessName(access) : undefined
  const found = { at: node, what: accessText(node) }
  if (name === undefined || !isAccess(access)) return { ...reasons.unseen, ...found }
  if (globalObjects.has(name)) return { ...reasons.unseen, ...found }
  const reason = memberReason(name, access) ?? globals.get(name)
  if (reason !== undefined) return { ...reason, ...found }
  const property = scope.propertyOf(access)
  const isKnown = (property !== undefined && scope.isLibSymbol(property)) || knownElsewhere.has(name)
  return isKnown ? undefined : { ...reasons.moduleState, ...found }
}

/** Not of the language, and harmless. */
const knownElsewhere: ReadonlySet<string> = new Set(
  'Buffer structuredClone URL URLSearchParams TextEncoder TextDecoder atob btoa'.split(' '),
)
