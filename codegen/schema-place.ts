// Where in a schema something stands. The schema itself is a value made by running its file; this follows the same path through its syntax,
// from file to file, as far as it can be followed, for positions, comments and the names of constants. Loads the compiler: import it late.
import { ts } from 'ts-morph'
import { joinPath, type Place, type Position } from './place.ts'
import { isImported, type Meaning, type SourceFiles } from './source-files.ts'

/** Calls whose first argument is the schema they modify. */
const modifiers = new Set(['Optional', 'Readonly', 'Immutable', 'Refine', 'Codec', 'Unsafe', 'With'])
/** Calls that make an object of the object that is their first argument. */
const objectActions = new Set(['Partial', 'Required', 'Pick', 'Omit', 'ReadonlyObject', 'ReadonlyType', 'Evaluate', 'Index'])

interface Syntax {
  readonly path: string
  /** The expression that stands there, if the syntax could be followed. */
  readonly expression: ts.Expression | undefined
  /** The nearest node that is known. */
  readonly anchor: ts.Node
  readonly property?: ts.ObjectLiteralElementLike
}

export class SchemaPlace implements Place {
  readonly path: string
  readonly #files: SourceFiles
  readonly #expression: ts.Expression | undefined
  readonly #anchor: ts.Node
  readonly #property: ts.ObjectLiteralElementLike | undefined

  constructor(files: SourceFiles, { path, expression, anchor, property }: Syntax) {
    this.#files = files
    this.path = path
    this.#expression = expression
    this.#anchor = anchor
    this.#property = property
  }

  get position(): Position {
    return this.#positionOf(this.#expression ?? this.#anchor)
  }

  get namePosition(): Position {
    return this.#positionOf(this.#property?.name ?? this.#expression ?? this.#anchor)
  }

  get declarationPosition(): Position {
    const declaration = this.#declaration()
    return declaration === undefined ? this.position : this.#positionOf(declaration.name)
  }

  get docs(): string | undefined {
    const own = this.#property === undefined ? undefined : commentOf(this.#property)
    return own ?? this.constantDocs
  }

  get constantDocs(): string | undefined {
    const declaration = this.#declaration()
    return declaration === undefined ? undefined : commentOf(declaration.parent.parent)
  }

