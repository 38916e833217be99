// State that is not the machine's: variables, constants and statics of modules that a function changes, and what closures made while
// loading keep. Each is told once, where it is declared.
import { ts } from 'ts-morph'
import type { Finding } from './finding.ts'
import { LoadedCalls } from './loaded-calls.ts'
import type { LocalModule } from './program.ts'
import * as reasons from './reasons.ts'
import type { Scope } from './scope.ts'
import { forEachValueNode, isAccess, isStatic, shortText, thisOwner } from './walk.ts'
import { rootOf, runsAtLoad, type Write, writesOf } from './writes.ts'

export function moduleStateFindings(modules: readonly LocalModule[], scope: Scope): readonly Finding[] {
  const files = new Set(modules.map(({ file }) => file))
  const loaded = new LoadedCalls(modules, scope)
  const found = new Map<ts.Node, Finding>()
  for (const file of files) {
    forEachValueNode(file, (node) => {
      for (const write of writesOf(node, scope)) {
        const kept = runsAtLoad(node) ? undefined : keptAt(write, { node, scope, loaded })
        if (kept === undefined) continue
        const at = files.has(kept.getSourceFile()) ? kept : node
        if (!found.has(at)) found.set(at, findingOf(at, node, write))
      }
    })
  }
  return [...found.values()]
}

function findingOf(at: ts.Node, node: ts.Node, { target, keepsLastIndex }: Write): Finding {
  const reason = keepsLastIndex === true ? reasons.lastIndex : reasons.moduleState
  const name = at === node ? shortText(rootOf(target)) : shortText(at)
  const what = keepsLastIndex === true ? name : `${name}, which ${placeOf(node, at)} changes,`
  return { ...reason, at, what }
}

function placeOf(node: ts.Node, at: ts.Node): string {
  const file = node.getSourceFile()
  const line = `line ${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
  return file === at.getSourceFile() ? line : `${line} of ${file.fileName.slice(file.fileName.lastIndexOf('/') + 1)}`
}

interface Where {
  readonly node: ts.Node
  readonly scope: Scope
  readonly loaded: LoadedCalls
}

/** What outlives the call that writes: where it is declared, or the write itself where that is not known. */
function keptAt({ target, isAssignment }: Write, where: Where): ts.Node | undefined {
  const root = rootOf(target)
  if (root.kind === ts.SyntaxKind.ThisKeyword) return keptByThis(target, where)
  if (!ts.isIdentifier(root)) return undefined
  return keptByName(root, isAssignment && root === target, where)
}

function keptByName(root: ts.Identifier, isRebound: boolean, where: Where, hops = 5): ts.Node | undefined {
  const { scope, loaded, node } = where
  const declaration = scope.declaredSymbol(root)?.declarations?.[0]
  if (declaration === undefined) return undefined
  // `import * as counters`: what is changed is one of its exports.
  if (ts.isSourceFile(declaration)) return exportedName(root, scope)
  const name = nameOf(declaration)
  if (name === undefined) return undefined
  if (runsAtLoad(declaration)) return name
  if (loaded.keeps(declaration, node)) return name
  if (isRebound || !ts.isVariableDeclaration(declaration) || hops === 0) return undefined
  // `const list = lists` is another name for it.
  const { initializer } = declaration
  const source = initializer === undefined ? undefined : rootOf(initializer)
  return source !== undefined && ts.isIdentifier(source) && isObject(initializer, scope)
    ? keptByName(source, false, where, hops - 1)
    : undefined
}

const isObject = (expression: ts.Expression | undefined, scope: Scope): boolean =>
  expression !== undefined && (scope.checker.getTypeAtLocation(expression).flags & ts.TypeFlags.Object) !== 0

function nameOf(declaration: ts.Declaration): ts.Node | undefined {
  const isNamed = ts.isVariableDeclaration(declaration) || ts.isBindingElement(declaration) || ts.isClassLike(declaration)
  if (isNamed || ts.isFunctionDeclaration(declaration)) return declaration.getSourceFile().isDeclarationFile ? undefined : declaration.name
  return undefined
}

function exportedName(root: ts.Identifier, scope: Scope): ts.Node | undefined {
  const access = root.parent
  if (!isAccess(access)) return undefined
  const symbol = scope.declaredSymbol(ts.isPropertyAccessExpression(access) ? access.name : access.argumentExpression)
  const declaration = symbol?.declarations?.[0]
  return declaration === undefined ? undefined : nameOf(declaration)
}

/** `this` is a class in its static methods, the handlers in theirs, and an object of a module in those of an object literal. */
function keptByThis(target: ts.Expression, { node, scope, loaded }: Where): ts.Node | undefined {
  const owner = thisOwner(node)
  if (owner === undefined) return undefined
  const { parent } = owner
  const isKept =
    (ts.isClassElement(owner) &&
      ts.isClassLike(parent) &&
      !ts.isConstructorDeclaration(owner) &&
      (isStatic(owner) || loaded.isHandlers(parent))) ||
    (ts.isObjectLiteralExpression(parent) && runsAtLoad(parent)) ||
    (ts.isPropertyAssignment(parent) && runsAtLoad(parent))
  if (!isKept) return undefined
  return fieldOf(target, scope) ?? node
}

/** The declaration of `x` in `this.x.y`. */
function fieldOf(target: ts.Expression, scope: Scope): ts.Node | undefined {
  let access: ts.Node = rootOf(target)
  access = access.parent
  if (!ts.isPropertyAccessExpression(access)) return undefined
  const declaration = scope.checker.getSymbolAtLocation(access.name)?.valueDeclaration
  if (declaration === undefined) return undefined
  return ts.isPropertyDeclaration(declaration) || ts.isPropertyAssignment(declaration) ? declaration.name : undefined
}
