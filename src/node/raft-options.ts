// What the core of a node begins with.
import { type ConfState, type Index, type LogSummary, Raft, type RaftOptions } from '../core/index.ts'
import type { NodeOptions } from './options.ts'

export function raftOptions(
  { id, seed, nonce, timing = {}, coreLimits = {}, recovered }: NodeOptions,
  log: LogSummary,
  now: number,
): RaftOptions {
  const { replica, hasState } = recovered
  return {
    id,
    log,
    now,
    seed,
    nonce,
    timing,
    limits: coreLimits,
    hasState,
    ...(hasState ? { lastApplied: replica.lastApplied } : {}),
  }
}

/** One that nobody watches. */
export const plainCore = (options: RaftOptions): Raft => new Raft(options)

/** In force at `index`, which is in the log, its base included. */
export function confAt({ base, confs }: LogSummary, index: Index): ConfState {
  return confs.findLast((one) => one.index <= index)?.conf ?? base.conf
}