  get constantName(): string | undefined {
    const expression = this.#unmodified()
    if (expression === undefined) return undefined
    const meaning = meaningOf(this.#files, expression)
    if (meaning?.kind === 'constant') return nameOfConstant(meaning.declaration)
    // Of a package, or exported without a name.
    if (!ts.isIdentifier(expression) || meaning?.kind === 'module') return undefined
    return meaning !== undefined || isImported(expression.getSourceFile(), expression.text) ? expression.text : undefined
  }

  property(name: string): SchemaPlace {
    const path = joinPath(this.path, name)
    const found = propertyOf(this.#files, this.#resolved(), name)
    if (found === undefined) return this.#unknown(path)
    return this.#at(path, found)
  }

  field(name: string): SchemaPlace {
    const path = joinPath(this.path, name)
    const found = fieldOf(this.#files, this.#resolved(), name)
    if (found === undefined) return this.#unknown(path)
    return this.#at(path, found)
  }

  element(index: number): SchemaPlace {
    return this.#step(`${this.path}[${index}]`, elementOf(this.#argument(0), index, this.#files))
  }

  listed(index: number): SchemaPlace {
    return this.#step(`${this.path}[${index}]`, elementOf(this.#resolved(), index, this.#files))
  }

  item(): SchemaPlace {
    return this.#step(`${this.path}[]`, this.#argument(0))
  }

  key(): SchemaPlace {
    return this.#step(`${this.path}{key}`, this.#argument(0))
  }

  value(): SchemaPlace {
    return this.#step(`${this.path}{}`, this.#argument(1))
  }

  definition(name: string): SchemaPlace {
    const found = propertyOf(this.#files, this.#resolveWithin(this.#argument(0)), name)
    if (found === undefined) return this.#unknown(joinPath(this.path, name))
    return this.#at(joinPath(this.path, name), found)
  }

  get call(): { readonly name: string; readonly member: boolean } | undefined {
    const resolved = this.#resolved()
    if (resolved === undefined || !ts.isCallExpression(resolved)) return undefined
    const name = calleeName(resolved)
    return name === undefined ? undefined : { name, member: ts.isPropertyAccessExpression(resolved.expression) }
  }

  get optionNames(): readonly string[] {
    const resolved = this.#resolved()
    if (resolved === undefined || !ts.isCallExpression(resolved)) return []
    const last = this.#resolveWithin(resolved.arguments.at(-1))
    if (last === undefined || !ts.isObjectLiteralExpression(last)) return []
    return last.properties.flatMap((property) => nameOf(property) ?? [])
  }

  #at(path: string, property: ts.ObjectLiteralElementLike): SchemaPlace {
    return new SchemaPlace(this.#files, { path, expression: valueOf(property), anchor: property, property })
  }

  #step(path: string, expression: ts.Expression | undefined): SchemaPlace {
    return expression === undefined ? this.#unknown(path) : new SchemaPlace(this.#files, { path, expression, anchor: expression })
  }

  #unknown(path: string): SchemaPlace {
    return new SchemaPlace(this.#files, { path, expression: undefined, anchor: this.#expression ?? this.#anchor })
  }

  #argument(index: number): ts.Expression | undefined {
    const resolved = this.#resolved()
    return resolved !== undefined && ts.isCallExpression(resolved) ? resolved.arguments[index] : undefined
  }

  #resolved(): ts.Expression | undefined {
    return this.#resolveWithin(this.#expression)
  }

  #resolveWithin(expression: ts.Expression | undefined): ts.Expression | undefined {
    return expression === undefined ? undefined : resolve(this.#files, expression)
  }

  /** The expression without what merely modifies it. */
  #unmodified(): ts.Expression | undefined {
    let expression = this.#expression === undefined ? undefined : plain(this.#expression)
    while (expression !== undefined && ts.isCallExpression(expression) && modifiers.has(calleeName(expression) ?? '')) {
      const inner: ts.Expression | undefined = expression.arguments[0]
      expression = inner === undefined ? undefined : plain(inner)
    }
    return expression
  }

  #declaration(): ts.VariableDeclaration | undefined {
    const expression = this.#unmodified()
    const meaning = expression === undefined ? undefined : meaningOf(this.#files, expression)
    return meaning?.kind === 'constant' ? meaning.declaration : undefined
  }

  #positionOf(node: ts.Node): Position {
    return this.#files.positionOf(node)
  }
}

/** Without parentheses and assertions. */
export function plain(expression: ts.Expression): ts.Expression {
  if (ts.isParenthesizedExpression(expression) || ts.isAsExpression(expression) || ts.isSatisfiesExpression(expression)) {
    return plain(expression.expression)
  }
  return expression
}

/** What a constant stands for, modifiers taken off. Bounded: constants may name each other in a circle. */
export function resolve(files: SourceFiles, expression: ts.Expression, hops = 20): ts.Expression | undefined {
  const bare = plain(expression)
  if (hops === 0) return undefined
  if (ts.isIdentifier(bare) || ts.isPropertyAccessExpression(bare)) {
    const target = targetOf(files, bare)
    return target === undefined ? undefined : resolve(files, target, hops - 1)
  }
  if (ts.isCallExpression(bare) && modifiers.has(calleeName(bare) ?? '')) {
    const inner = bare.arguments[0]
    return inner === undefined ? undefined : resolve(files, inner, hops - 1)
  }
  return bare
}

