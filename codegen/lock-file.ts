// Reading and writing the wire lock, and what it forbids.
import type { Draft } from './draft.ts'
import type { Evaluator } from './evaluate.ts'
import { type Lock, type LockedField, type LockedVersion, lockVersion } from './lock.ts'

export interface LockProblem {
  readonly code: string
  readonly message: string
  readonly hint: string
}
export type LockRead =
  | { readonly kind: 'read'; readonly lock: Lock | undefined }
  | { readonly kind: 'unreadable'; readonly problem: LockProblem }
export type LockPlan =
  | { readonly kind: 'planned'; readonly lock: Lock; readonly version: LockedVersion }
  | { readonly kind: 'refused'; readonly problem: LockProblem }

/** `text` as it is on the disk; none when there is no lock yet. */
export function readLock(text: string | undefined, machine: string): LockRead {
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
  if (parsed.machine !== machine)
    return unreadable(`the wire lock belongs to the machine ${parsed.machine}`, 'Restore it from version control, or move it away.')
  return { kind: 'read', lock: parsed }
}

const unreadable = (message: string, hint: string): LockRead => ({
  kind: 'unreadable',
  problem: { code: 'LOCK_UNREADABLE', message, hint },
})

function isLock(value: unknown): value is Lock {
  if (typeof value !== 'object' || value === null || Reflect.get(value, 'lock') !== 1 || typeof Reflect.get(value, 'machine') !== 'string')
    return false
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
  const version = lockVersion(draft, base, evaluator)
  if (base !== undefined && base.status === 'frozen' && latest === draft.version) {
    const changed = base.wire === version.wire ? defaultChange(base, version) : firstChange(base, version)
    if (changed !== undefined) {
      const hint = `Set version: ${latest + 1}. Existing data directories of version ${latest} cannot be opened by version ${latest + 1} yet.`
      return refused('LOCK_FROZEN', `version ${latest} is frozen, and ${changed}`, hint)
    }
    // Types may have got other names: those are not on the wire.
    const frozen: LockedVersion = { ...version, status: 'frozen' }
    return { kind: 'planned', lock: lockOf(draft, lock, frozen), version: frozen }
  }
  return { kind: 'planned', lock: lockOf(draft, lock, version), version }
}

const refused = (code: string, message: string, hint: string): LockPlan => ({ kind: 'refused', problem: { code, message, hint } })

function lockOf(draft: Draft, lock: Lock | undefined, version: LockedVersion): Lock {
  return { lock: 1, machine: draft.name, versions: { ...lock?.versions, [draft.version]: version } }
}

/** What a reader should look at first. */
function firstChange(before: LockedVersion, after: LockedVersion): string {
  const operations = [
    ...changes('command', before.commands, after.commands),
    ...changes('query', before.queries, after.queries),
    ...changes('error', before.errors, after.errors),
    ...fieldChanges('state', before.state, after.state),
  ]
  for (const [name, error] of Object.entries(before.errors))
    operations.push(...fieldChanges(name, error.fields, after.errors[name]?.fields ?? []))
  for (const [name, type] of Object.entries(before.types)) {
    const now = after.types[name]
    if ('fields' in type && now !== undefined && 'fields' in now) operations.push(...fieldChanges(name, type.fields, now.fields))
    else if (now !== undefined && JSON.stringify(type) !== JSON.stringify(now)) operations.push(`the type ${name} has changed`)
  }
  return operations[0] ?? 'the types of its operations have changed'
}

function changes(what: string, before: Readonly<Record<string, object>>, after: Readonly<Record<string, object>>): readonly string[] {
  const gone = Object.keys(before)
    .filter((name) => !Object.hasOwn(after, name))
    .map((name) => `the ${what} ${name} is gone`)
  const added = Object.keys(after)
    .filter((name) => !Object.hasOwn(before, name))
    .map((name) => `the ${what} ${name} is new`)
  return [...gone, ...added]
}

function fieldChanges(owner: string, before: readonly LockedField[], after: readonly LockedField[]): readonly string[] {
  const now = new Map(after.map((field) => [field.name, field]))
  const changed = before.flatMap((field) => {
    const other = now.get(field.name)
    if (other === undefined) return [`the field ${owner}.${field.name} is gone`]
    if (other.type !== field.type) return [`the field ${owner}.${field.name} was ${field.type} and is ${other.type}`]
    return other.optional === field.optional
      ? []
      : [`the field ${owner}.${field.name} was ${field.optional === true ? 'optional' : 'required'} and no longer is`]
  })
  const known = new Set(before.map((field) => field.name))
  return [...changed, ...after.filter((field) => !known.has(field.name)).map((field) => `the field ${owner}.${field.name} is new`)]
}

/** A default that is another one now: entries that were written with the old one are already in logs. */
function defaultChange(before: LockedVersion, after: LockedVersion): string | undefined {
  for (const [name, type] of Object.entries(before.types)) {
    const now = after.types[name]
    if (!('fields' in type) || now === undefined || !('fields' in now)) continue
    for (const field of type.fields) {
      const other = now.fields.find((candidate) => candidate.name === field.name)
      const [was, is] = [JSON.stringify(field.default), JSON.stringify(other?.default)]
      if (other !== undefined && was !== is) return `the default of ${name}.${field.name} was ${was ?? 'none'} and is ${is ?? 'none'}`
    }
  }
  return undefined
}

/** JSON with one field, variant or operation a line: a review shows what changed. */
export function lockText(lock: Lock): string {
  return `${write(lock, '', 0)}\n`
}

function write(value: unknown, indent: string, depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const flat = inline(value)
  // Whole sections are spread out however short they are, so that the next entry is one more line.
  if ((depth > 3 || (depth === 3 && Array.isArray(value))) && indent.length + flat.length <= 120) return flat
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
