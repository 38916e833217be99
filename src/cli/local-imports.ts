// The files a schema is made of: itself, and what it imports by a relative path, transitively.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { localModule } from '../../codegen/local-module.ts'

/** Absolute paths, and what is in them; none for a file that is not there at the moment. */
export type SourceTexts = ReadonlyMap<string, string | undefined>

export function localImports(file: string): SourceTexts {
  const texts = new Map<string, string | undefined>()
  const visit = (path: string): void => {
    if (texts.has(path)) return
    const text = textOf(path)
    texts.set(path, text)
    for (const [, specifier = ''] of (text ?? '').matchAll(relativeImport)) visit(localModule(resolve(dirname(path), specifier)))
  }
  visit(file)
  return texts
}

/** Also inside comments and strings: a file too many is watched, nothing worse. */
const relativeImport = /\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
