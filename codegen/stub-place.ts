// Where stubs go in a file that belongs to the user: the object literal typed `XHandlers`, and what it already has. Syntax only, so that
// a file which does not compile yet (its operations have just changed) is read all the same. Loads the compiler: import it late.
import { ts } from 'ts-morph'
import type { Position } from './place.ts'
import { positionBetween, positionOfNode } from './position.ts'
import { syntaxProblems } from './syntax.ts'

export interface Member extends Position {
  readonly name: string
}
export interface HandlersLiteral extends Position {
  /** Offset in the text of what follows the opening brace. */
  readonly bodyOffset: number
  /** Offset of the first member, none in an empty literal. */
  readonly firstMemberOffset: number | undefined
  readonly members: readonly Member[]
  /** Whether a spread or a computed name may add members that cannot be seen here. */
  readonly open: boolean
}
export type HandlersPlaces =
  | { readonly kind: 'found'; readonly literals: readonly HandlersLiteral[] }
  | ({ readonly kind: 'syntaxError'; readonly message: string } & Position)

export function findHandlers(text: string, handlersType: string): HandlersPlaces {
  const file = ts.createSourceFile('handlers.ts', text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
  const [problem] = syntaxProblems(file)
  if (problem !== undefined) return { kind: 'syntaxError', ...problem }

  const names = namesOf(handlersType, file)
  // A set: `const handlers: X = {...} satisfies X` names one literal twice.
  const literals = new Set<ts.ObjectLiteralExpression>()
  const visit = (node: ts.Node): void => {
    const literal = typedLiteral(node, names)
    if (literal !== undefined) literals.add(literal)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { kind: 'found', literals: [...literals].map((literal) => describeLiteral(literal, file)) }
}

/** The names `handlersType` goes by in this file: its own, and what imports call it. */
function namesOf(handlersType: string, file: ts.SourceFile): ReadonlySet<string> {
  const names = new Set([handlersType])
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue
    const bindings = statement.importClause?.namedBindings
    if (bindings === undefined || !ts.isNamedImports(bindings)) continue
    for (const { name, propertyName } of bindings.elements) if (propertyName?.text === handlersType) names.add(name.text)
  }
  return names
}

function typedLiteral(node: ts.Node, names: ReadonlySet<string>): ts.ObjectLiteralExpression | undefined {
  if (ts.isSatisfiesExpression(node)) return isNamed(node.type, names) ? literalIn(node.expression) : undefined
  if (!ts.isVariableDeclaration(node) && !ts.isPropertyDeclaration(node)) return undefined
  if (node.type === undefined || node.initializer === undefined) return undefined
  return isNamed(node.type, names) ? literalIn(node.initializer) : undefined
}

function isNamed(type: ts.TypeNode, names: ReadonlySet<string>): boolean {
  if (!ts.isTypeReferenceNode(type)) return false
  return names.has(ts.isIdentifier(type.typeName) ? type.typeName.text : type.typeName.right.text)
}

/** Through what does not change the value. */
function literalIn(expression: ts.Expression): ts.ObjectLiteralExpression | undefined {
  if (ts.isObjectLiteralExpression(expression)) return expression
  if (ts.isParenthesizedExpression(expression) || ts.isSatisfiesExpression(expression) || ts.isAsExpression(expression))
    return literalIn(expression.expression)
  return undefined
}

function describeLiteral(literal: ts.ObjectLiteralExpression, file: ts.SourceFile): HandlersLiteral {
  const start = literal.getStart(file)
  const named = literal.properties.map((property) => ({
    name: nameOf(property),
    position: positionBetween(file, property.getStart(file), (property.name ?? property).getEnd()),
  }))
  return {
    ...positionOfNode(literal, file),
    bodyOffset: start + 1,
    firstMemberOffset: literal.properties[0]?.getStart(file, true),
    members: named.flatMap(({ name, position }) => (name === undefined ? [] : [{ name, ...position }])),
    open: named.some(({ name }) => name === undefined),
  }
}

function nameOf(property: ts.ObjectLiteralElementLike): string | undefined {
  const { name } = property
  if (name === undefined) return undefined
  if (!ts.isComputedPropertyName(name)) return name.text
  return ts.isStringLiteralLike(name.expression) ? name.expression.text : undefined
}
