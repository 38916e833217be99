// The machine of the swarm: lists by key. Everything that was ever appended is in the replies, as a hash over the whole list, so an order
// that differs, a value twice or a value lost shows in the very next answer. It also uses what the context gives.
import { assert } from '../core/invariant.ts'
import { type Digest, FieldDigest } from '../machine/field-digest.ts'
import type { ApplyContext, StateMachine } from '../machine/state-machine.ts'
import { ByteReader, ByteWriter } from '../wire/bytes.ts'

export type ListCommand =
  | { readonly kind: 'append'; readonly key: number; readonly value: number }
  /** Empties the list. */
  | { readonly kind: 'clear'; readonly key: number; readonly value: number }
  /** Names another last value, and changes nothing else. Only in version 2 (`list-versions.ts`). */
  | { readonly kind: 'stamp'; readonly key: number; readonly value: number }
  /** Its handler throws. */
  | { readonly kind: 'spoil'; readonly key: number; readonly value: number }

export interface ListAnswer {
  readonly length: number
  /** Over all values, in their order. */
  readonly hash: number
  /** The value appended last; 0 when there is none. */
  readonly last: number
}

const answerBytes = 14
const ballastPartBytes = 16 * 1_024

const kinds = ['append', 'clear', 'spoil', 'stamp'] as const satisfies readonly ListCommand['kind'][]

export function encodeListCommand({ kind, key, value }: ListCommand): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes[0] = kinds.indexOf(kind)
  bytes[1] = key
  bytes.writeUIntBE(value, 2, 6)
  return bytes
}

export function decodeListCommand(command: Uint8Array): ListCommand {
  const reader = new ByteReader(command)
  const kind = kinds[reader.u8('kind')]
  assert(kind !== undefined, 'the command is one of lists')
  return { kind, key: reader.u8('key'), value: reader.u48('value') }
}

/** What comes of a list. */
export function nextList({ length, hash }: ListAnswer, { kind, value }: Pick<ListCommand, 'kind' | 'value'>): ListAnswer {
  if (kind === 'clear') return emptyList
  return kind === 'stamp' ? { length, hash, last: value } : { length: length + 1, hash: mix(hash, value), last: value }
}

const emptyList: ListAnswer = { length: 0, hash: 0, last: 0 }

export const encodeListQuery = (key: number): Uint8Array => Uint8Array.of(key)

export function decodeListAnswer(reply: Uint8Array): ListAnswer {
  const reader = new ByteReader(reply)
  return { length: reader.u32('length'), hash: reader.u32('hash'), last: reader.u48('last value') }
}

export interface ListMachineOptions {
  /** How much its snapshots are larger than they need to be. Default 0. */
  readonly ballastBytes?: number
  /** Its snapshots are of a frozen state, and hold nothing up. Default false. */
  readonly isFrozen?: boolean
}

export class ListMachine implements StateMachine {
  readonly name = 'lists'
  readonly version = 1
  readonly wire = 'lists-1'
  readonly failedReply = new Uint8Array(answerBytes).fill(0xff)
  readonly #lists = new Map<number, ListAnswer>()
  readonly #digest = new FieldDigest(0, (list) => (isList(list) ? [list.length, list.hash, list.last] : list))
  /** Over what the context gave: it is the same on all replicas, or the states differ. */
  #chances = 0
  readonly #ballastBytes: number
  readonly frozenSnapshotParts?: () => Iterable<Uint8Array>

  constructor({ ballastBytes = 0, isFrozen = false }: ListMachineOptions = {}) {
    this.#ballastBytes = ballastBytes
    if (isFrozen) this.frozenSnapshotParts = () => this.#copy().snapshotParts()
  }

  /** Of the lists that are not empty. */
  get keys(): readonly number[] {
    return [...this.#lists.keys()].sort((a, b) => a - b)
  }

  check(command: Uint8Array): string | undefined {
    return command.length === 8 && kinds[command[0] ?? 255] !== undefined ? undefined : 'the command is not one of lists'
  }

  checkQuery(query: Uint8Array): string | undefined {
    return query.length === 1 ? undefined : 'the query is not one of lists'
  }

  apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    const { kind, key, value } = decodeListCommand(command)
    if (kind === 'spoil') {
      context.report({ command: 'spoil', message: `list ${key} is spoilt`, stack: undefined })
      return this.failedReply
    }
    this.#chance(mix(this.#chances, context.now + Math.floor(context.random() * 1_000)))
    this.#put(key, kind === 'clear' ? undefined : nextList(this.#lists.get(key) ?? emptyList, { kind, value }))
    return this.#answer(key)
  }

  get digest(): Digest {
    return this.#digest.sum
  }

  #put(key: number, list: ListAnswer | undefined): void {
    this.#digest.replace(key, this.#lists.get(key), list)
    if (list === undefined) this.#lists.delete(key)
    else this.#lists.set(key, list)
  }

  #chance(chances: number): void {
    this.#digest.replace('', this.#chances, chances)
    this.#chances = chances
  }

  query(query: Uint8Array): Uint8Array {
    return this.#answer(query[0] ?? 0)
  }

  snapshot(): Uint8Array {
    return Buffer.concat([...this.snapshotParts()])
  }

  /** Each part is of the state as it is when it is asked for: one that has changed meanwhile gives parts that do not fit together. */
  *snapshotParts(): Generator<Uint8Array> {
    const writer = new ByteWriter(256)
    writer.u32(this.#chances)
    writer.u32(this.#lists.size)
    for (const key of [...this.#lists.keys()].sort((a, b) => a - b)) {
      writer.u8(key)
      writer.raw(this.#answer(key))
    }
    yield writer.take()
    // Another one in each state, so that pieces of two snapshots do not fit together.
    for (let left = this.#ballastBytes; left > 0; left -= ballastPartBytes) {
      yield new Uint8Array(Math.min(left, ballastPartBytes)).fill(this.#chances % 256)
    }
  }

  /** A list is replaced, never changed. */
  #copy(): ListMachine {
    const copy = new ListMachine({ ballastBytes: this.#ballastBytes })
    for (const [key, list] of this.#lists) copy.#lists.set(key, list)
    copy.#chances = this.#chances
    return copy
  }

  restoreSnapshot(snapshot: Uint8Array): void {
    const reader = new ByteReader(snapshot)
    this.#chance(reader.u32('chances'))
    for (const key of [...this.#lists.keys()]) this.#put(key, undefined)
    for (let left = reader.count(15, 'lists'); left > 0; left--) {
      this.#put(reader.u8('key'), { length: reader.u32('length'), hash: reader.u32('hash'), last: reader.u48('last value') })
    }
    reader.raw(this.#ballastBytes, 'ballast')
    reader.end('a snapshot of lists')
  }

  #answer(key: number): Uint8Array {
    const { length, hash, last } = this.#lists.get(key) ?? emptyList
    const bytes = Buffer.alloc(answerBytes)
    bytes.writeUInt32BE(length, 0)
    bytes.writeUInt32BE(hash, 4)
    bytes.writeUIntBE(last, 8, 6)
    return bytes
  }
}

const isList = (value: unknown): value is ListAnswer => typeof value === 'object'

const mix = (hash: number, value: number): number => (Math.imul(hash ^ value, 0x01000193) ^ (hash >>> 11)) >>> 0
