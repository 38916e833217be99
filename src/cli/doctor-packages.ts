// Node, raftgen and TypeBox, as a project has them installed.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DoctorFinding } from './doctor-check.ts'
import { ownPackage, packageRoot } from './own-package.ts'
import { shownPath } from './terminal.ts'

/** `folders`: of the schemas. */
export function packageFindings(folders: readonly string[]): readonly DoctorFinding[] {
  return [nodeFinding(process.versions.node), ...raftgenFindings(folders), ...typeboxFindings(folders)]
}

/** The oldest Node that is supported: `engines` of our package. */
export function nodeFinding(version: string): DoctorFinding {
  const { node } = ownPackage()
  const [major = 0, minor = 0] = numbersOf(version)
  const [oldestMajor = 0, oldestMinor = 0] = numbersOf(node.replace(/^\D+/, ''))
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return { check: 'node', state: 'ok', message: version }
  return { check: 'node', state: 'error', message: `Node ${version}, and raftgen needs ${node}`, wayOut: 'Install a newer Node.' }
}

const numbersOf = (version: string): readonly number[] => version.split('.').map(Number)

interface Installed {
  /** Absolute, without symbolic links. */
  readonly folder: string
  readonly version: string
}

function raftgenFindings(folders: readonly string[]): readonly DoctorFinding[] {
  const { version } = ownPackage()
  const running = realpathSync(packageRoot())
  const isOwn = folders.every((folder) => realpathSync(folder).startsWith(running))
  const found = folders.map((folder) => installed(folder, 'raftgen'))
  if (!isOwn && found.includes(undefined)) {
    const message = 'raftgen is not installed in the project, and generated code imports it'
    return [{ check: 'raftgen', state: 'error', message, wayOut: 'npm install raftgen' }]
  }
  const copies = distinct([...found, ...folders.flatMap((folder) => nested(folder, 'raftgen'))])
  const [first, second] = copies
  if (first !== undefined && second !== undefined) {
    const message = `there are ${copies.length} copies of raftgen: ${copies.map((one) => `${one.version} in ${shownPath(one.folder)}`).join(', ')}`
    return [{ check: 'raftgen', state: 'error', message, wayOut: 'Have one: `npm ls raftgen` says who wants the others; `npm dedupe`.' }]
  }
  if (first !== undefined && first.version !== version) {
    const message = `the project has raftgen ${first.version}, and the one that runs is ${version}`
    return [{ check: 'raftgen', state: 'error', message, wayOut: 'Run that of the project: npx raftgen.' }]
  }
  return [{ check: 'raftgen', state: 'ok', message: version }]
}

function typeboxFindings(folders: readonly string[]): readonly DoctorFinding[] {
  const { typebox } = ownPackage()
  const found = distinct(folders.map((folder) => installed(folder, 'typebox')))
  const [first] = found
  if (first === undefined) {
    return [
      { check: 'typebox', state: 'error', message: 'TypeBox is not installed in the project', wayOut: `npm install typebox@${typebox}` },
    ]
  }
  const other = found.find(({ version }) => minorOf(version) !== minorOf(typebox))
  if (other === undefined) return [{ check: 'typebox', state: 'ok', message: first.version }]
  const message = `TypeBox ${other.version} in ${shownPath(other.folder)}, and raftgen was made for ${typebox}`
  return [{ check: 'typebox', state: 'warning', message, wayOut: `npm install typebox@${typebox}` }]
}

const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.')

function distinct(found: readonly (Installed | undefined)[]): readonly Installed[] {
  return [...new Map(found.flatMap((one) => (one === undefined ? [] : [[one.folder, one] as const]))).values()]
}

/** As an import in `folder` would find it. */
function installed(folder: string, name: string): Installed | undefined {
  const here = installedIn(join(folder, 'node_modules', name))
  if (here !== undefined) return here
  return dirname(folder) === folder ? undefined : installed(dirname(folder), name)
}

/** Copies that other packages have brought for themselves. */
function nested(folder: string, name: string): readonly (Installed | undefined)[] {
  const modules = join(folder, 'node_modules')
  const above = dirname(folder) === folder ? [] : nested(dirname(folder), name)
  if (!existsSync(modules)) return above
  const packages = readdirSync(modules).flatMap((entry) =>
    entry.startsWith('@') ? readdirSync(join(modules, entry)).map((inner) => join(entry, inner)) : [entry],
  )
  return [...packages.map((other) => (other === name ? undefined : installedIn(join(modules, other, 'node_modules', name)))), ...above]
}

function installedIn(folder: string): Installed | undefined {
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) return undefined
  const { version }: { readonly version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
  return { folder: realpathSync(folder), version }
}
