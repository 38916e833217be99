import { RaftgenError } from '../../errors.ts'
import type { MachineDescriptor } from './descriptor.ts'

/** A handler as the machine calls it: state, input, context. Its types were checked where it was written. */
export type Handler = (state: object, input: unknown, context: object) => unknown

/**
 * The handler of each operation by its name. Throws HANDLER_MISSING, naming all operations without one and all handlers without an
 * operation. A handler may be a method that a class gives its objects; it keeps its `this`. `retired`: operations that only older versions have, and that need
 * one, too.
 */
export function pickHandlers(
  descriptor: MachineDescriptor,
  handlers: object,
  retired: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, Handler> {
  const picked = new Map<string, Handler>()
  const missing: string[] = []
  for (const name of new Set([...[...descriptor.commands, ...descriptor.queries].map((operation) => operation.name), ...retired])) {
    const handler = handlerOf(handlers, name)
    if (handler === undefined) missing.push(name)
    else picked.set(name, handler)
  }
  const extra = Object.keys(handlers).filter((name) => !picked.has(name) && !missing.includes(name))
  const complaints: string[] = []
  if (missing.length > 0) complaints.push(`has no handler for ${missing.join(', ')}`)
  if (extra.length > 0) complaints.push(`has no operation for the ${extra.length === 1 ? 'handler' : 'handlers'} ${extra.join(', ')}`)
  if (complaints.length > 0) throw new RaftgenError('HANDLER_MISSING', `the machine ${descriptor.name} ${complaints.join(', and ')}`)
  return picked
}

function handlerOf(handlers: object, name: string): Handler | undefined {
  const value: unknown = Reflect.get(handlers, name)
  // An operation called `valueOf` has no handler because every object has one.
  if (typeof value !== 'function' || value === Reflect.get(Object.prototype, name)) return undefined
  return (state, input, context) => value.call(handlers, state, input, context)
}

/** What a handler threw, in words. It may throw anything, also what cannot be turned into words. */
export function wordsOf(thrown: unknown): { readonly message: string; readonly stack: string | undefined } {
  try {
    if (thrown instanceof Error) return { message: String(thrown.message), stack: thrown.stack }
    return { message: `threw ${typeof thrown} ${String(thrown)}`, stack: undefined }
  } catch {
    return { message: `threw ${typeof thrown} that has no words`, stack: undefined }
  }
}

/** How the message of a handler begins whose result does not fit, after its name. */
export const resultMisfit = 'returned what its schema does not allow'

const exhaustions: ReadonlySet<string> = new Set(['Maximum call stack size exceeded', 'Array buffer allocation failed'])
const causesMax = 8

/**
 * Whether an error says that this process ran out of something. It need not happen on the other replicas, so it must not become an
 * outcome: the replica stops. Looked for in the causes as well, since handlers wrap what they catch.
 */
export function isExhaustion(thrown: unknown): boolean {
  let error = thrown
  for (let i = 0; i < causesMax && error instanceof Error; i++) {
    if (error instanceof RangeError && exhaustions.has(error.message)) return true
    error = error.cause
  }
  return false
}
