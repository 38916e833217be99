/** A broken invariant: a bug in raftgen, never bad input. The node stops; nothing may catch it and go on. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/**
 * Throws an `InvariantError` with `message` unless `condition` holds. The message is built either way: where a check runs for each entry
 * or message and its words hold values, write `if (!condition) broken(...)`.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/** Throws an `InvariantError` with `message`. */
export function broken(message: string): never {
  throw new InvariantError(message)
}

/** The `default` of a switch over a closed union: it does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`)
}
