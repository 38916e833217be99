// Commands in a log, in the words of the schema.
import type { Lock } from '../../codegen/lock.ts'
import type { Wire } from '../contract/v1/descriptor.ts'
import { unpackValue } from '../wire/value.ts'
import { LockReader } from '../../codegen/lock-reader.ts'

export interface DecodedCommand {
  readonly name: string
  /** Objects, arrays, Maps, and what they hold. */
  readonly input: unknown
}

/** The call that a command is: what is known of it without a schema. `undefined` when it is none of a generated client's. */
export function readCall(command: Uint8Array, version: number): { readonly tag: number; readonly input: Wire } | undefined {
  let call: Wire
  try {
    call = unpackValue(command)
  } catch {
    return undefined
  }
  if (!Array.isArray(call) || call.length !== 3) return undefined
  const [itsVersion, tag, input]: readonly Wire[] = call
  return itsVersion === version && typeof tag === 'number' ? { tag, input: input ?? null } : undefined
}

export class CommandDecoder {
  readonly #lock: Lock
  readonly #readers = new Map<number, LockReader>()

  constructor(lock: Lock) {
    this.#lock = lock
  }

  /** Of all versions, sorted. */
  get commandNames(): readonly string[] {
    const names = Object.values(this.#lock.versions).flatMap(({ commands }) => Object.keys(commands))
    return [...new Set(names)].sort()
  }

  /** Throws an `Error` that says why, when the bytes are not those of a command of this lock. */
  decode(command: Uint8Array, version: number): DecodedCommand {
    const call = readCall(command, version)
    if (call === undefined) throw new Error('it is no call of a generated client')
    const locked = this.#lock.versions[version]
    if (locked === undefined) throw new Error(`the wire lock has no version ${version}`)
    const found = Object.entries(locked.commands).find(([, { tag }]) => tag === call.tag)
    if (found === undefined) throw new Error(`version ${version} in the wire lock has no command with tag ${call.tag}`)
    const [name, { input }] = found
    const reader = this.#readers.get(version) ?? new LockReader(locked)
    this.#readers.set(version, reader)
    return { name, input: reader.read({ kind: 'named', name: input }, call.input) }
  }
}