function targetOf(files: SourceFiles, expression: ts.Identifier | ts.PropertyAccessExpression): ts.Expression | undefined {
  const meaning = meaningOf(files, expression)
  if (meaning?.kind === 'constant') return meaning.declaration.initializer
  if (meaning?.kind === 'unnamed') return meaning.expression
  if (ts.isIdentifier(expression)) return undefined
  const found = propertyOf(files, resolve(files, expression.expression), expression.name.text)
  return found === undefined ? undefined : valueOf(found)
}

/** `Lease`, or `types.Lease` where `types` is all that a file exports. */
function meaningOf(files: SourceFiles, expression: ts.Expression): Meaning | undefined {
  if (ts.isIdentifier(expression)) return files.meaningOf(expression.getSourceFile(), expression.text)
  if (!ts.isPropertyAccessExpression(expression)) return undefined
  const module = meaningOf(files, expression.expression)
  return module?.kind === 'module' ? files.exported(module.file, expression.name.text) : undefined
}

const nameOfConstant = ({ name }: ts.VariableDeclaration): string | undefined => (ts.isIdentifier(name) ? name.text : undefined)

export function calleeName(call: ts.CallExpression): string | undefined {
  const { expression } = call
  if (ts.isIdentifier(expression)) return expression.text
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : undefined
}

function nameOf(property: ts.ObjectLiteralElementLike): string | undefined {
  const { name } = property
  if (name === undefined) return undefined
  if (ts.isComputedPropertyName(name)) return ts.isStringLiteralLike(name.expression) ? name.expression.text : undefined
  return name.text
}

function propertyOf(files: SourceFiles, expression: ts.Expression | undefined, name: string): ts.ObjectLiteralElementLike | undefined {
  if (expression === undefined || !ts.isObjectLiteralExpression(expression)) return undefined
  for (const property of expression.properties.toReversed()) {
    if (nameOf(property) === name) return property
    if (!ts.isSpreadAssignment(property)) continue
    const spread = propertyOf(files, resolve(files, property.expression), name)
    if (spread !== undefined) return spread
  }
  return undefined
}

function fieldOf(files: SourceFiles, expression: ts.Expression | undefined, name: string): ts.ObjectLiteralElementLike | undefined {
  if (expression === undefined || !ts.isCallExpression(expression)) return undefined
  const [first, second] = expression.arguments.map((argument) => resolve(files, argument))
  const callee = calleeName(expression) ?? ''
  if (callee === 'Object') return propertyOf(files, first, name)
  if (callee === 'Interface') return propertyOf(files, second, name)
  if (objectActions.has(callee)) return fieldOf(files, first, name)
  if (callee !== 'Intersect' && callee !== 'Composite') return undefined
  if (first === undefined || !ts.isArrayLiteralExpression(first)) return undefined
  for (const part of first.elements) {
    const found = fieldOf(files, resolve(files, part), name)
    if (found !== undefined) return found
  }
  return undefined
}

function elementOf(expression: ts.Expression | undefined, index: number, files: SourceFiles): ts.Expression | undefined {
  const resolved = expression === undefined ? undefined : resolve(files, expression)
  if (resolved === undefined || !ts.isArrayLiteralExpression(resolved)) return undefined
  const element = resolved.elements[index]
  return element === undefined || resolved.elements.slice(0, index).some(ts.isSpreadElement) ? undefined : element
}

function valueOf(property: ts.ObjectLiteralElementLike): ts.Expression | undefined {
  if (ts.isPropertyAssignment(property)) return property.initializer
  return ts.isShorthandPropertyAssignment(property) ? property.name : undefined
}

/** The text of the last doc comment before a node, without its stars. */
function commentOf(node: ts.Node): string | undefined {
  const comment = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1)
  if (comment === undefined) return undefined
  const lines = comment.getText().slice(3, -2).split(/\r?\n/)
  const text = lines.map((line, i) => (i === 0 ? line : line.replace(/^\s*\* ?/, '')).trimEnd()).join('\n')
  return text.trim() === '' ? undefined : text.trim()
}
