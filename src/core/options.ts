import { RaftgenError } from '../errors.ts'
import type { RaftOptions } from './api.ts'
import { nonceMax } from './limits.ts'
import type { Restored } from './raft-log.ts'

/** Where the state behind the log is, as the driver says. Throws BAD_OPTIONS. */
export function restoredOf({ log, lastApplied, hasState: given }: RaftOptions): Restored {
  const { base, lastIndex } = log
  const isBeginning = base.id.index === 0 && base.conf.voters.length > 0
  const hasState = given ?? (isBeginning || lastApplied !== undefined)
  if (!hasState) {
    if (lastApplied === undefined) return { lastApplied: 0, hasState }
    throw new RaftgenError('BAD_OPTIONS', `hasState is false, but lastApplied is ${lastApplied}`)
  }
  const applied = lastApplied ?? base.id.index
  if (applied >= base.id.index && applied <= lastIndex) return { lastApplied: applied, hasState }
  throw new RaftgenError('BAD_OPTIONS', `lastApplied is ${applied}, which is not in the log: it has ${base.id.index} to ${lastIndex}`)
}

/** Names this life among all lives of the node. Throws BAD_OPTIONS. */
export function nonceOf({ nonce, seed }: RaftOptions): number {
  if (nonce === undefined) return seed >>> 0
  if (Number.isInteger(nonce) && nonce >= 0 && nonce < nonceMax) return nonce
  throw new RaftgenError('BAD_OPTIONS', `nonce is ${nonce}, not a whole number of 48 bits`)
}
