// What is made while modules load and lives as long as they do: closures of the functions called then, and the object of the handlers.
import { ts } from 'ts-morph'
import { emittedHeader } from '../write.ts'
import type { LocalModule } from './program.ts'
import type { Scope } from './scope.ts'
import { bare, forEachValueNode, functionAround } from './walk.ts'
import { runsAtLoad } from './writes.ts'

export class LoadedCalls {
  /** Functions that were called while a module loaded and returned functions, or that make handlers. */
  readonly #makers = new Set<ts.Node>()
  /** Classes whose objects are handlers. */
  readonly #handlers = new Set<ts.Node>()

  constructor(modules: readonly LocalModule[], scope: Scope) {
    for (const { file } of modules) {
      forEachValueNode(file, (node) => {
        if (ts.isCallExpression(node) && runsAtLoad(node)) this.#called(node, scope)
        if (ts.isFunctionLike(node) && makesHandlers(node, scope)) this.#makers.add(node)
        if (ts.isClassLike(node) && implementsHandlers(node, scope)) this.#handlers.add(node)
        if (ts.isNewExpression(node)) this.#made(node, scope)
      })
    }
  }

  /** Whether a variable of such a function is changed by a function that it returned. */
  keeps(declaration: ts.Declaration, write: ts.Node): boolean {
    const owner = functionAround(declaration)
    if (owner === undefined || !this.#makers.has(owner)) return false
    const writer = functionAround(write)
    // A parameter of `forEach` and the like runs when it is given, and is gone then.
    return writer !== undefined && writer !== owner && !isArgument(writer)
  }

  isHandlers(node: ts.ClassLikeDeclaration): boolean {
    return this.#handlers.has(node)
  }

  #called(call: ts.CallExpression, scope: Scope): void {
    const made = scope.checker.getTypeAtLocation(call)
    if (!hasFunctions(made, scope)) return
    const callee = bare(call.expression)
    const declaration = ts.isFunctionLike(callee) ? callee : scope.checker.getResolvedSignature(call)?.declaration
    if (declaration !== undefined) this.#makers.add(declaration)
  }

  #made(node: ts.NewExpression, scope: Scope): void {
    const declaration = scope.declaredSymbol(node.expression)?.valueDeclaration
    if (declaration === undefined || !ts.isClassLike(declaration)) return
    if (isEmitted(scope.checker.getContextualType(node)?.symbol)) this.#handlers.add(declaration)
  }
}

function implementsHandlers({ heritageClauses }: ts.ClassLikeDeclaration, scope: Scope): boolean {
  const clauses = heritageClauses ?? []
  const implemented = clauses.filter(({ token }) => token === ts.SyntaxKind.ImplementsKeyword).flatMap(({ types }) => types)
  return implemented.some(({ expression }) => isEmitted(scope.declaredSymbol(expression)))
}

/** Whoever starts the server may call it: its variables live as long as the handlers do. */
function makesHandlers(node: ts.SignatureDeclaration, scope: Scope): boolean {
  const made = scope.checker.getSignatureFromDeclaration(node)?.getReturnType()
  return made !== undefined && isEmitted(made.symbol) && hasFunctions(made, scope)
}

const isEmitted = (symbol: ts.Symbol | undefined): boolean =>
  symbol?.declarations?.some((one) => one.getSourceFile().text.startsWith(emittedHeader)) === true

/** A function, or an object of the user's that has some: not a Map or an array, whose methods keep nothing of their maker's. */
function hasFunctions(type: ts.Type, scope: Scope): boolean {
  if (type.getCallSignatures().length > 0) return true
  return type.getProperties().some((property) => {
    if (scope.isLibSymbol(property)) return false
    return scope.checker.getTypeOfSymbol(property).getCallSignatures().length > 0
  })
}

function isArgument(node: ts.Node): boolean {
  const { parent } = node
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.arguments?.some((one) => one === node) === true
}
