import { join, relative } from 'node:path'
import ts from 'typescript'

/** What `tsc` says about `files` of `folder` under every strict flag, as `file:line message`. */
export function typeErrors(folder: string, files: readonly string[], overrides: ts.CompilerOptions = {}): readonly string[] {
  const options: ts.CompilerOptions = { ...strictest, ...overrides }
  const names = files.map((file) => join(folder, file))
  const program = ts.createProgram(names, options, sharingHost(folder, options))
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n')
    if (file === undefined || start === undefined) return message
    return `${relative(folder, file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1} ${message}`
  })
}

/** Libraries are parsed once per process: they are most of the work. */
const shared = new Map<string, ts.SourceFile | undefined>()

function sharingHost(folder: string, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (file, ...rest) => {
    if (file.startsWith(folder)) return getSourceFile(file, ...rest)
    if (!shared.has(file)) shared.set(file, getSourceFile(file, ...rest))
    return shared.get(file)
  }
  return host
}

const strictest: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  noImplicitReturns: true,
  noImplicitOverride: true,
  noFallthroughCasesInSwitch: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  erasableSyntaxOnly: true,
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  types: [],
}
