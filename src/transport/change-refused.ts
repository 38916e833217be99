import { RaftgenError } from '../errors.ts'
import type { AdminRefused } from '../wire/client-messages.ts'

export type ChangeRefusalReason = Exclude<AdminRefused['reason'], undefined>

/** CHANGE_REFUSED, with what a program can act on. */
export class ChangeRefused extends RaftgenError {
  /** Why; `undefined` where the sentence says all there is. */
  readonly reason: ChangeRefusalReason | undefined

  constructor(message: string, reason: ChangeRefusalReason | undefined) {
    super('CHANGE_REFUSED', message)
    this.reason = reason
  }
}

/** A refusal that came over the wire, as what is thrown. */
export function refusalError({ code, message, reason }: AdminRefused): RaftgenError {
  if (code === 'CHANGE_REFUSED') return new ChangeRefused(message, reason)
  // These two are for clients to resolve; what is left of them at a deadline is that nobody did it.
  if (code === 'NOT_LEADER' || code === 'RETRY') return new RaftgenError('UNAVAILABLE', message)
  return new RaftgenError(code, message)
}
