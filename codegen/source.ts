// The schema file as syntax. Loads the compiler: import it late.
import { ts } from 'ts-morph'
import type { Place, Position } from './place.ts'
import { positionBetween, positionOfNode } from './position.ts'
import { calleeName, plain, resolve, SchemaPlace } from './schema-place.ts'

export interface SyntaxProblem extends Position {
  readonly message: string
}

export class SchemaSource {
  readonly #file: ts.SourceFile

  constructor(text: string) {
    this.#file = ts.createSourceFile('schema.ts', text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
  }

  /** What keeps the file from being parsed, in order. */
  syntaxProblems(): readonly SyntaxProblem[] {
    // The parse errors of a source file are not public, those of a transpilation are.
    const compilerOptions = { target: ts.ScriptTarget.Latest, module: ts.ModuleKind.ESNext, noResolve: true }
    const { diagnostics = [] } = ts.transpileModule(this.#file.text, { compilerOptions, reportDiagnostics: true, fileName: 'schema.ts' })
    return diagnostics.flatMap(({ start, length = 0, messageText }) => {
      const message = ts.flattenDiagnosticMessageText(messageText, ' ')
      return start === undefined ? [] : [{ ...positionBetween(this.#file, start, start + length), message }]
    })
  }

  /** Properties called `__proto__`: JavaScript makes them the prototype, or TypeBox drops them, so the schema itself no longer shows them. */
  protoProperties(): readonly Position[] {
    const found: Position[] = []
    const visit = (node: ts.Node): void => {
      if (ts.isPropertyAssignment(node) && isProto(node.name)) found.push(positionOfNode(node.name, this.#file))
      ts.forEachChild(node, visit)
    }
    visit(this.#file)
    return found
  }

  /** The argument of `defineMachine`; the default export, or the file, when there is none. */
  machine(): Place {
    const exported = this.#defaultExport()
    const call = exported === undefined ? undefined : resolve(this.#file, exported)
    const isMachine = call !== undefined && ts.isCallExpression(call) && calleeName(call) === 'defineMachine'
    const argument = isMachine ? call.arguments[0] : undefined
    const literal = argument === undefined ? undefined : resolve(this.#file, argument)
    return new SchemaPlace(this.#file, '', literal, literal ?? exported ?? this.#file)
  }

  #defaultExport(): ts.Expression | undefined {
    for (const statement of this.#file.statements) {
      if (ts.isExportAssignment(statement) && statement.isExportEquals !== true) return plain(statement.expression)
    }
    return undefined
  }
}

function isProto(name: ts.PropertyName): boolean {
  if (ts.isComputedPropertyName(name)) return ts.isStringLiteralLike(name.expression) && name.expression.text === '__proto__'
  return name.text === '__proto__'
}
