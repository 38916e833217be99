// State that is not the machine's: variables, constants and statics of modules that a function changes, and what closures made while
// loading keep. Each is told once, where it is declared.
import { ts } from 'ts-morph'
import type { Finding } from './finding.ts'
import { LoadedCalls } from './loaded-calls.ts'
import type { LocalModule } from './program.ts'
import * as reasons from './reasons.ts'
import type { Scope } from './scope.ts'
import { accessPlace, forEachValueNode, isAccess, isStatic, shortText, thisOwner } from './walk.ts'
import { runsAtLoad, type Write, Writes } from './writes.ts'

export function moduleStateFindings(modules: readonly LocalModule[], scope: Scope): readonly Finding[] {
  const files = new Set(modules.map(({ file }) => file))
  const writes = new Writes(scope)
  const kept = new Kept({ scope, writes, loaded: new LoadedCalls(modules, scope) })
  const found = new Map<ts.Node, Finding>()
  for (const file of files) {
    forEachValueNode(file, (node) => {
      for (const write of runsAtLoad(node) ? [] : writes.of(node)) {
        const declared = kept.at(write, node)
        if (declared === undefined) continue
        const at = files.has(declared.getSourceFile()) ? declared : node
        if (!found.has(at)) found.set(at, findingOf({ at, node, root: writes.rootOf(write.target), write }))
      }
    })
  }
  return [...found.values()]
}

interface Found {
  readonly at: ts.Node
  readonly node: ts.Node
  readonly root: ts.Node
  readonly write: Write
}

function findingOf({ at, node, root, write }: Found): Finding {
  const name = shortText(at === node ? root : at)
  if (write.keepsLastIndex === true) return { ...reasons.lastIndex, at, what: name }
  return { ...reasons.moduleState, at, what: `${name}, which ${placeOf(node, at)} changes,` }
}

function placeOf(node: ts.Node, at: ts.Node): string {
  const file = node.getSourceFile()
  const line = `line ${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
  return file === at.getSourceFile() ? line : `${line} of ${file.fileName.slice(file.fileName.lastIndexOf('/') + 1)}`
}

/** What outlives the call that writes. */
class Kept {
  readonly #scope: Scope
  readonly #writes: Writes
  readonly #loaded: LoadedCalls

  constructor({ scope, writes, loaded }: { readonly scope: Scope; readonly writes: Writes; readonly loaded: LoadedCalls }) {
    this.#scope = scope
    this.#writes = writes
    this.#loaded = loaded
  }

  /** Where it is declared, or the write itself where that is not known; none when it ends with the call. */
  at({ target, isAssignment }: Write, node: ts.Node): ts.Node | undefined {
    const root = this.#writes.rootOf(target)
    if (root.kind === ts.SyntaxKind.ThisKeyword) return this.#byThis(root, node)
    return ts.isIdentifier(root) ? this.#byName(root, { isRebound: isAssignment && root === target, node, hops: 0 }) : undefined
  }

  #byName(root: ts.Identifier, write: { readonly isRebound: boolean; readonly node: ts.Node; readonly hops: number }): ts.Node | undefined {
    const declaration = this.#scope.declaredSymbol(root)?.declarations?.[0]
    if (declaration === undefined) return undefined
    // `import * as counters`: what is changed is one of its exports.
    if (ts.isSourceFile(declaration)) return this.#exportedName(root)
    const name = nameOf(declaration)
    if (name === undefined) return undefined
    if (runsAtLoad(declaration) || this.#loaded.keeps(declaration, write.node)) return name
    if (write.isRebound || write.hops === hopsMax || !ts.isVariableDeclaration(declaration)) return undefined
    // `const list = lists.a` is another name for a part of it.
    const { initializer } = declaration
    if (initializer === undefined || !this.#isObject(initializer)) return undefined
    const source = this.#writes.rootOf(initializer)
    return ts.isIdentifier(source) ? this.#byName(source, { ...write, hops: write.hops + 1 }) : undefined
  }

  #isObject(expression: ts.Expression): boolean {
    const type = this.#scope.checker.getNonNullableType(this.#scope.checker.getTypeAtLocation(expression))
    return (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.UnionOrIntersection)) !== 0
  }

  #exportedName(root: ts.Identifier): ts.Node | undefined {
    if (!isAccess(root.parent)) return undefined
    const declaration = this.#scope.declaredSymbol(accessPlace(root.parent))?.declarations?.[0]
    return declaration === undefined ? undefined : nameOf(declaration)
  }

  /** `this` is a class in its static methods, the handlers in theirs, and an object of a module in those of an object literal. */
  #byThis(root: ts.Node, node: ts.Node): ts.Node | undefined {
    const owner = thisOwner(root)
    return owner !== undefined && this.#isKeptOwner(owner) ? (this.#fieldOf(root.parent) ?? node) : undefined
  }

  #isKeptOwner(owner: ts.Node): boolean {
    const { parent } = owner
    if (ts.isClassElement(owner) && ts.isClassLike(parent)) {
      return !ts.isConstructorDeclaration(owner) && (isStatic(owner) || this.#loaded.isHandlers(parent))
    }
    return (ts.isObjectLiteralExpression(parent) || ts.isPropertyAssignment(parent)) && runsAtLoad(parent)
  }

  /** The declaration of `x` in `this.x`. */
  #fieldOf(access: ts.Node): ts.Node | undefined {
    if (!ts.isPropertyAccessExpression(access)) return undefined
    const declaration = this.#scope.checker.getSymbolAtLocation(access.name)?.valueDeclaration
    const isField = declaration !== undefined && (ts.isPropertyDeclaration(declaration) || ts.isPropertyAssignment(declaration))
    return isField ? declaration.name : undefined
  }
}

/** Names of names that are followed. */
const hopsMax = 5

function nameOf(declaration: ts.Declaration): ts.Node | undefined {
  const isNamed = ts.isVariableDeclaration(declaration) || ts.isBindingElement(declaration) || ts.isClassLike(declaration)
  if (!isNamed && !ts.isFunctionDeclaration(declaration)) return undefined
  return declaration.getSourceFile().isDeclarationFile ? undefined : declaration.name
}
