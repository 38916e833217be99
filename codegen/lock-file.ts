// Reading and writing the wire lock, and what it forbids.
import type { VersionSchema } from '../src/contract/v1/descriptor.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { Draft } from './draft.ts'
import type { Evaluator } from './evaluate.ts'
import { frozenChange } from './frozen-change.ts'
import type { Lock, LockedVersion } from './lock.ts'
import { lockVersion } from './lock-version.ts'

export type LockProblem = Pick<Diagnostic, 'code' | 'message' | 'hint'>
export type LockRead =
  | { readonly kind: 'read'; readonly lock: Lock | undefined }
  | { readonly kind: 'unreadable'; readonly problem: LockProblem }
export type LockPlan =
  | { readonly kind: 'planned'; readonly lock: Lock; readonly version: LockedVersion }
  | { readonly kind: 'refused'; readonly problem: LockProblem }

/** `text` as it is on the disk; none when there is no lock yet. `machine`: whose it has to be, where that matters. */
export function readLock(text: string | undefined, machine: string | undefined): LockRead {
  if (text === undefined) return { kind: 'read', lock: undefined }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    const conflict = text.includes('<<<<<<<')
    return unreadable(
      conflict ? 'the wire lock has merge conflicts' : 'the wire lock is not JSON',
      'Restore it from version control; where two branches meet, take one side and run raftgen again.',
    )
  }
  if (!isLock(parsed))
    return unreadable(
      'the wire lock is not one that this release of raftgen can read',
      'Restore it from version control, or use the release that wrote it.',
    )
  if (machine !== undefined && parsed.machine !== machine)
    return unreadable(`the wire lock belongs to the machine ${parsed.machine}`, 'Restore it from version control, or move it away.')
  const twice = sameTag(parsed.versions)
  if (twice !== undefined) {
    const hint = 'Two branches have added them. Take the wire lock of one side from version control, and run raftgen again.'
    return { kind: 'unreadable', problem: { code: 'LOCK_CONFLICT', message: twice, hint } }
  }
  return { kind: 'read', lock: parsed.lock === 2 ? parsed : upgraded(parsed) }
}

/** What a merge leaves that found no conflict in the text. */
function sameTag(versions: Lock['versions']): string | undefined {
  for (const [number, version] of Object.entries(versions)) {
    for (const list of ['commands', 'queries', 'errors'] as const) {
      const names = new Map<number, string>()
      const given = Object.entries(version[list]).map(([name, { tag }]) => [name, tag] as const)
      for (const [name, tag] of [...given, ...Object.entries(version.retired[list])]) {
        const other = names.get(tag)
        if (other !== undefined) return `version ${number} in the wire lock has ${other} and ${name} in ${list}, both with the tag ${tag}`
        names.set(tag, name)
      }
    }
  }
  return undefined
}

/** Written before bounds were in it. */
function upgraded({ machine, versions }: FirstLock): Lock {
  const partial = ({ status, ...rest }: LockedVersion): LockedVersion => ({ status, partial: true, ...rest })
  return { lock: 2, machine, versions: Object.fromEntries(Object.entries(versions).map(([number, version]) => [number, partial(version)])) }
}
type FirstLock = Omit<Lock, 'lock'> & { readonly lock: 1 }

const unreadable = (message: string, hint: string): LockRead => ({
  kind: 'unreadable',
  problem: { code: 'LOCK_UNREADABLE', message, hint },
})

function isLock(value: unknown): value is Lock | FirstLock {
  if (typeof value !== 'object' || value === null || ![1, 2].includes(Reflect.get(value, 'lock'))) return false
  if (typeof Reflect.get(value, 'machine') !== 'string') return false
  const versions: unknown = Reflect.get(value, 'versions')
  if (typeof versions !== 'object' || versions === null) return false
  return Object.entries(versions).every(([number, version]) => /^[1-9]\d*$/.test(number) && isVersion(version))
}

const sections = ['commands', 'queries', 'errors', 'types', 'retired', 'state']
const isVersion = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  ['open', 'frozen'].includes(String(Reflect.get(value, 'status'))) &&
  typeof Reflect.get(value, 'wire') === 'string' &&
  sections.every((section) => typeof Reflect.get(value, section) === 'object' && Reflect.get(value, section) !== null)

/** The lock as it is to be after this run. */
export function planLock(draft: Draft, lock: Lock | undefined, evaluator: Evaluator): LockPlan {
  const numbers = Object.keys(lock?.versions ?? {}).map(Number)
  const latest = Math.max(0, ...numbers)
  const base = lock?.versions[latest]
  if (draft.version < latest) {
    return refused(
      'LOCK_VERSION',
      `the schema has version ${draft.version}, the wire lock ${latest} already`,
      `Set version: ${latest}, or more.`,
    )
  }
  if (base !== undefined && base.status === 'open' && latest < draft.version) {
    const hint = `Run raftgen freeze on version ${latest} first, or keep version: ${latest} while it has never been used in earnest.`
    return refused('LOCK_VERSION', `the schema has version ${draft.version}, and version ${latest} in the wire lock is still open`, hint)
  }
  const previous = lock?.versions[Math.max(0, ...numbers.filter((number) => number < draft.version))]
  const frozen = base?.status === 'frozen' && latest === draft.version ? base : undefined
  const version = lockVersion(draft, { base, previous, frozen }, evaluator)
  if (frozen === undefined) return { kind: 'planned', lock: lockOf(draft, lock, version), version }
  const changed = frozenChange(frozen, version)
  if (changed !== undefined) {
    const hint = `Set version: ${latest + 1}. The next run then tells which edits need a migration.`
    return refused('LOCK_FROZEN', `version ${latest} is frozen, and ${changed}`, hint)
  }
  // Types may have got other names: those are not on the wire. What an older release left out is filled in.
  const kept: LockedVersion = { ...version, status: 'frozen' }
  return { kind: 'planned', lock: lockOf(draft, lock, kept), version: kept }
}

const refused = (code: LockProblem['code'], message: string, hint: string): LockPlan => ({
  kind: 'refused',
  problem: { code, message, hint },
})

function lockOf(draft: Draft, lock: Lock | undefined, version: LockedVersion): Lock {
  return { lock: 2, machine: draft.name, versions: { ...lock?.versions, [draft.version]: version } }
}

/** What it says of each version, for whoever has its data and not the lock. */
export const schemaTexts = ({ versions }: Lock): readonly VersionSchema[] =>
  Object.entries(versions).map(([number, version]) => ({ version: Number(number), text: JSON.stringify(version) }))

/** JSON with one field, variant or operation a line: a review shows what changed. */
export function lockText(lock: Lock): string {
  return `${write(lock, '', 0)}\n`
}

function write(value: unknown, indent: string, depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  // Whole sections are spread out however short they are, so that the next entry is one more line.
  if (depth > 3 || (depth === 3 && Array.isArray(value))) {
    const flat = inline(value)
    if (indent.length + flat.length <= 120) return flat
  }
  const inner = `${indent}  `
  if (Array.isArray(value))
    return value.length === 0 ? '[]' : `[\n${value.map((item) => inner + write(item, inner, depth + 1)).join(',\n')}\n${indent}]`
  const entries = Object.entries(value)
  if (entries.length === 0) return '{}'
  return `{\n${entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${write(item, inner, depth + 1)}`).join(',\n')}\n${indent}}`
}

function inline(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  const entries = Object.entries(value)
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`).join(', ')} }`
}
