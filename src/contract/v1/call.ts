// What the methods of generated clients do: a typed call to bytes, and the bytes that come back to a typed reply or an error.
import { RaftgenError } from '../../errors.ts'
import type { Answer, Caller, CallOptions, QueryOptions, Settle } from '../../session/caller.ts'
import { packValue, unpackValue } from '../../wire/value.ts'
import type { CommandOperation, QueryOperation, Wire } from './descriptor.ts'
import { wordsOf } from './handlers.ts'

type Operation<Reply> = CommandOperation<unknown, Reply> | QueryOperation<unknown, Reply>

/**
 * Sends a command. Rejects with INVALID_INPUT, before anything is sent, when `input` does not fit its schema; with HANDLER_FAILED when the
 * handler threw; else with what `caller` says. An error that the schema declares is a reply.
 */
export function callCommand<Input, Reply>(
  caller: Caller,
  operation: CommandOperation<Input, Reply>,
  version: number,
  input: unknown,
  options?: CallOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const command = encodeCall(operation, version, input)
    caller.command(command, options, settleWith(operation, resolve, reject))
  })
}

/** Asks a query. Rejects with INVALID_INPUT, before anything is sent, when `input` does not fit its schema; else with what `caller` says. */
export function callQuery<Input, Reply>(
  caller: Caller,
  operation: QueryOperation<Input, Reply>,
  version: number,
  input: unknown,
  options?: QueryOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const query = encodeCall(operation, version, input)
    caller.query(query, options, settleWith(operation, resolve, reject))
  })
}

/** The bytes of a call. Throws INVALID_INPUT, which says where `given` does not fit. */
export function encodeCall<Input, Reply>(
  { tag, input }: CommandOperation<Input, Reply> | QueryOperation<Input, Reply>,
  version: number,
  given: unknown,
): Uint8Array {
  try {
    return packValue([version, tag, input.toWire(input.check(given, 'input'))])
  } catch (error) {
    throw new RaftgenError('INVALID_INPUT', wordsOf(error).message, { cause: error })
  }
}

function settleWith<Reply>(operation: Operation<Reply>, resolve: (reply: Reply) => void, reject: (error: unknown) => void): Settle {
  return (error, answer) => {
    if (answer === undefined) return reject(error)
    let reply: Reply
    try {
      reply = decodeReply(operation, answer)
    } catch (problem) {
      return reject(problem)
    }
    resolve(reply)
  }
}

function decodeReply<Reply>({ kind, name, reply }: Operation<Reply>, { index, reply: bytes, failure }: Answer): Reply {
  let wire: Wire
  try {
    wire = unpackValue(bytes)
  } catch (error) {
    throw foreign(kind, `the reply to ${name} cannot be read: ${wordsOf(error).message}`, error)
  }
  if (!Array.isArray(wire)) throw foreign(kind, `the reply to ${name} is neither a result nor a failure`)
  const [status, value]: Wire[] = wire
  if (status === 1 && wire.length === 1) {
    const why = failure === undefined ? '' : `: ${failure}`
    throw new RaftgenError('HANDLER_FAILED', `the handler of ${name} failed at index ${index}; its changes were rolled back${why}`)
  }
  if (status !== 0 || wire.length !== 3) throw foreign(kind, `the reply to ${name} is neither a result nor a failure`)
  try {
    return reply.fromWire(value ?? null)
  } catch (error) {
    throw foreign(kind, `the reply to ${name} does not fit its schema: ${wordsOf(error).message}`, error)
  }
}

/** The server runs another schema than this client was generated from. A command has taken effect all the same. */
const foreign = (kind: 'command' | 'query', message: string, cause?: unknown): RaftgenError =>
  new RaftgenError('MACHINE_MISMATCH', message, { cause, outcome: kind === 'command' ? 'applied' : 'none' })
