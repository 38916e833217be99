// `**` and Math.pow, which implementations may approximate (ECMA-262, 6.1.6.1.3). What is exact in all of them is left alone.
import { ts } from 'ts-morph'
import type { Finding } from '../finding.ts'
import * as reasons from '../reasons.ts'
import type { Scope } from '../scope.ts'
import { shortText } from '../walk.ts'

export function powerRule(node: ts.Node, scope: Scope): Finding | undefined {
  const operands = operandsOf(node, scope)
  if (operands === undefined || isExact(operands, scope)) return undefined
  return { ...reasons.power, at: node, what: shortText(node) }
}

interface Operands {
  readonly base: ts.Expression
  readonly exponent: ts.Expression
}

function operandsOf(node: ts.Node, scope: Scope): Operands | undefined {
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken
    const isPower = kind === ts.SyntaxKind.AsteriskAsteriskToken || kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken
    return isPower ? { base: node.left, exponent: node.right } : undefined
  }
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined
  const [base, exponent] = node.arguments
  const member = scope.libMember(scope.checker.getSymbolAtLocation(node.expression.name))
  const isPower = member?.owner === 'Math' && member.name === 'pow'
  return isPower && base !== undefined && exponent !== undefined ? { base, exponent } : undefined
}

function isExact({ base, exponent }: Operands, scope: Scope): boolean {
  if ((scope.checker.getTypeAtLocation(base).flags & ts.TypeFlags.BigIntLike) !== 0) return true
  const [constantBase, constantExponent] = [scope.constantOf(base), scope.constantOf(exponent)]
  // Only the exponent of the result changes, in the literal sense.
  if (typeof constantBase === 'number' && isPowerOfTwo(constantBase)) return constantExponent === undefined || isWhole(constantExponent)
  if (typeof constantBase !== 'number' || typeof constantExponent !== 'number') return false
  return isWhole(constantBase) && isWhole(constantExponent) && Number.isSafeInteger(constantBase ** constantExponent)
}

const isWhole = (value: string | number): boolean => Number.isSafeInteger(value)
const isPowerOfTwo = (value: number): boolean => Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value))
