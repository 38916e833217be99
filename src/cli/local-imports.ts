// The files a schema is made of: itself, and what it imports by a relative path, transitively.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Absolute paths, and what is in them; none for a file that is not there at the moment. */
export type SourceTexts = ReadonlyMap<string, string | undefined>

export function localImports(file: string): SourceTexts {
  const texts = new Map<string, string | undefined>()
  const visit = (path: string): void => {
    if (texts.has(path)) return
    const text = textOf(path)
    texts.set(path, text)
    for (const [, specifier = ''] of (text ?? '').matchAll(relativeImport)) visit(targetOf(resolve(dirname(path), specifier)))
  }
  visit(file)
  return texts
}

/** Also inside comments and strings: a file too many is watched, nothing worse. */
const relativeImport = /\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g

/** `./names.js` is written for `names.ts`, and extensions may be left out. */
function targetOf(path: string): string {
  const stem = path.replace(/\.([cm]?)js$/, '.$1ts')
  const candidates = [stem, path, `${path}.ts`, `${path}.mts`, `${path}/index.ts`]
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile()) ?? stem
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
