// The handlers file and every local module that it imports, with types. The user's tsconfig says how imports are resolved; nothing of it
// says what is global: names of Node and of browsers are known by name (globals.ts), whatever types are installed.
import { existsSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { Project, ts } from 'ts-morph'
import { tsconfigOptions } from '../tsconfig.ts'
import { emittedHeader } from '../write.ts'
import { builtinName } from './modules.ts'

/** One `import ... from` or `export ... from` that is there when the program runs. */
export interface Import {
  readonly statement: ts.ImportDeclaration | ts.ExportDeclaration | ts.ImportEqualsDeclaration
  readonly specifier: ts.StringLiteralLike
  readonly target: ImportTarget
}
export type ImportTarget =
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'package'; readonly specifier: string }
  /** Looked into. */
  | { readonly kind: 'module'; readonly file: ts.SourceFile }
  /** Generated, the schema, or data: nothing to look into. */
  | { readonly kind: 'skipped' }
  /** Declarations of a module whose code is not there. */
  | { readonly kind: 'declarations'; readonly path: string }
  | { readonly kind: 'missing' }

export interface LocalModule {
  readonly file: ts.SourceFile
  readonly imports: readonly Import[]
}
export interface CheckedProgram {
  readonly program: ts.Program
  /** The handlers file, then what it imports, in order. */
  readonly modules: readonly LocalModule[]
}

/** Both paths are absolute. */
export async function readProgram({
  handlersFile,
  besides,
  schemaFile,
}: {
  readonly handlersFile: string
  readonly besides: readonly string[]
  readonly schemaFile: string
}): Promise<CheckedProgram> {
  const options = { ...(await optionsFor(handlersFile)), ...fixedOptions }
  const project = new Project({ compilerOptions: options, skipAddingFilesFromTsConfig: true, skipFileDependencyResolution: true })
  const files = [handlersFile, ...besides]
  project.addSourceFilesAtPaths(files)
  const program = project.getProgram().compilerObject
  const reader = new ModuleReader(program, schemaFile)
  return { program, modules: reader.read(files) }
}

/** What keeps the user's project from being read as a whole, or costs time and tells nothing here. */
const fixedOptions: ts.CompilerOptions = {
  noEmit: true,
  composite: false,
  incremental: false,
  skipLibCheck: true,
  allowJs: true,
  checkJs: false,
  strict: true,
  noLib: false,
  types: [],
  lib: ['lib.esnext.d.ts'],
}
const defaults: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
}
const optionsFor = async (file: string): Promise<ts.CompilerOptions> => (await tsconfigOptions(file)) ?? defaults

class ModuleReader {
  readonly #program: ts.Program
  readonly #schemaFile: string
  readonly #options: ts.CompilerOptions
  readonly #cache: ts.ModuleResolutionCache

  constructor(program: ts.Program, schemaFile: string) {
    this.#program = program
    // As the compiler writes paths.
    this.#schemaFile = schemaFile.split(sep).join('/')
    this.#options = program.getCompilerOptions()
    this.#cache = ts.createModuleResolutionCache(dirname(schemaFile), (name) => name, this.#options)
  }

  read(paths: readonly string[]): readonly LocalModule[] {
    const modules = new Map<ts.SourceFile, LocalModule>()
    const visit = (file: ts.SourceFile | undefined): void => {
      if (file === undefined || modules.has(file)) return
      const imports = importsOf(file).map(({ statement, specifier }) => ({ statement, specifier, target: this.#targetOf(specifier, file) }))
      modules.set(file, { file, imports })
      for (const { target } of imports) if (target.kind === 'module') visit(target.file)
    }
    for (const path of paths) visit(this.#program.getSourceFile(path))
    return [...modules.values()]
  }

  #targetOf(specifier: ts.StringLiteralLike, file: ts.SourceFile): ImportTarget {
    const builtin = builtinName(specifier.text)
    if (builtin !== undefined) return { kind: 'builtin', name: builtin }
    const mode = ts.getModeForUsageLocation(file, specifier, this.#options)
    const { resolvedModule } = ts.resolveModuleName(specifier.text, file.fileName, this.#options, ts.sys, this.#cache, undefined, mode)
    const isBare = !/^(\.{0,2}\/|\.{1,2}$|#)/.test(specifier.text)
    if (resolvedModule === undefined)
      return isBare ? { kind: 'package', specifier: specifier.text } : this.#unresolved(specifier.text, file)
    const { resolvedFileName: path } = resolvedModule
    // A package of the same workspace leads to its sources: it is local, whatever it is imported by.
    if (path.includes('/node_modules/') || (isBare && isOwn(specifier.text))) return { kind: 'package', specifier: specifier.text }
    if (path === this.#schemaFile || path.endsWith('.json')) return { kind: 'skipped' }
    if (/\.d\.[cm]?ts$/.test(path)) return isBare ? { kind: 'package', specifier: specifier.text } : { kind: 'declarations', path }
    const target = this.#program.getSourceFile(path)
    if (target === undefined) return { kind: 'missing' }
    return target.text.startsWith(emittedHeader) ? { kind: 'skipped' } : { kind: 'module', file: target }
  }

  /** Data that the compiler is not told to read. */
  #unresolved(specifier: string, file: ts.SourceFile): ImportTarget {
    return specifier.endsWith('.json') && existsSync(join(dirname(file.fileName), specifier)) ? { kind: 'skipped' } : { kind: 'missing' }
  }
}

const isOwn = (specifier: string): boolean => /^raftgen(\/|$)/.test(specifier)

function importsOf(file: ts.SourceFile): readonly Pick<Import, 'statement' | 'specifier'>[] {
  return file.statements.flatMap((statement): readonly Pick<Import, 'statement' | 'specifier'>[] => {
    if (ts.isImportEqualsDeclaration(statement)) {
      const reference = statement.moduleReference
      if (statement.isTypeOnly || !ts.isExternalModuleReference(reference) || !ts.isStringLiteralLike(reference.expression)) return []
      return [{ statement, specifier: reference.expression }]
    }
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return []
    const { moduleSpecifier } = statement
    if (moduleSpecifier === undefined || !ts.isStringLiteralLike(moduleSpecifier) || isForTypes(statement)) return []
    return [{ statement, specifier: moduleSpecifier }]
  })
}

/** Whether only types are taken: then nothing of it is there when the program runs. */
function isForTypes(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly || areTypes(statement.exportClause)
  const clause = statement.importClause
  if (clause === undefined) return false
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword || (clause.name === undefined && areTypes(clause.namedBindings))
}

function areTypes(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): boolean {
  if (bindings === undefined || !(ts.isNamedImports(bindings) || ts.isNamedExports(bindings))) return false
  return bindings.elements.length > 0 && bindings.elements.every(({ isTypeOnly }) => isTypeOnly)
}
