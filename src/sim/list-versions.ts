// The machine of the swarm in two versions of its schema: a build knows the first of them, or both. Version 2 has a command more, one byte more in each
// command, and a state of another shape: it also counts how often each list was changed, from the activation on.
import { RaftgenError } from '../errors.ts'
import type { Admission, Evolution, KnownVersion, Lowering } from '../machine/evolution.ts'
import { type Digest, DigestSum, FieldDigest } from '../machine/field-digest.ts'
import type { MachineIdentity } from '../session/api.ts'
import type { OlderForms } from '../session/caller.ts'
import type { ApplyContext, StateMachine } from '../machine/state-machine.ts'
import { ByteReader, ByteWriter } from '../wire/bytes.ts'
import { decodeListCommand, encodeListCommand, type ListCommand, ListMachine, type ListMachineOptions } from './list-machine.ts'

export const listVersions: readonly KnownVersion[] = [
  { version: 1, wire: 'lists-1' },
  { version: 2, wire: 'lists-2' },
]

/** What the first version has no words for. */
const isNew = ({ kind }: Pick<ListCommand, 'kind'>): boolean => kind === 'stamp'
const commandBytes = 8

/** A command in version 2. */
export const encodeListCommand2 = (command: ListCommand): Uint8Array => Uint8Array.of(...encodeListCommand(command), 2)

/** The same in version 1. Throws where that has no words for it. */
export function lowerListCommand(command: Uint8Array): Uint8Array {
  const lowered = command.slice(0, commandBytes)
  if (isNew(decodeListCommand(lowered))) throw new Error('version 1 has no stamps')
  return lowered
}

/** What a client makes of its commands that was generated for some version. */
export interface ClientForms {
  readonly machine: MachineIdentity
  /** A command of version 2 as this client calls it. */
  own(command: Uint8Array): Uint8Array
  /** What it may send in its place; each is told to `made`. */
  older(command: Uint8Array, made: (lowered: Uint8Array) => void): OlderForms
}

/** A client of version 1 has appends for stamps. */
export function clientForms(version: number): ClientForms {
  const { wire } = listVersions.find((known) => known.version === version) ?? { wire: '' }
  return {
    machine: { name: 'lists', version, wire },
    own: (command) => {
      if (version > 1) return command
      const { kind, ...rest } = decodeListCommand(command.slice(0, commandBytes))
      return encodeListCommand({ kind: kind === 'stamp' ? 'append' : kind, ...rest })
    },
    older: (command, made) => ({
      version,
      encode: () => {
        const lowered = lowerListCommand(command)
        made(lowered)
        return lowered
      },
    }),
  }
}

const versionOf = (command: Uint8Array): number => (command.length > commandBytes ? (command[commandBytes] ?? 0) : 1)

export class ListsOfVersions implements StateMachine, Evolution {
  readonly name = 'lists'
  readonly version: number
  readonly wire: string
  readonly known: readonly KnownVersion[]
  readonly evolution: Evolution = this
  readonly failedReply: Uint8Array
  readonly frozenSnapshotParts?: () => Iterable<Uint8Array>
  readonly #options: ListMachineOptions
  #lists: ListMachine
  /** Of version 2: by list. */
  #changes: Map<number, number> | undefined
  readonly #counted = new FieldDigest(1, (count) => count)
  readonly #sum = new DigestSum()

