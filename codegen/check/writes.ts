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

const assigned = (target: ts.Expression): Write => ({ target: bare(target), isAssignment: true })
const changed = (target: ts.Expression): Write => ({ target: bare(target), isAssignment: false })

const containers = new Set(
  (
    'Map Set WeakMap WeakSet Array Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array ' +
    'BigInt64Array BigUint64Array Float16Array Float32Array Float64Array'
  ).split(' '),
)
const mutators = new Set('set add delete clear push pop shift unshift splice sort reverse fill copyWithin'.split(' '))
/** They give what is inside, which may be changed there. */
const openers = new Set('get at'.split(' '))
const objectMutators = new Set('assign defineProperty defineProperties setPrototypeOf'.split(' '))

export class Writes {
  readonly #scope: Scope
  /** Methods of the user's classes: whether they change their object. */
  readonly #changesThis = new Map<ts.MethodDeclaration, boolean>()

  constructor(scope: Scope) {
    this.#scope = scope
  }

  of(node: ts.Node): readonly Write[] {
    if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) return targetsOf(node.left).map(assigned)
    if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
      const isStep = node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken
      return isStep ? [assigned(node.operand)] : []
    }
    if (ts.isDeleteExpression(node)) return [assigned(node.expression)]
    if (ts.isForOfStatement(node) || ts.isForInStatement(node)) {
      return ts.isVariableDeclarationList(node.initializer) ? [] : targetsOf(node.initializer).map(assigned)
    }
    return ts.isCallExpression(node) ? this.#changedBy(node) : []
  }

  /** `a` of `a.b[c].d`, and of `a.get(b).c` where `a` is a Map. */
  rootOf(expression: ts.Expression): ts.Expression {
    const node = bare(expression)
    if (isAccess(node)) return this.rootOf(node.expression)
    if (!ts.isCallExpression(node) || !isAccess(node.expression)) return node
    const member = this.#scope.libMember(this.#scope.propertyOf(node.expression))
    const opens = member !== undefined && containers.has(member.owner) && openers.has(member.name)
    return opens ? this.rootOf(node.expression.expression) : node
  }

  #changedBy(call: ts.CallExpression): readonly Write[] {
    const callee = call.expression
    const name = isAccess(callee) ? accessName(callee) : undefined
    if (!isAccess(callee) || name === undefined) return []
    const method = this.#scope.propertyOf(callee)
    const member = this.#scope.libMember(method)
    if (member === undefined) return this.#isChanging(method) ? [changed(callee.expression)] : []
    if (containers.has(member.owner) && mutators.has(name)) return [changed(callee.expression)]
    const [first] = call.arguments
    if (member.owner === 'ObjectConstructor' && objectMutators.has(name) && first !== undefined) return [changed(first)]
    return member.owner === 'RegExp' && (name === 'test' || name === 'exec') ? this.#keepsLastIndex(callee.expression) : []
  }

  /** A constant expression with the flag g or y goes on where it stopped. */
  #keepsLastIndex(target: ts.Expression): readonly Write[] {
    const declaration = ts.isIdentifier(target) ? this.#scope.declaredSymbol(target)?.valueDeclaration : undefined
    const initializer = declaration !== undefined && ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined
    const expression = initializer === undefined ? undefined : expressionOf(bare(initializer), this.#scope)
    return expression !== undefined && /[gy]/.test(expression.flags) ? [{ ...changed(target), keepsLastIndex: true }] : []
  }

  /** Whether it is a method of the user's own class that changes its object, or calls one that does. */
  #isChanging(method: ts.Symbol | undefined): boolean {
    const declaration = method?.valueDeclaration
    if (declaration === undefined || !ts.isMethodDeclaration(declaration)) return false
    const known = this.#changesThis.get(declaration)
    if (known !== undefined) return known
    // While it is looked at: methods may call each other.
    this.#changesThis.set(declaration, false)
    const isChanging = ts.isClassLike(declaration.parent) && !isStatic(declaration) && this.#hasWriteToThis(declaration)
    this.#changesThis.set(declaration, isChanging)
    return isChanging
  }

  #hasWriteToThis({ body }: ts.MethodDeclaration): boolean {
    let found = false
    const visit = (node: ts.Node): void => {
      if (found || (ts.isFunctionLike(node) && !ts.isArrowFunction(node))) return
      found = this.of(node).some(({ target }) => this.rootOf(target).kind === ts.SyntaxKind.ThisKeyword)
      if (!found) ts.forEachChild(node, visit)
    }
    if (body !== undefined) ts.forEachChild(body, visit)
    return found
  }
}

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

/** Whether code runs while its module is loaded, and never again. */
export const runsAtLoad = (node: ts.Node): boolean => functionAround(node) === undefined
