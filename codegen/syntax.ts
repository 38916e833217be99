// What keeps a file from being parsed. Loads the compiler: import it late.
import { ts } from 'ts-morph'
import type { Position } from './place.ts'
import { positionBetween, positionOfNode } from './position.ts'

export interface SyntaxProblem extends Position {
  readonly message: string
}

/** In order. */
export function syntaxProblems(file: ts.SourceFile): readonly SyntaxProblem[] {
  // The parse errors of a source file are not public, those of a transpilation are.
  const compilerOptions = { target: ts.ScriptTarget.Latest, module: ts.ModuleKind.ESNext, noResolve: true }
  const { diagnostics = [] } = ts.transpileModule(file.text, { compilerOptions, reportDiagnostics: true, fileName: 'schema.ts' })
  return diagnostics.flatMap(({ start, length = 0, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, ' ')
    return start === undefined ? [] : [{ ...positionBetween(file, start, start + length), message }]
  })
}

/** Properties called `__proto__`: JavaScript makes them the prototype, or TypeBox drops them, so the schema itself no longer shows them. */
export function protoProperties(file: ts.SourceFile): readonly Position[] {
  if (!file.text.includes('__proto__')) return []
  const found: Position[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && isProto(node.name)) found.push(positionOfNode(node.name, file))
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function isProto(name: ts.PropertyName): boolean {
  if (ts.isComputedPropertyName(name)) return ts.isStringLiteralLike(name.expression) && name.expression.text === '__proto__'
  return name.text === '__proto__'
}
