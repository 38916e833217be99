// Errors of the disk, worded once. Record codecs throw a `WireError` that says what is wrong; here it gets the place and the way out.
import { InvariantError } from '../core/invariant.ts'
import { RaftgenError } from '../errors.ts'
import { WireError } from '../wire/bytes.ts'

const damageTodo = 'Move the directory away and start the node on an empty one with `join`, under the same id.'
const failureTodo = 'What reached the disk is unknown. Mend the disk, then start the node again.'

/** `what` without a full stop. */
export function damaged(place: string, what: string, cause?: unknown): RaftgenError {
  return new RaftgenError('STORAGE_DAMAGED', `${place}: ${what}. ${damageTodo}`, { cause })
}

/** What was thrown while reading `place`, as an operational error; anything but damage and operational errors is a bug and is thrown on. */
export function readError(place: string, thrown: unknown): RaftgenError {
  if (thrown instanceof RaftgenError) return thrown
  if (thrown instanceof WireError) return damaged(place, thrown.message, thrown)
  throw thrown
}

/** What a store reported. A `WireError` is what was thrown while its records were looked at. */
export function storeError(place: string, what: 'read' | 'write', cause: Error): RaftgenError {
  if (cause instanceof RaftgenError || cause instanceof WireError) return readError(place, cause)
  if (cause instanceof InvariantError) throw cause
  return new RaftgenError('STORAGE_FAILED', `${place}: a ${what} failed: ${cause.message}. ${failureTodo}`, { cause })
}

/** For every call after the first error: nothing is retried. */
export function unusable(place: string, first: RaftgenError): RaftgenError {
  return new RaftgenError(first.code, `${place}: the log is unusable since an earlier error: ${first.message}`, { cause: first })
}
