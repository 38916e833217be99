// What keeps a file from being parsed. Loads the compiler: import it late.
import { ts } from 'ts-morph'
import type { Position } from './place.ts'
import { positionBetween, positionOfNode } from './position.ts'

export interface SyntaxProblem extends Position {
  readonly message: string
}

/** In order. */
export function syntaxProblems(file: ts.SourceFile): readonly SyntaxProblem[] {
  // The parse errors of a source file are not public, those of a program are. It looks up nothing else.
  const host: ts.CompilerHost = {
    getSourceFile: (name) => (name === file.fileName ? file : undefined),
    getDefaultLibFileName: () => 'lib.d.ts',
    writeFile: () => undefined,
    getCurrentDirectory: () => '',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: (name) => name === file.fileName,
    readFile: () => undefined,
  }
  const program = ts.createProgram({ rootNames: [file.fileName], options: { noResolve: true, noLib: true, types: [] }, host })
  return program.getSyntacticDiagnostics(file).map(({ start, length, messageText }) => ({
    ...positionBetween(file, start, start + length),
    message: ts.flattenDiagnosticMessageText(messageText, ' '),
  }))
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
