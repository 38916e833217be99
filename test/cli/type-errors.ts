import { join, relative } from 'node:path'
import ts from 'typescript'

/** What `tsc` says about `files` of `folder` under every strict flag, as `file:line message`. */
export function typeErrors(folder: string, files: readonly string[], overrides: ts.CompilerOptions = {}): readonly string[] {
  const options: ts.CompilerOptions = { ...strictest, ...overrides }
  const program = ts.createProgram(
    files.map((file) => join(folder, file)),
    options,
  )
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n')
    if (file === undefined || start === undefined) return message
    return `${relative(folder, file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1} ${message}`
  })
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
