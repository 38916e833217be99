// Makes a state machine of a descriptor and handlers: bytes to typed calls and back, each command in a transaction.
import { InvariantError } from '../../core/invariant.ts'
import { RaftgenError } from '../../errors.ts'
import type { Digest } from '../../machine/field-digest.ts'
import { isFailure } from '../../machine/result.ts'
import { State } from '../../machine/state.ts'
import { stateDifference } from '../../machine/state-difference.ts'
import type { ApplyContext, QueryContext, SnapshotReceiver, StateMachine, Twin, TypedMachine } from '../../machine/state-machine.ts'
import { packValue, unpackValue } from '../../wire/value.ts'
import { Decoded } from './decoded.ts'
import type { CommandOperation, MachineDescriptor, QueryOperation, ValueCodec, Wire } from './descriptor.ts'
import { type Handler, isExhaustion, pickHandlers, resultMisfit, wordsOf } from './handlers.ts'
import { encodeState, stateParts } from './snapshot.ts'
import { StateReader } from './state-reader.ts'
import { typedOperations } from './typed.ts'

/**
 * Binds handlers to the machine that `descriptor` describes: one function for each command and query, by name. Throws HANDLER_MISSING
 * naming every operation without a handler and every handler without an operation. Each call gives a machine with a state of its own.
 */
export const bind = (descriptor: MachineDescriptor, handlers: object): StateMachine => new BoundMachine(descriptor, handlers)

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
const failedReply = packValue([1])

/** Not rolled back and replied to: where the stack ends differs between replicas, so this one cannot know what the others did. */
const fatal = (command: string, index: number, cause: unknown): RaftgenError => {
  const message = `the handler of ${command} at index ${index} ran out of stack or memory: ${wordsOf(cause).message}`
  return new RaftgenError('HANDLER_FATAL', message, { cause })
}

class BoundMachine implements StateMachine {
  readonly name: string
  readonly version: number
  readonly wire: string
  readonly open: boolean
  readonly failedReply = failedReply
  readonly #state: State<Wire>
  readonly #commands: ReadonlyMap<number, Operation>
  readonly #queries: ReadonlyMap<number, Operation>
  /** Of a leader: followers check nothing. */
  readonly #checkedCommands = new Decoded<Call>()
  readonly #checkedQueries = new Decoded<Call>()

  readonly #source: readonly [MachineDescriptor, object]

  constructor(descriptor: MachineDescriptor, handlers: object) {
    this.#source = [descriptor, handlers]
    this.name = descriptor.name
    this.version = descriptor.version
    this.wire = descriptor.wire
    this.open = descriptor.open
    const picked = pickHandlers(descriptor, handlers)
    this.#commands = byTag(descriptor.commands, picked)
    this.#queries = byTag(descriptor.queries, picked)
    this.#state = new State(descriptor.state)
  }

  check(command: Uint8Array): string | undefined {
    try {
      const call = this.#decode('command', command)
      call.operation.input.check(call.input, 'input')
      // What is kept is what every replica decodes, not what the check made of it.
      this.#checkedCommands.keep(command, call)
      return undefined
    } catch (error) {
      return wordsOf(error).message
    }
  }

  checkQuery(query: Uint8Array): string | undefined {
    try {
      this.#checkedQueries.keep(query, this.#decodeQuery(query))
      return undefined
    } catch (error) {
      return wordsOf(error).message
    }
  }

  apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    // Not caught: whoever cannot read an entry that others have applied must not go on (and must not skip it).
    const { operation, input } = this.#checkedCommands.take(command) ?? this.#decode('command', command)
    const { transaction, root } = this.#state
    transaction.begin()
    try {
      const returned = this.#run(operation, root, input, context)
      const reply = packValue([0, operation.reply.toWire(returned)])
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
    return this.#read((root) => packValue([0, operation.reply.toWire(this.#run(operation, root, input, context))]))
  }

  snapshot(): Uint8Array {
    return encodeState(this.#state, this.version)
  }

  get digest(): Digest {
    return this.#state.digest
  }

  frozenSnapshotParts(): Iterable<Uint8Array> {
    return stateParts(this.#state, this.version)
  }

  restoreSnapshot(snapshot: Uint8Array): void {
    this.prepareSnapshot(snapshot)()
  }

  prepareSnapshot(snapshot: Uint8Array): () => void {
    const receiver = this.receiveSnapshot()
    receiver.write(snapshot)
    return receiver.end()
  }

  receiveSnapshot(): SnapshotReceiver {
    return new StateReader(this.#state, this.version)
  }

  nameOf(command: Uint8Array): string {
    return this.#decode('command', command).operation.name
  }

  twin(): Twin {
    const machine = new BoundMachine(...this.#source)
    return {
      machine,
      difference: () => stateDifference(this.#state, machine.#state),
      nameOf: (command) => this.nameOf(command),
    }
  }

  get typed(): TypedMachine {
    return { operations: typedOperations(this.#source[0]), read: (look) => this.#read(look) }
  }

  #read<T>(look: (state: object) => T): T {
    const { transaction, root } = this.#state
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
      return reply.check(returned, 'result')
    } catch (error) {
      if (isExhaustion(error)) throw error
      throw new TypeError(`the handler of ${name} ${resultMisfit}: ${wordsOf(error).message}`, { cause: error })
    }
  }

  /** A query is not in the log: its bounds are checked wherever it is answered. */
  #decodeQuery(query: Uint8Array): Call {
    const { operation, input } = this.#decode('query', query)
    return { operation, input: operation.input.check(input, 'input') }
  }

  #decode(kind: 'command' | 'query', bytes: Uint8Array): Call {
    const call = unpackValue(bytes)
    if (!Array.isArray(call) || call.length !== 3) throw new TypeError(`the ${kind} is not an array of version, tag and input`)
    const [version, tag, input]: Wire[] = call
    if (version !== this.version) {
      throw new TypeError(`the ${kind} has schema version ${String(version)}, ${this.name} has version ${this.version} here`)
    }
    const operations = kind === 'command' ? this.#commands : this.#queries
    const operation = typeof tag === 'number' ? operations.get(tag) : undefined
    if (operation === undefined) throw new TypeError(`${this.name} version ${this.version} has no ${kind} with tag ${String(tag)}`)
    return { operation, input: operation.input.fromWire(input ?? null) }
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
