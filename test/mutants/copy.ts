// The sources once more, as plain JavaScript in a temporary folder, in which one file at a time can be another. Types are stripped file by file, and
// not checked: what a mutant does is found out by running it.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import type { Mutant } from './mutant.ts'

const root = join(import.meta.dirname, '../..')
/** The program that runs in the copy. */
const runner = 'test/mutants/seeds.ts'
const { options } = ts.convertCompilerOptionsFromJson(
  { target: 'es2023', module: 'esnext', verbatimModuleSyntax: true, rewriteRelativeImportExtensions: true },
  root,
)

export class Copy {
  readonly #folder = mkdtempSync(join(tmpdir(), 'raftgen-teeth-'))

  constructor() {
    const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    for (const name of names) if (name.endsWith('.ts')) this.#emit(join('src', name), readSource(join('src', name)))
    this.#emit(runner, readSource(runner))
    writeFileSync(join(this.#folder, 'package.json'), readSource('package.json'))
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'))
  }

  /** The program to be run. */
  get program(): string {
    return join(this.#folder, outputOf(runner))
  }

  /** Runs `run` while the copy is broken in this way. */
  async broken<T>(mutant: Mutant, run: () => Promise<T>): Promise<T> {
    const { file } = mutant
    const source = readSource(file)
    this.#emit(file, brokenSource(mutant, source))
    try {
      return await run()
    } finally {
      this.#emit(file, source)
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }

  #emit(name: string, source: string): void {
    const path = join(this.#folder, outputOf(name))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, ts.transpileModule(source, { compilerOptions: options, fileName: name }).outputText)
  }
}

/** Throws where what is replaced does not stand there just once. */
export function brokenSource({ file, find, replace }: Mutant, source: string): string {
  const parts = source.split(find)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places that read ${JSON.stringify(find)}, there must be one`)
  return parts.join(replace)
}

const outputOf = (name: string): string => name.replace(/\.ts$/, '.js')
const readSource = (name: string): string => readFileSync(join(root, name), 'utf8')
