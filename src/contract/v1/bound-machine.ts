// One version of a machine at work, with its state: bytes to typed calls and back, each command in a transaction.
import { InvariantError } from '../../core/invariant.ts'
import { RaftgenError } from '../../errors.ts'
import type { Digest } from '../../machine/field-digest.ts'
import { checkInPlace } from '../../machine/own-bytes.ts'
import { isFailure } from '../../machine/result.ts'
import { State } from '../../machine/state.ts'
import type { ApplyContext, QueryContext, SnapshotReceiver } from '../../machine/state-machine.ts'
import { Slab } from '../../machine/slab.ts'
import { packValue, unpackValue } from '../../wire/value.ts'
import { Decoded } from './decoded.ts'
import type { CommandOperation, MachineDescriptor, QueryOperation, ValueCodec, Wire } from './descriptor.ts'
import { type Handler, isExhaustion, resultMisfit, wordsOf } from './handlers.ts'
import { encodeState, stateParts } from './snapshot.ts'
import { StateReader } from './state-reader.ts'

interface Operation {
  readonly name: string
  readonly input: ValueCodec<unknown>
  readonly reply: ValueCodec<unknown>
  /** Whether it declares errors: then a reply with `ok: false` rolls back. */
  readonly fallible: boolean
  readonly handler: Handler
}
/** A command or query out of its bytes. */
interface Call {
  readonly operation: Operation
  readonly input: unknown
}

/** What is replicated of a failed handler. Where and why it failed is told by the node that answers. */
export const failedReply = packValue([1])

/** Not rolled back and replied to: where the stack ends differs between replicas, so this one cannot know what the others did. */
const fatal = (command: string, index: number, cause: unknown): RaftgenError => {
  const message = `the handler of ${command} at index ${index} ran out of stack or memory: ${wordsOf(cause).message}`
  return new RaftgenError('HANDLER_FATAL', message, { cause })
}

const inputs = new Slab()

/** A call as it travels: the version in which it is encoded, the tag of the operation, and the input. */
export interface RawCall {
  readonly version: number
  readonly tag: number
  readonly input: Wire
}
/** The input of a call of an older version, in this one. Throws `NotRaised`; for a version that nobody knows, and for a newer one, something else. */
export type RaiseInput = (kind: 'command' | 'query', call: RawCall) => Wire

/** A call of an older version that has no form in this one. */
export class NotRaised extends Error {
  override readonly name = 'NotRaised'
  readonly command: string

  constructor(command: string, cause: unknown) {
    super(wordsOf(cause).message, { cause })
    this.command = command
  }
}

/** Throws where these are not the bytes of a call. */
export function readCall(kind: 'command' | 'query', bytes: Uint8Array): RawCall {
  // Inputs go as soon as they came: a piece of memory for each would cost more than all the rest.
  const call = unpackValue(bytes, inputs)
  if (!Array.isArray(call) || call.length !== 3) throw new TypeError(`the ${kind} is not an array of version, tag and input`)
  const [version, tag, input = null]: Wire[] = call
  if (typeof version !== 'number' || typeof tag !== 'number') throw new TypeError(`the ${kind} has no version, or no tag`)
  return { version, tag, input }
}

export class BoundMachine {
  readonly state: State<Wire>
  readonly #name: string
  readonly #version: number
  readonly #commands: ReadonlyMap<number, Operation>
  readonly #queries: ReadonlyMap<number, Operation>
  readonly #raiseInput: RaiseInput
  readonly #nothing: Uint8Array
  /** Of a leader: followers check nothing. */
  readonly #checkedCommands = new Decoded<Call>('content')
  readonly #checkedQueries = new Decoded<Call>('identity')

  /** `handlers`: by the names in `descriptor`. */
  constructor(descriptor: MachineDescriptor, handlers: ReadonlyMap<string, Handler>, raiseInput: RaiseInput) {
    this.#name = descriptor.name
    this.#version = descriptor.version
    this.#commands = byTag(descriptor.commands, handlers)
    this.#queries = byTag(descriptor.queries, handlers)
    this.#raiseInput = raiseInput
    this.#nothing = packValue([0, null, descriptor.version])
    this.state = new State(descriptor.state)
  }

  /** `raw`: what is in `command`. */
  check(command: Uint8Array, raw?: RawCall): string | undefined {
    try {
      const call = this.#decode('command', command, raw)
      checkInPlace(call.operation.input, call.input, 'input')
      // What is kept is what every replica decodes, not what the check made of it.
      this.#checkedCommands.keep(command, call)
      return undefined
    } catch (error) {
      return wordsOf(error).message
    }
  }

