// What changes a value: assignments, and calls of what is known to change its object.
import { ts } from 'ts-morph'
import { expressionOf } from './rules/regular-expressions.ts'
import type { Scope } from './scope.ts'
import { accessName, bare, functionAround, isAccess, isStatic } from './walk.ts'

/** `target` is what is assigned, or the object that is changed. */
export interface Write {
  readonly target: ts.Expression
  /** A variable may be given another value; anything else is changed in place. */
  readonly isAssignment: boolean
  readonly keepsLastIndex?: true
}

export function writesOf(node: ts.Node, scope: Scope): readonly Write[] {
  if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) return targetsOf(node.left).map(assigned)
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    const isStep = node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken
    return isStep ? [assigned(node.operand)] : []
  }
  if (ts.isDeleteExpression(node)) return [assigned(node.expression)]
  return ts.isCallExpression(node) ? changedBy(node, scope) : []
}

const assigned = (target: ts.Expression): Write => ({ target: bare(target), isAssignment: true })
const changed = (target: ts.Expression): Write => ({ target: bare(target), isAssignment: false })

const isAssignment = (kind: ts.SyntaxKind): boolean => kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment

/** Taken apart, each name is a target. */
function targetsOf(left: ts.Expression): readonly ts.Expression[] {
  if (ts.isArrayLiteralExpression(left)) return left.elements.flatMap(targetsOf)
  if (ts.isSpreadElement(left)) return targetsOf(left.expression)
  if (ts.isBinaryExpression(left)) return targetsOf(left.left)
  if (!ts.isObjectLiteralExpression(left)) return [left]
  return left.properties.flatMap((property) => {
    if (ts.isShorthandPropertyAssignment(property)) return [property.name]
    if (ts.isPropertyAssignment(property)) return targetsOf(property.initializer)
    return ts.isSpreadAssignment(property) ? targetsOf(property.expression) : []
  })
}

const containers = new Set('Map Set WeakMap WeakSet Array Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array'.split(' '))
for (const name of 'Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array Float32Array Float64Array'.split(' '))
  containers.add(name)
const mutators = new Set('set add delete clear push pop shift unshift splice sort reverse fill copyWithin'.split(' '))
const objectMutators = new Set('assign defineProperty defineProperties setPrototypeOf'.split(' '))

function changedBy(call: ts.CallExpression, scope: Scope): readonly Write[] {
  const callee = call.expression
  if (!isAccess(callee)) return []
  const name = accessName(callee)
  if (name === undefined) return []
  const method = scope.checker.getSymbolAtLocation(ts.isPropertyAccessExpression(callee) ? callee.name : callee.argumentExpression)
  const member = scope.libMember(method)
  if (member !== undefined && containers.has(member.owner) && mutators.has(name)) return [changed(callee.expression)]
  const [first] = call.arguments
  if (member?.owner === 'ObjectConstructor' && objectMutators.has(name) && first !== undefined) return [changed(first)]
  if (member?.owner === 'RegExp' && (name === 'test' || name === 'exec')) return keepsLastIndex(callee.expression, scope)
  const declaration = method?.valueDeclaration
  return declaration !== undefined && ts.isMethodDeclaration(declaration) && changesThis(declaration, scope)
    ? [changed(callee.expression)]
    : []
}

/** A constant expression with the flag g or y goes on where it stopped. */
function keepsLastIndex(target: ts.Expression, scope: Scope): readonly Write[] {
  const declaration = ts.isIdentifier(target) ? scope.declaredSymbol(target)?.valueDeclaration : undefined
  const initializer = declaration !== undefined && ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined
  const expression = initializer === undefined ? undefined : expressionOf(bare(initializer), scope)
  return expression !== undefined && /[gy]/.test(expression.flags) ? [{ ...changed(target), keepsLastIndex: true }] : []
}

/** Whether a method of an object of the user's own class changes that object. Not what it calls: one step is looked at. */
function changesThis(method: ts.MethodDeclaration, scope: Scope): boolean {
  if (!ts.isClassLike(method.parent) || isStatic(method) || method.body === undefined) return false
  let changes = false
  const visit = (node: ts.Node): void => {
    if (changes || (ts.isFunctionLike(node) && !ts.isArrowFunction(node))) return
    const ownWrites = ts.isCallExpression(node) && isOwnCall(node) ? [] : writesOf(node, scope)
    changes = ownWrites.some(({ target }) => rootOf(target).kind === ts.SyntaxKind.ThisKeyword)
    ts.forEachChild(node, visit)
  }
  ts.forEachChild(method.body, visit)
  return changes
}

/** `this.other()` leads back here, perhaps for ever. */
const isOwnCall = ({ expression }: ts.CallExpression): boolean =>
  isAccess(expression) && expression.expression.kind === ts.SyntaxKind.ThisKeyword

/** `a` of `a.b[c].d`. */
export function rootOf(expression: ts.Expression): ts.Expression {
  const node = bare(expression)
  return isAccess(node) ? rootOf(node.expression) : node
}

/** Whether code runs while its module is loaded, and never again. */
export const runsAtLoad = (node: ts.Node): boolean => functionAround(node) === undefined
