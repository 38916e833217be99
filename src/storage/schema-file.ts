// What the entries and snapshots in a data directory mean, as the builds have said that ran on it:
//
//   data/1/schema.json        of each version what the wire lock says of it
//   data/1/schema.json.next   one that was being written
//
// For who looks into the directory. No node reads it, so nothing that is wrong with it stops one.
import { join } from 'node:path'
import { checksumOf, objectIn, readIfThere, replaceFile } from './checked-file.ts'
import { DamageError } from './damage.ts'

const schemaFile = 'schema.json'
/** Grows when the release before cannot read it any more. */
const schemaFormat = 1
const damageTodo = 'No node needs it: start this one, and it is written anew, with the versions that its build knows.'
const laterTodo = 'Use the version of raftgen that wrote it, or a later one.'

/** Nothing that is to be replaced. */
class LaterFormat extends DamageError {}

export interface KeptSchema {
  /** Name of the machine. */
  readonly machine: string
  /** Ascending. */
  readonly versions: readonly KeptVersion[]
}
export interface KeptVersion {
  readonly version: number
  /** JSON. */
  readonly text: string
}

export const schemaPath = (dir: string): string => join(dir, schemaFile)

/** `undefined` when no machine has left one. Errors: STORAGE_DAMAGED, also of what a later release wrote; anything else is an error of the system. */
export async function readSchema(dir: string): Promise<KeptSchema | undefined> {
  const text = await readIfThere(schemaPath(dir))
  return text === undefined ? undefined : decode(schemaPath(dir), text)
}

/**
 * Adds what `schema` says to what is there; durable when it resolves. A version that it does not have stays: a build that goes back takes nothing away.
 * What was damaged is replaced, and returned. Rejects with STORAGE_DAMAGED where a later release wrote it, and with what
 * the system says: then it is as it was.
 */
export async function keepSchema(dir: string, schema: KeptSchema): Promise<DamageError | undefined> {
  const [kept, damage] = await readSchema(dir).then(
    (found) => [found, undefined] as const,
    (cause: unknown) => {
      if (cause instanceof DamageError && !(cause instanceof LaterFormat)) return [undefined, cause] as const
      throw cause
    },
  )
  const before = kept?.machine === schema.machine ? kept.versions : []
  const text = encode({ machine: schema.machine, versions: merged(before, schema.versions) })
  if (kept === undefined || text !== encode(kept)) await replaceFile(dir, schemaFile, text)
  return damage
}

/** Of a version that both have, the later word counts, unless it is that of a build from before the version was frozen. */
function merged(before: readonly KeptVersion[], now: readonly KeptVersion[]): readonly KeptVersion[] {
  const all = new Map(before.map((one) => [one.version, one]))
  for (const one of now) {
    const there = all.get(one.version)
    const isOlder = there !== undefined && statusOf(there) === 'frozen' && statusOf(one) !== 'frozen' && wireOf(there) === wireOf(one)
    if (!isOlder) all.set(one.version, one)
  }
  return [...all.values()].sort((a, b) => a.version - b.version)
}

const fieldOf = ({ text }: KeptVersion, name: string): unknown => {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
const statusOf = (version: KeptVersion): unknown => fieldOf(version, 'status')
const wireOf = (version: KeptVersion): unknown => fieldOf(version, 'wire')

/** A version a line. */
function encode({ machine, versions }: KeptSchema): string {
  const parsed = versions.map(({ version, text }) => [version, JSON.parse(text)] as const)
  const lines = parsed.map(([version, schema]) => `    ${JSON.stringify(`${version}`)}: ${JSON.stringify(schema)}`)
  const checksum = checksumOf([schemaFormat, machine, parsed])
  const head = `{\n  "format": ${schemaFormat},\n  "machine": ${JSON.stringify(machine)},\n  "versions": {`
  return `${head}${lines.length === 0 ? '' : `\n${lines.join(',\n')}\n  `}},\n  "checksum": "${checksum}"\n}\n`
}

function decode(path: string, text: string): KeptSchema {
  const { format, machine, versions, checksum }: Parsed = objectIn(path, text, damageTodo)
  if (Number.isSafeInteger(format) && Number(format) > schemaFormat) {
    throw new LaterFormat(path, `it has format ${format}, this version reads up to ${schemaFormat}`, { todo: laterTodo })
  }
  if (format !== schemaFormat || typeof machine !== 'string' || typeof versions !== 'object' || versions === null)
    throw damaged(path, 'it does not hold a schema')
  const parsed = Object.entries(versions).map(([version, schema]): readonly [number, unknown] => [Number(version), schema])
  if (checksum !== checksumOf([format, machine, parsed])) throw damaged(path, 'it does not match its checksum')
  return { machine, versions: parsed.map(([version, schema]) => ({ version, text: JSON.stringify(schema) })) }
}

type Parsed = { readonly [name in 'format' | 'machine' | 'versions' | 'checksum']?: unknown }

const damaged = (path: string, what: string, cause?: unknown): DamageError => new DamageError(path, what, { todo: damageTodo, cause })
