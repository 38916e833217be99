// The core under glass: the very sources of `src/core`, with their private fields made readable and nothing else changed. Whoever explores must
// compare states of cores, and a class with private fields shows none of them. So the sources are read, `#name` becomes `_name`, the types
// are stripped, and the result is loaded from a temporary folder. A mutant is the same with one text replaced.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { Raft, RaftOptions } from '../../src/core/index.ts'

/** Makes a core. */
export type CoreMaker = (options: RaftOptions) => Raft

/** One text of one file, which stands there exactly once, is replaced. */
export interface Patch {
  readonly file: string
  readonly find: string
  readonly replace: string
}

const root = join(import.meta.dirname, '../..')

/** Throws when a patch does not fit. */
export async function loadGlass(...patches: readonly Patch[]): Promise<CoreMaker> {
  const folder = mkdtempSync(join(tmpdir(), 'raftgen-glass-'))
  try {
    const left = new Set(patches)
    for (const file of sourceFiles()) {
      let source = readFileSync(join(root, file), 'utf8')
      for (const patch of left) {
        if (patch.file !== file) continue
        source = patched(source, patch)
        left.delete(patch)
      }
      const target = join(folder, file.replace(/\.ts$/, '.mjs'))
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, plain(source))
    }
    for (const { file } of left) throw new Error(`${file} is no file of the core`)
    const core: { readonly Raft: new (options: RaftOptions) => Raft } = await import(
      /* @vite-ignore */ pathToFileURL(join(folder, 'src/core/index.mjs')).href
    )
    return (options) => new core.Raft(options)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const sourceFiles = (): readonly string[] => [
  'src/errors.ts',
  ...readdirSync(join(root, 'src/core'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `src/core/${file}`),
]

function patched(source: string, { file, find, replace }: Patch): string {
  const parts = source.split(find)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places that read ${JSON.stringify(find)}, there must be one`)
  return parts.join(replace)
}

/** By source: mutants differ in one file. */
const known = new Map<string, string>()

/** JavaScript with readable fields. A private name stands after a dot, or at the start of a declaration. */
function plain(source: string): string {
  const before = known.get(source)
  if (before !== undefined) return before
  const readable = source.replace(/(?<=[.\s])#(?=[a-z])/g, '_')
  const { outputText } = ts.transpileModule(readable, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  })
  const code = outputText.replace(/(from\s+'[^']+)\.ts'/g, "$1.mjs'")
  known.set(source, code)
  return code
}
