// A schema as syntax, in however many files. Loads the compiler: import it late.
import { ts } from 'ts-morph'
import type { Place, Position } from './place.ts'
import { calleeName, plain, resolve, SchemaPlace } from './schema-place.ts'
import { SourceFiles } from './source-files.ts'
import { protoProperties, type SyntaxProblem, syntaxProblems } from './syntax.ts'

export interface SourceOptions {
  /** Of the schema file, absolute. */
  readonly path: string
  /** What is in it. */
  readonly text: string
  /** How diagnostics name a file. */
  readonly shown: (path: string) => string
}

export class SchemaSource {
  readonly #files: SourceFiles
  readonly #shown: (path: string) => string

  constructor(options: SourceOptions) {
    this.#files = new SourceFiles(options)
    this.#shown = options.shown
  }

  /** What keeps its files from being parsed, file by file, in order. */
  syntaxProblems(): readonly (SyntaxProblem & { readonly file: string })[] {
    return this.#inAll(syntaxProblems)
  }

  /** Properties called `__proto__`. */
  protoProperties(): readonly Position[] {
    return this.#inAll(protoProperties)
  }

  /** Absolute paths and texts of its files, the schema file first. */
  texts(): readonly { readonly path: string; readonly text: string }[] {
    return this.#files.all().map(({ fileName, text }) => ({ path: fileName, text }))
  }

  /** The argument of `defineMachine`; the default export, or the file, when there is none. */
  machine(): Place {
    const { entry } = this.#files
    const exported = this.#files.exported(entry, 'default')
    const expression =
      exported?.kind === 'constant'
        ? exported.declaration.initializer
        : exported?.kind === 'unnamed'
          ? plain(exported.expression)
          : undefined
    const call = expression === undefined ? undefined : resolve(this.#files, expression)
    const isMachine = call !== undefined && ts.isCallExpression(call) && calleeName(call) === 'defineMachine'
    const argument = isMachine ? call.arguments[0] : undefined
    const literal = argument === undefined ? undefined : resolve(this.#files, argument)
    return new SchemaPlace(this.#files, { path: '', expression: literal, anchor: literal ?? expression ?? entry })
  }

  #inAll<T extends object>(look: (file: ts.SourceFile) => readonly T[]): readonly (T & { readonly file: string })[] {
    return this.#files.all().flatMap((file) => look(file).map((found) => ({ ...found, file: this.#shown(file.fileName) })))
  }
}
