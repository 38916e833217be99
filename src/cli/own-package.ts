// What this package knows of itself: read from its package.json, which is found from the sources and from `dist` alike.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of our package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export interface OwnPackage {
  readonly version: string
  readonly typebox: string
  /** Which Node is needed: `>=20.15`. */
  readonly node: string
}

export function ownPackage(): OwnPackage {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))
  return {
    version: textAt(manifest, ['version']),
    typebox: textAt(manifest, ['dependencies', 'typebox']),
    node: textAt(manifest, ['engines', 'node']),
  }
}

function textAt(value: unknown, path: readonly string[]): string {
  const [key, ...rest] = path
  if (key === undefined) {
    if (typeof value !== 'string') throw new TypeError('the package.json of raftgen is not as it was published')
    return value
  }
  const properties: ReadonlyMap<string, unknown> = new Map(Object.entries(value ?? {}))
  return textAt(properties.get(key), rest)
}