  constructor(newest: number, options: ListMachineOptions = {}) {
    this.known = listVersions.filter(({ version }) => version <= newest)
    this.version = newest
    this.wire = this.known.at(-1)?.wire ?? ''
    this.#options = options
    this.#lists = new ListMachine(options)
    this.failedReply = this.#lists.failedReply
    if (options.isFrozen === true) {
      this.frozenSnapshotParts = () => {
        const [head, parts] = [this.#head(), this.#lists.frozenSnapshotParts?.() ?? []]
        return chained(head, parts)
      }
    }
    this.begin(newest)
  }

  get active(): number {
    return this.#changes === undefined ? 1 : 2
  }

  begin(version: number): void {
    this.#check(version)
    this.#lists = new ListMachine(this.#options)
    this.#count(version === 2 ? new Map() : undefined)
  }

  *raise(version: number): Generator<void, void> {
    this.#check(version)
    const changes = new Map<number, number>()
    for (const key of this.#lists.keys) {
      changes.set(key, 0)
      yield
    }
    this.#count(changes)
  }

  admit(kind: 'command' | 'query', call: Uint8Array): Admission {
    if (kind === 'query') {
      const problem = this.#lists.checkQuery(call)
      return problem === undefined ? { kind: 'admitted', call } : { kind: 'refused', code: 'INVALID_INPUT', message: problem }
    }
    const version = versionOf(call)
    if (version > this.active) {
      const message = `the command is of version ${version}, in force is ${this.active}`
      return { kind: 'refused', code: 'NOT_YET_ACTIVE', message, isKnown: version <= this.version }
    }
    const bare = call.slice(0, commandBytes)
    const problem = this.#lists.check(bare) ?? (version === 1 && isNew(decodeListCommand(bare)) ? 'version 1 has no stamps' : undefined)
    if (problem !== undefined) return { kind: 'refused', code: 'INVALID_INPUT', message: problem }
    return { kind: 'admitted', call: version === this.active ? call : encodeListCommand2(decodeListCommand(bare)) }
  }

  lower(_kind: 'command' | 'query', _call: Uint8Array, reply: Uint8Array): Lowering {
    return { kind: 'lowered', reply }
  }

  /** One of version 1 may come after the activation. */
  apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    const version = versionOf(command)
    if (version > this.active) throw new Error(`a command of version ${version} is applied while ${this.active} is in force`)
    const bare = command.slice(0, commandBytes)
    const { kind, key } = decodeListCommand(bare)
    if (this.#changes !== undefined && kind !== 'spoil') this.#put(this.#changes, key, (this.#changes.get(key) ?? 0) + 1)
    return this.#lists.apply(bare, context)
  }

  query(query: Uint8Array): Uint8Array {
    return this.#lists.query(query)
  }

  get digest(): Digest {
    this.#sum.reset()
    this.#sum.add(this.#lists.digest)
    this.#sum.add(this.#counted.sum)
    return this.#sum
  }

  snapshot(): Uint8Array {
    return Buffer.concat([this.#head(), this.#lists.snapshot()])
  }

  *snapshotParts(): Generator<Uint8Array> {
    yield this.#head()
    yield* this.#lists.snapshotParts()
  }

  restoreSnapshot(snapshot: Uint8Array): void {
    const reader = new ByteReader(snapshot)
    const version = reader.u8('version')
    this.#check(version)
    const changes = new Map<number, number>()
    for (let left = reader.count(5, 'counts'); left > 0; left--) changes.set(reader.u8('key'), reader.u32('changes'))
    this.#lists.restoreSnapshot(reader.raw(reader.remaining, 'lists'))
    this.#count(version === 2 ? changes : undefined)
  }

  #head(): Uint8Array {
    const writer = new ByteWriter(64)
    const changes = [...(this.#changes ?? [])].sort(([a], [b]) => a - b)
    writer.u8(this.active)
    writer.u32(changes.length)
    for (const [key, count] of changes) {
      writer.u8(key)
      writer.u32(count)
    }
    return writer.take()
  }

  #check(version: number): void {
    if (this.known.some((known) => known.version === version)) return
    throw new RaftgenError('VERSION_UNKNOWN', `this build of lists knows version ${this.version}, not ${version}`)
  }

  #count(changes: Map<number, number> | undefined): void {
    for (const key of this.#changes?.keys() ?? []) this.#counted.replace(key, this.#changes?.get(key), undefined)
    this.#changes = changes
    for (const [key, count] of changes ?? []) this.#counted.replace(key, undefined, count)
  }

  #put(changes: Map<number, number>, key: number, count: number): void {
    this.#counted.replace(key, changes.get(key), count)
    changes.set(key, count)
  }
}

function* chained(head: Uint8Array, parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield head
  yield* parts
}