  checkQuery(query: Uint8Array, raw?: RawCall): string | undefined {
    try {
      this.#checkedQueries.keep(query, this.#decodeQuery(query, raw))
      return undefined
    } catch (error) {
      return wordsOf(error).message
    }
  }

  apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    const call = this.#checkedCommands.take(command) ?? this.#decodeCommand(command, context)
    if (call === undefined) return failedReply
    const { operation, input } = call
    const { transaction, root } = this.state
    transaction.begin()
    try {
      const returned = this.#run(operation, root, input, context)
      const reply = this.#packed(operation.reply.toWire(returned))
      if (operation.fallible && isFailure(returned)) transaction.rollback()
      else transaction.commit()
      return reply
    } catch (error) {
      if (error instanceof InvariantError) throw error
      context.report({ command: operation.name, ...wordsOf(error) })
      if (isExhaustion(error)) throw fatal(operation.name, context.index, error)
      transaction.rollback()
      return failedReply
    }
  }

  query(query: Uint8Array, context: QueryContext): Uint8Array {
    const { operation, input } = this.#checkedQueries.take(query) ?? this.#decodeQuery(query)
    return this.read((root) => this.#packed(operation.reply.toWire(this.#run(operation, root, input, context))))
  }

  /** Most commands answer with nothing: for those it is made once. */
  #packed(reply: Wire): Uint8Array {
    return reply === null ? this.#nothing : packValue([0, reply, this.#version])
  }

  snapshot(): Uint8Array {
    return encodeState(this.state, this.#version)
  }

  get digest(): Digest {
    return this.state.digest
  }

  frozenSnapshotParts(): Iterable<Uint8Array> {
    return stateParts(this.state, this.#version)
  }

  receiveSnapshot(): SnapshotReceiver {
    return new StateReader(this.state, this.#version)
  }

  nameOf(command: Uint8Array): string {
    return this.#decode('command', command).operation.name
  }

  read<T>(look: (state: object) => T): T {
    const { transaction, root } = this.state
    transaction.beginQuery()
    try {
      return look(root)
    } finally {
      transaction.endQuery()
    }
  }

  /** Calls the handler and returns its reply, canonical. */
  #run({ name, handler, reply }: Operation, root: object, input: unknown, context: object): unknown {
    const returned = handler(root, input, context)
    if (isPromise(returned)) {
      // Whatever becomes of it concerns nobody any more; unhandled it would end the process.
      Promise.resolve(returned).catch(() => {})
      throw new TypeError(`the handler of ${name} returned a promise: handlers are synchronous`)
    }
    try {
      // What comes of it is packed at once.
      return returned instanceof Uint8Array ? checkInPlace(reply, returned, 'result') : reply.check(returned, 'result')
    } catch (error) {
      if (isExhaustion(error)) throw error
      throw new TypeError(`the handler of ${name} ${resultMisfit}: ${wordsOf(error).message}`, { cause: error })
    }
  }

  /** Nothing where it is of an older version and has no form in this one, which every replica finds. */
  #decodeCommand(command: Uint8Array, context: ApplyContext): Call | undefined {
    try {
      return this.#decode('command', command)
    } catch (error) {
      // Whoever cannot read an entry that others have applied must not go on (and must not skip it).
      if (!(error instanceof NotRaised)) throw error
      context.report({ command: error.command, ...wordsOf(error.cause) })
      if (isExhaustion(error)) throw fatal(error.command, context.index, error)
      return undefined
    }
  }

  /** A query is not in the log: its bounds are checked wherever it is answered. */
  #decodeQuery(query: Uint8Array, raw?: RawCall): Call {
    const { operation, input } = this.#decode('query', query, raw)
    return { operation, input: checkInPlace(operation.input, input, 'input') }
  }

  #decode(kind: 'command' | 'query', bytes: Uint8Array, call = readCall(kind, bytes)): Call {
    const wire = call.version === this.#version ? call.input : this.#raiseInput(kind, call)
    const operation = (kind === 'command' ? this.#commands : this.#queries).get(call.tag)
    if (operation === undefined) throw new TypeError(`${this.#name} version ${this.#version} has no ${kind} with tag ${call.tag}`)
    return { operation, input: operation.input.fromWire(wire) }
  }
}

function byTag(
  operations: readonly (CommandOperation<unknown, unknown> | QueryOperation<unknown, unknown>)[],
  handlers: ReadonlyMap<string, Handler>,
): ReadonlyMap<number, Operation> {
  const known = new Map<number, Operation>()
  for (const operation of operations) {
    const { tag, name, input, reply } = operation
    const handler = handlers.get(name)
    const fallible = operation.kind === 'command' && operation.errors.length > 0
    if (handler !== undefined) known.set(tag, { name, input, reply, fallible, handler })
  }
  return known
}

const isPromise = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
