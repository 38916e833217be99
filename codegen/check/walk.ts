// Ways through the syntax.
import { ts } from 'ts-morph'

/** Every node that is there when the program runs: no types, no declarations of what is elsewhere, no names that declare. */
export function forEachValueNode(root: ts.Node, visit: (node: ts.Node) => void): void {
  const step = (node: ts.Node): void => {
    if (isTypeOnly(node)) return
    visit(node)
    ts.forEachChild(node, step)
  }
  step(root)
}

function isTypeOnly(node: ts.Node): boolean {
  // `extends Base<T>`: the class is a value, its type arguments are types, too.
  if (ts.isExpressionWithTypeArguments(node)) return !isExtended(node)
  if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeParameterDeclaration(node)) return true
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)
}

const isExtended = ({ parent }: ts.ExpressionWithTypeArguments): boolean =>
  !ts.isHeritageClause(parent) || (parent.token === ts.SyntaxKind.ExtendsKeyword && ts.isClassLike(parent.parent))

/** Whether an identifier stands for a value, and is not the name of a property, of a label, or of what is declared here. */
export function isReference(node: ts.Node): node is ts.Identifier {
  if (!ts.isIdentifier(node)) return false
  const { parent } = node
  if (ts.isShorthandPropertyAssignment(parent)) return parent.name === node || parent.objectAssignmentInitializer === node
  if (ts.isPropertyAccessExpression(parent) || ts.isBindingElement(parent) || ts.isExportAssignment(parent)) {
    return ts.isExportAssignment(parent) || (ts.isPropertyAccessExpression(parent) ? parent.expression : parent.initializer) === node
  }
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent) || ts.isMetaProperty(parent)) return false
  return !('name' in parent && parent.name === node)
}

/** The function whose code this is, the nearest one; none while a module loads. Initial values of fields belong to whoever makes an object. */
export function functionAround(node: ts.Node): ts.SignatureDeclaration | ts.PropertyDeclaration | undefined {
  const { parent } = node
  if (parent === undefined) return undefined
  if (ts.isFunctionLike(parent)) return parent
  if (ts.isPropertyDeclaration(parent) && parent.initializer === node && !isStatic(parent)) return parent
  return functionAround(parent)
}

/** Whose `this` it is: the nearest function that is no arrow, or member of a class. */
export function thisOwner(node: ts.Node): ts.Node | undefined {
  return ts.findAncestor(node.parent, (one) => (ts.isFunctionLike(one) && !ts.isArrowFunction(one)) || ts.isClassElement(one))
}

export const isStatic = (node: ts.ClassElement): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword)

/** Without parentheses and assertions. */
export function bare(expression: ts.Expression): ts.Expression {
  if (ts.isParenthesizedExpression(expression) || ts.isAsExpression(expression)) return bare(expression.expression)
  if (ts.isSatisfiesExpression(expression) || ts.isNonNullExpression(expression)) return bare(expression.expression)
  return expression
}

/** `process.env.HOME` of the `process` in it, in one line. */
export function accessText(node: ts.Node): string {
  let outer = node
  while (isAccess(outer.parent) && outer.parent.expression === outer) outer = outer.parent
  return shortText(outer)
}

export const isAccess = (node: ts.Node): node is ts.PropertyAccessExpression | ts.ElementAccessExpression =>
  ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)

const textMax = 60

export function shortText(node: ts.Node): string {
  const text = node.getText().replace(/\s+/g, ' ')
  return text.length <= textMax ? text : `${text.slice(0, textMax - 3)}...`
}

/** What is asked for a symbol: the name behind the dot, or what is in the brackets. */
export const accessPlace = (node: ts.PropertyAccessExpression | ts.ElementAccessExpression): ts.Node =>
  ts.isPropertyAccessExpression(node) ? node.name : node.argumentExpression

/** The name behind the dot, or in the brackets where it is written out. */
export function accessName(node: ts.PropertyAccessExpression | ts.ElementAccessExpression): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return node.name.text
  return ts.isStringLiteralLike(node.argumentExpression) ? node.argumentExpression.text : undefined
}
