// The files that a schema is made of, as syntax: the schema file, and what it imports by relative paths. Loads the compiler: import it late.
import { readFileSync } from 'node:fs'
import { dirname, resolve as resolvePath } from 'node:path'
import { ts } from 'ts-morph'
import { localModule } from './local-module.ts'
import type { Position } from './place.ts'
import { positionOfNode } from './position.ts'

/** What an identifier stands for: a constant, what a file exports without a name, or all that a file exports. */
export type Meaning =
  | { readonly kind: 'constant'; readonly declaration: ts.VariableDeclaration }
  | { readonly kind: 'unnamed'; readonly expression: ts.Expression }
  | { readonly kind: 'module'; readonly file: ts.SourceFile }

/** Files may export each other's names in a circle. */
const hopsMax = 20

export class SourceFiles {
  readonly entry: ts.SourceFile
  readonly #shown: (path: string) => string
  readonly #files = new Map<string, ts.SourceFile | undefined>()

  /** `path`: absolute, of the schema file, with what is in it. `shown`: how diagnostics name a file. */
  constructor({ path, text, shown }: { readonly path: string; readonly text: string; readonly shown: (path: string) => string }) {
    this.entry = parsed(path, text)
    this.#shown = shown
    this.#files.set(path, this.entry)
  }

  /** The schema file and all that it is made of, in the order in which they are met. */
  all(): readonly ts.SourceFile[] {
    const found = new Set([this.entry])
    for (const file of found) for (const specifier of specifiersOf(file)) addTo(found, this.#imported(file, specifier))
    return [...found]
  }

  positionOf(node: ts.Node): Position {
    const file = node.getSourceFile()
    return { file: this.#shown(file.fileName), ...positionOfNode(node, file) }
  }

  /** What `name` stands for at the top of `file`; none where it comes from a package, or is no constant. */
  meaningOf(file: ts.SourceFile, name: string, hops = hopsMax): Meaning | undefined {
    const declaration = constantIn(file, name)
    if (declaration !== undefined) return { kind: 'constant', declaration }
    const binding = importOf(file, name)
    const module = binding === undefined ? undefined : this.#imported(file, binding.from)
    if (binding === undefined || module === undefined) return undefined
    return binding.name === '*' ? { kind: 'module', file: module } : this.exported(module, binding.name, hops - 1)
  }

  /** What `file` exports as `name`. */
  exported(file: ts.SourceFile, name: string, hops = hopsMax): Meaning | undefined {
    if (hops <= 0) return undefined
    const stars: string[] = []
    for (const statement of file.statements) {
      if (ts.isExportAssignment(statement) && name === 'default') return this.#ofDefault(file, statement.expression, hops)
      if (!ts.isExportDeclaration(statement) || statement.isTypeOnly) continue
      const from = textOf(statement.moduleSpecifier)
      const { exportClause } = statement
      if (exportClause === undefined && from !== undefined) stars.push(from)
      if (exportClause === undefined) continue
      if (ts.isNamespaceExport(exportClause)) {
        const module = exportClause.name.text === name && from !== undefined ? this.#imported(file, from) : undefined
        if (module !== undefined) return { kind: 'module', file: module }
        continue
      }
      const element = exportClause.elements.find((candidate) => candidate.name.text === name)
      if (element === undefined) continue
      const own = (element.propertyName ?? element.name).text
      if (from === undefined) return this.meaningOf(file, own, hops - 1)
      const module = this.#imported(file, from)
      return module === undefined ? undefined : this.exported(module, own, hops - 1)
    }
    const declaration = constantIn(file, name)
    if (declaration !== undefined) return { kind: 'constant', declaration }
    for (const from of stars) {
      const module = this.#imported(file, from)
      const found = module === undefined ? undefined : this.exported(module, name, hops - 1)
      if (found !== undefined) return found
    }
    return undefined
  }

  #ofDefault(file: ts.SourceFile, expression: ts.Expression, hops: number): Meaning {
    const meaning = ts.isIdentifier(expression) ? this.meaningOf(file, expression.text, hops - 1) : undefined
    return meaning ?? { kind: 'unnamed', expression }
  }

  #imported(file: ts.SourceFile, specifier: string): ts.SourceFile | undefined {
    if (!specifier.startsWith('.')) return undefined
    const path = localModule(resolvePath(dirname(file.fileName), specifier))
    if (!this.#files.has(path)) this.#files.set(path, read(path))
    return this.#files.get(path)
  }
}

/** Whether `name` is imported at all, also from a package. */
export const isImported = (file: ts.SourceFile, name: string): boolean => importOf(file, name) !== undefined

/** `name`: as the other file has it; `default`, or `*` for all of it. */
function importOf(file: ts.SourceFile, name: string): { readonly from: string; readonly name: string } | undefined {
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue
    const from = textOf(statement.moduleSpecifier)
    const clause = statement.importClause
    if (from === undefined || clause === undefined) continue
    if (clause.name?.text === name) return { from, name: 'default' }
    const bindings = clause.namedBindings
    if (bindings === undefined) continue
    if (ts.isNamespaceImport(bindings)) {
      if (bindings.name.text === name) return { from, name: '*' }
      continue
    }
    const element = bindings.elements.find((candidate) => candidate.name.text === name)
    if (element !== undefined) return { from, name: (element.propertyName ?? element.name).text }
  }
  return undefined
}

function constantIn(file: ts.SourceFile, name: string): ts.VariableDeclaration | undefined {
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue
    for (const declaration of statement.declarationList.declarations) {
      if (ts.isIdentifier(declaration.name) && declaration.name.text === name) return declaration
    }
  }
  return undefined
}

/** Of imports and re-exports that are there when the file runs. */
function specifiersOf(file: ts.SourceFile): readonly string[] {
  return file.statements.flatMap((statement) => {
    const isType =
      (ts.isImportDeclaration(statement) && statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) ||
      (ts.isExportDeclaration(statement) && statement.isTypeOnly)
    if (isType || (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement))) return []
    const from = textOf(statement.moduleSpecifier)
    return from === undefined ? [] : [from]
  })
}

const textOf = (specifier: ts.Expression | undefined): string | undefined =>
  specifier !== undefined && ts.isStringLiteral(specifier) ? specifier.text : undefined

function addTo<T>(set: Set<T>, item: T | undefined): void {
  if (item !== undefined) set.add(item)
}

function read(path: string): ts.SourceFile | undefined {
  try {
    return parsed(path, readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

const parsed = (path: string, text: string): ts.SourceFile => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
