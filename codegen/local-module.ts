// Which file an import by a relative path means, as the loader of schemas finds it. Loads nothing.
import { statSync } from 'node:fs'

/** `./names.js` is written for `names.ts`, and extensions may be left out. `path`: absolute. Where nothing is there yet: what it would be. */
export function localModule(path: string): string {
  const stem = path.replace(/\.([cm]?)js$/, '.$1ts')
  const extended = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '/index.ts', '/index.js'].map((end) => `${path}${end}`)
  return [stem, path, ...extended].find(isFile) ?? stem
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
