// TypeScript to what jiti runs, by the compiler that is loaded anyway: ten times as fast as jiti's own way, which keeps lines. Loads the
// compiler: import it late.
import { ts } from 'ts-morph'

export interface TranspileRequest {
  readonly source: string
  readonly filename: string
  /** Whether imports may be awaited. */
  readonly async: boolean
}

/** None where jiti's own way is needed: what is no TypeScript, or knows where it is. */
export function transpiled({ source, filename, async }: TranspileRequest): string | undefined {
  if (!/\.[cm]?ts$/.test(filename) || /\bimport\.meta\b|\bimport\s*\(|\brequire\b/.test(source)) return undefined
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, isolatedModules: true, esModuleInterop: false }
  const transformers = async ? { after: [awaitingImports] } : {}
  return ts.transpileModule(source, { compilerOptions, transformers, fileName: 'schema.ts' }).outputText
}

/** `require('./a.ts')`, as the compiler writes imports, becomes `await jitiImport('./a.ts')`. */
const awaitingImports: ts.TransformerFactory<ts.SourceFile> = (context) => (file) => {
  const { factory } = context
  const visit = (node: ts.Node): ts.Node => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'require') {
      return factory.createAwaitExpression(factory.createCallExpression(factory.createIdentifier('jitiImport'), undefined, node.arguments))
    }
    // Imports stand at the top.
    return ts.isFunctionLike(node) ? node : ts.visitEachChild(node, visit, context)
  }
  return ts.visitEachChild(file, visit, context)
}
