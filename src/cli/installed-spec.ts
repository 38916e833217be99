// How raftgen is installed where a project is made: from a tarball, a folder or git, the new project takes it from there, too, since the
// registry may not have it.
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'

/**
 * What the nearest package.json above `target` says of raftgen, its path as seen from `target`. None where no package.json names it, or one
 * names it by a version.
 */
export function installedSpec(target: string): string | undefined {
  for (let folder = dirname(target); ; folder = dirname(folder)) {
    const spec = specIn(folder)
    if (spec !== undefined) return specFrom(target, folder, spec)
    if (dirname(folder) === folder) return undefined
  }
}

function specIn(folder: string): string | undefined {
  let manifest: unknown
  try {
    manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  } catch {
    // None there, or none that could be read: whoever needs it will say so.
    return undefined
  }
  const specs = ['dependencies', 'devDependencies'].map((section) => propertyOf(propertyOf(manifest, section), 'raftgen'))
  return specs.find((spec) => typeof spec === 'string')
}

const propertyOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined

/** Of a path: `file:x.tgz`, `link:../x`, `./x`, `/x`. */
const pathSpec = /^(file:|link:|(?=\.{0,2}\/))(.*)$/
/** A repository or the address of a tarball: the same from everywhere. */
const addressSpec = /^(git\b.*:|https?:|github:|gitlab:|bitbucket:|[\w-]+\/[\w.-]+(#|$))/

function specFrom(target: string, folder: string, spec: string): string | undefined {
  const [, scheme = '', path] = pathSpec.exec(spec) ?? []
  if (path === undefined) return addressSpec.test(spec) ? spec : undefined
  if (isAbsolute(path) || path.startsWith('~')) return spec
  const seen = relative(target, resolve(folder, path)).split(sep).join('/')
  return `${scheme === '' ? 'file:' : scheme}${seen}`
}
