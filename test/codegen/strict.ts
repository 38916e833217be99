// Emitted code under every flag of TypeScript that makes it stricter.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))

const strict: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2023.d.ts'],
  customConditions: ['raftgen-source'],
  // For projects outside of this repository.
  paths: { 'raftgen/contract/v1': [`${root}src/contract/v1.ts`] },
  types: ['node'],
  typeRoots: [`${root}node_modules/@types`],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  erasableSyntaxOnly: true,
  isolatedDeclarations: false,
  declaration: true,
  skipLibCheck: true,
  // Our own sources, which the contract resolves to here, import with it; what is emitted with `js` does not.
  allowImportingTsExtensions: true,
  noEmit: true,
}

/** What the compiler says of the files with these texts, by absolute path. They are on the disk, too, maybe with others. */
export function problemsIn(texts: ReadonlyMap<string, string>): readonly string[] {
  const host = ts.createCompilerHost(strict)
  const { readFile } = host
  host.readFile = (path) => texts.get(path) ?? readFile(path)
  const getSourceFile = host.getSourceFile.bind(host)
  host.getSourceFile = (path, options, ...rest) => {
    const text = texts.get(path)
    return text === undefined ? getSourceFile(path, options, ...rest) : ts.createSourceFile(path, text, options, true)
  }
  host.getCurrentDirectory = () => root

  const program = ts.createProgram([...texts.keys()], strict, host)
  const emitted = new Set([...texts.keys()].map((path) => dirname(path)))
  const problems = ts.getPreEmitDiagnostics(program).filter(({ file }) => file === undefined || emitted.has(dirname(file.fileName)))
  return problems.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
}
