// Errors of the disk, worded once. Record codecs throw a `WireError` that says what is wrong; here it gets the place and the way out.
import { InvariantError } from '../core/invariant.ts'
import { RaftgenError } from '../errors.ts'
import type { Identity } from '../ports/log.ts'
import { WireError } from '../wire/bytes.ts'

const damageTodo = 'Move the directory away and start the node on an empty one with `join`, under the same id.'
const aloneTodo = 'No other member has a copy to repair it from: keep the directory, and restore a backup of it.'
const slotsTodo =
  'Put back the one that belongs here; if it is lost, move the directory away and start the node on an empty one with `join`, under the same id.'
const restartTodo = 'Start the node again: it takes no part beyond what it can prove until its peers have given it what is missing.'
/** For what the system refuses, in its words. */
export const mendTodo = 'Mend that, then start the node again'
const failureTodo = 'What reached the disk is unknown. Mend the disk, then start the node again.'

/** `what` without a full stop. */
export class DamageError extends RaftgenError {
  readonly place: string
  readonly what: string
  readonly todo: string

  constructor(place: string, what: string, { todo = damageTodo, cause }: { todo?: string; cause?: unknown } = {}) {
    super('STORAGE_DAMAGED', `${place}: ${what}. ${todo}`, { cause })
    this.place = place
    this.what = what
    this.todo = todo
  }
}

/** `what` without a full stop. */
export const damaged = (place: string, what: string, cause?: unknown): DamageError => new DamageError(place, what, { cause })

/** For who has nobody to repair it from. */
export const damagedAlone = (place: string, what: string): DamageError => new DamageError(place, what, { todo: aloneTodo })

/** Found by a read of an open log that can be fenced. */
export function damagedOpen(place: string, error: RaftgenError): RaftgenError {
  return error instanceof DamageError ? new DamageError(place, error.what, { todo: restartTodo, cause: error.cause }) : error
}

/** Nothing of a database can be read: not even what is left of a log. */
export class UnreadableError extends DamageError {}
export const unreadable = (place: string, error: DamageError): UnreadableError => new UnreadableError(place, error.what, { cause: error })

export function damagedMixed(place: string, file: Identity, copy: Identity): RaftgenError {
  const what = `${place} is mixed from two nodes: its identity.json is of ${identityName(file)}, its database of ${identityName(copy)}`
  return new RaftgenError('DATA_DIR_FOREIGN', `${what}. ${slotsTodo}`)
}

export function damagedForeignSlots(
  place: string,
  identity: Identity,
  { nodeId, incarnation }: { readonly nodeId: number; readonly incarnation: number },
): RaftgenError {
  const isSame = nodeId === identity.nodeId && incarnation === identity.incarnation
  const whose = `node ${nodeId} (incarnation ${incarnation})${isSame ? ' of another cluster' : ''}`
  return new RaftgenError('DATA_DIR_FOREIGN', `${place} is of ${whose}, not of ${identityName(identity)}. ${slotsTodo}`)
}

export const identityName = ({ clusterId, nodeId, incarnation }: Identity): string =>
  `node ${nodeId} (incarnation ${incarnation}) of cluster ${clusterId}`

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
