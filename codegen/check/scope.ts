// What a name means where it stands. By symbol, never by spelling: a variable of the user's that is called `process` is his own.
import { ts } from 'ts-morph'
import { builtinName } from './modules.ts'
import { accessName } from './walk.ts'

export class Scope {
  readonly checker: ts.TypeChecker
  readonly #program: ts.Program

  constructor(program: ts.Program) {
    this.#program = program
    this.checker = program.getTypeChecker()
  }

  /** The name of what every program has: declared by the language or by Node, or by nobody we know. */
  globalName(node: ts.Identifier): string | undefined {
    const symbol = this.valueSymbol(node)
    if (symbol === undefined) return node.text
    if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) return undefined
    const file = node.getSourceFile()
    const isForeign = (declaration: ts.Declaration): boolean => declaration.getSourceFile() !== file || isAmbient(declaration)
    return (symbol.declarations ?? []).every(isForeign) ? node.text : undefined
  }

  /** Of an import from a module of Node: which, and what of it (`*` for the whole, `default` too). */
  builtinImport(node: ts.Identifier): { readonly module: string; readonly member: string } | undefined {
    const declaration = this.valueSymbol(node)?.declarations?.[0]
    const statement = declaration === undefined ? undefined : ts.findAncestor(declaration, ts.isImportDeclaration)
    if (declaration === undefined || statement === undefined || !ts.isStringLiteralLike(statement.moduleSpecifier)) return undefined
    const module = builtinName(statement.moduleSpecifier.text)
    if (module === undefined) return undefined
    return { module, member: ts.isImportSpecifier(declaration) ? (declaration.propertyName ?? declaration.name).text : '*' }
  }

  /** What a value is called, not a property: without following imports. */
  valueSymbol(node: ts.Identifier): ts.Symbol | undefined {
    if (ts.isShorthandPropertyAssignment(node.parent)) return this.checker.getShorthandAssignmentValueSymbol(node.parent)
    return this.checker.getSymbolAtLocation(node)
  }

  /** The same behind imports. */
  declaredSymbol(node: ts.Node): ts.Symbol | undefined {
    const symbol = ts.isIdentifier(node) ? this.valueSymbol(node) : this.checker.getSymbolAtLocation(node)
    if (symbol === undefined || (symbol.flags & ts.SymbolFlags.Alias) === 0) return symbol
    return this.checker.getAliasedSymbol(symbol)
  }

  /** The name behind the dot or in the brackets, where it is written out or the type says it. */
  nameIn(node: ts.PropertyAccessExpression | ts.ElementAccessExpression): string | undefined {
    const constant = ts.isElementAccessExpression(node) ? this.constantOf(node.argumentExpression) : undefined
    return accessName(node) ?? (typeof constant === 'string' ? constant : undefined)
  }

  /** The property that stands behind the dot or in the brackets. */
  propertyOf(node: ts.PropertyAccessExpression | ts.ElementAccessExpression): ts.Symbol | undefined {
    const name = this.nameIn(node)
    if (ts.isPropertyAccessExpression(node)) return this.checker.getSymbolAtLocation(node.name)
    return name === undefined ? undefined : this.checker.getTypeAtLocation(node.expression).getProperty(name)
  }

  /** `Math.random` of a property that the language declares: its interface and its name. */
  libMember(property: ts.Symbol | undefined): { readonly owner: string; readonly name: string } | undefined {
    for (const declaration of property?.declarations ?? []) {
      const { parent } = declaration
      if (!ts.isInterfaceDeclaration(parent) || !this.#isOfLanguage(declaration)) continue
      return { owner: parent.name.text, name: property?.name ?? '' }
    }
    return undefined
  }

  /** Whether an expression may be of a type that the language declares. */
  mayBe(expression: ts.Expression, names: ReadonlySet<string>): boolean {
    const type = this.checker.getNonNullableType(this.checker.getTypeAtLocation(expression))
    const parts = type.isUnionOrIntersection() ? type.types : [type]
    return parts.some(({ symbol }) => symbol !== undefined && names.has(symbol.name) && this.isLibSymbol(symbol))
  }

  isLibSymbol(symbol: ts.Symbol): boolean {
    return (symbol.declarations ?? []).some((declaration) => this.#isOfLanguage(declaration))
  }

  /** Nothing is known of it: a package without types, or something that does not compile. */
  isUnknown(expression: ts.Expression): boolean {
    return (this.checker.getTypeAtLocation(expression).flags & ts.TypeFlags.Any) !== 0
  }

  /** A constant's value, where its type says it. */
  constantOf(expression: ts.Expression): string | number | undefined {
    const type = this.checker.getTypeAtLocation(expression)
    return type.isStringLiteral() || type.isNumberLiteral() ? type.value : undefined
  }

  #isOfLanguage(declaration: ts.Declaration): boolean {
    return this.#program.isSourceFileDefaultLibrary(declaration.getSourceFile())
  }
}

/** `declare const x`: it only says what is there. */
function isAmbient(declaration: ts.Declaration): boolean {
  const isDeclared = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)
  return declaration.getSourceFile().isDeclarationFile || ts.findAncestor(declaration, isDeclared) !== undefined
}
