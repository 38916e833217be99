// Handlers of a generation that is over: a copy of the user's file, made once, whose imports of generated code lead to that of its version. Loads the
// compiler: import it late.
import { dirname, relative, resolve, sep } from 'node:path'
import { ts } from 'ts-morph'

export interface OlderHandlersRequest {
  readonly version: number
  /** The handlers as they were. */
  readonly text: string
  /** Where they are, and where the copy is to be: side by side. */
  readonly handlersFile: string
  readonly outDir: string
  /** Where the text is from: `commit 1a2b3c4`. None: it is that of the file. */
  readonly source: string | undefined
}

export function olderHandlersText({ version, text, handlersFile, outDir, source }: OlderHandlersRequest): string {
  const folder = dirname(handlersFile)
  const named = specifiersIn(text).flatMap(({ text: path, start, end }) => {
    const inside = path.startsWith('.') ? relative(outDir, resolve(folder, path)) : '..'
    if (inside.startsWith('..')) return []
    const to = relative(folder, resolve(outDir, `v${version}`, inside))
      .split(sep)
      .join('/')
    return [{ start, end, to: to.startsWith('.') ? to : `./${to}` }]
  })
  let copy = text
  for (const { start, end, to } of named.toReversed()) copy = copy.slice(0, start) + to + copy.slice(end)
  return `${headOf(version, source)}${copy}`
}

const headOf = (
  version: number,
  source: string | undefined,
): string => `// The handlers of version ${version}, copied by raftgen${source === undefined ? '' : ` from ${source}`} when the state got another shape. Entries from before are applied by them, on every
// replica: what they do, and what they import, must go on doing what it did. Delete this file once version ${version} is in \`retired.versions\`.

`

interface Specifier {
  readonly text: string
  /** Between the quotes. */
  readonly start: number
  readonly end: number
}

/** What the module imports, in whatever way, in the order of the text. */
function specifiersIn(text: string): readonly Specifier[] {
  const found: Specifier[] = []
  const source = ts.createSourceFile('handlers.ts', text, ts.ScriptTarget.Latest)
  const visit = (node: ts.Node): void => {
    const literal = specifierOf(node)
    if (literal !== undefined && ts.isStringLiteral(literal))
      found.push({ text: literal.text, start: literal.getStart(source) + 1, end: literal.getEnd() - 1 })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  return ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0] : undefined
}
