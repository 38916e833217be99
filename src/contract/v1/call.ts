// What the methods of generated clients do: a typed call to bytes, and the bytes that come back to a typed reply or an error.
import { RaftgenError } from '../../errors.ts'
import type { Answer, Caller, CallOptions, OlderForms, QueryOptions, Settle } from '../../session/caller.ts'
import { checkInPlace } from '../../machine/own-bytes.ts'
import { Slab } from '../../machine/slab.ts'
import { packValue, packValueInto, unpackValue } from '../../wire/value.ts'
import type { CommandOperation, QueryOperation, Wire } from './descriptor.ts'
import { wordsOf } from './handlers.ts'
import { olderForms, raisedReply } from './versions/client-forms.ts'
import type { VersionLadder } from './versions/step.ts'

type Operation<Reply> = CommandOperation<unknown, Reply> | QueryOperation<unknown, Reply>

/**
 * Sends a command. Rejects with INVALID_INPUT, before anything is sent, when `input` does not fit its schema; with HANDLER_FAILED when the
 * handler threw; else with what `caller` says. An error that the schema declares is a reply.
 */
export function callCommand<Input, Reply>(
  caller: Caller,
  operation: CommandOperation<Input, Reply>,
  version: number | VersionLadder,
  input: unknown,
  options?: CallOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    if (caller.turnsAway?.(options, reject) === true) return
    const { bytes, older } = formsOf(operation, version, input)
    caller.command(bytes, options, settleWith(operation, version, resolve, reject), older)
  })
}

/** Asks a query. Rejects with INVALID_INPUT, before anything is sent, when `input` does not fit its schema; else with what `caller` says. */
export function callQuery<Input, Reply>(
  caller: Caller,
  operation: QueryOperation<Input, Reply>,
  version: number | VersionLadder,
  input: unknown,
  options?: QueryOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { bytes, older } = formsOf(operation, version, input)
    caller.query(bytes, options, settleWith(operation, version, resolve, reject), older)
  })
}

interface Forms {
  readonly bytes: Uint8Array
  readonly older: OlderForms | undefined
}

function formsOf<Input, Reply>(
  operation: CommandOperation<Input, Reply> | QueryOperation<Input, Reply>,
  version: number | VersionLadder,
  given: unknown,
): Forms {
  if (typeof version === 'number') return { bytes: encodeCall(operation, version, given), older: undefined }
  return checked(() => {
    const input = operation.input.check(given, 'input')
    const newest = newestOf(version)
    return { bytes: packValue([newest, operation.tag, operation.input.toWire(input)]), older: olderForms(version, operation, input) }
  })
}

const newestOf = (version: number | VersionLadder): number =>
  typeof version === 'number' ? version : (version.versions.at(-1)?.version ?? 0)

/** The bytes of a call. Throws INVALID_INPUT, which says where `given` does not fit. */
export function encodeCall<Input, Reply>(
  { tag, input }: CommandOperation<Input, Reply> | QueryOperation<Input, Reply>,
  version: number,
  given: unknown,
): Uint8Array {
  // Its bytes are copied as it is packed, so the check need not copy them.
  return checked(() => packValueInto(slab, [version, tag, input.toWire(checkInPlace(input, given, 'input'))]))
}

const slab = new Slab()
/** Small: whoever keeps the bytes of one reply keeps no more of others than with a `Buffer` of Node. */
const replies = new Slab(8 * 1_024)

function checked<T>(encode: () => T): T {
  try {
    return encode()
  } catch (error) {
    throw new RaftgenError('INVALID_INPUT', wordsOf(error).message, { cause: error })
  }
}

function settleWith<Reply>(
  operation: Operation<Reply>,
  version: number | VersionLadder,
  resolve: (reply: Reply) => void,
  reject: (error: unknown) => void,
): Settle {
  return (error, answer) => {
    if (answer === undefined) return reject(error)
    let reply: Reply
    try {
      reply = decodeReply(operation, version, answer)
    } catch (problem) {
      return reject(problem)
    }
    resolve(reply)
  }
}

function decodeReply<Reply>(operation: Operation<Reply>, ours: number | VersionLadder, { index, reply: bytes, failure }: Answer): Reply {
  const { kind, name, reply } = operation
  let wire: Wire
  try {
    wire = unpackValue(bytes, replies)
  } catch (error) {
    throw foreign(kind, `the reply to ${name} cannot be read: ${wordsOf(error).message}`, error)
  }
  if (!Array.isArray(wire)) throw foreign(kind, `the reply to ${name} is neither a result nor a failure`)
  const [status, value = null, version]: Wire[] = wire
  if (status === 1 && wire.length === 1) {
    const why = failure === undefined ? '' : `: ${failure}`
    throw new RaftgenError('HANDLER_FAILED', `the handler of ${name} failed at index ${index}; its changes were rolled back${why}`)
  }
  if (status !== 0 || wire.length !== 3) throw foreign(kind, `the reply to ${name} is neither a result nor a failure`)
  try {
    if (typeof ours === 'number' || typeof version !== 'number' || version >= newestOf(ours)) return reply.fromWire(value)
    return reply.fromWire(raisedReply(ours, operation, version, value))
  } catch (error) {
    throw foreign(kind, `the reply to ${name} does not fit its schema: ${wordsOf(error).message}`, error)
  }
}

/** The server runs another schema than this client was generated from. A command has taken effect all the same. */
const foreign = (kind: 'command' | 'query', message: string, cause?: unknown): RaftgenError =>
  new RaftgenError('MACHINE_MISMATCH', message, { cause, outcome: kind === 'command' ? 'applied' : 'none' })
