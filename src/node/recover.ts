// The first thing a node does: its state, from the newest snapshot that is whole and that the log goes on from.
import { type Index, InvariantError, type LogSummary, type SnapshotMeta, type Term } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import { Replica } from '../machine/replica.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import type { Recovered } from './options.ts'
import { readReplica } from './snapshot-reader.ts'

export interface RecoverOptions {
  readonly machine: StateMachine
  readonly log: LogSummary
  readonly snapshots: Snapshots | undefined
  /** A snapshot that could not be used; the next older one is tried. */
  unusable(index: number, error: Error): void
}

/**
 * Calls `done` once. A snapshot fits when its (term, index) is in the log, its base included. Without one, a log that begins at index 0 with
 * voters is replayed from its first entry; any other has lost its state, and `hasState` is false. A snapshot of another machine is no damage
 * that others could mend: MACHINE_MISMATCH ends the start.
 */
export function recover(
  { machine, log, snapshots, unusable }: RecoverOptions,
  done: (error: Error | undefined, recovered: Recovered | undefined) => void,
): void {
  const isWhole = log.base.id.index === 0 && log.base.conf.voters.length > 0
  const candidates = (snapshots?.list ?? []).filter(({ id }) => termAt(log, id.index) === id.term)
  if (snapshots === undefined || candidates.length === 0) return done(undefined, { replica: new Replica(machine), hasState: isWhole })

  // A machine that failed in the middle of a restore is no beginning to replay from.
  const initial = isWhole ? machine.snapshot() : undefined
  const attempt = ([snapshot, ...older]: readonly SnapshotMeta[]): void => {
    if (snapshot === undefined) {
      if (initial !== undefined) machine.restoreSnapshot(initial)
      return done(undefined, { replica: new Replica(machine), hasState: isWhole })
    }
    readReplica(snapshots, snapshot, (error, decoder) => {
      const replica = new Replica(machine)
      const problem = error ?? problemOf(() => decoder?.restore(replica), { replica, snapshot })
      if (problem === undefined) return done(undefined, { replica, hasState: true })
      if (isFatal(problem)) return done(problem, undefined)
      unusable(snapshot.id.index, problem)
      attempt(older)
    })
  }
  attempt(candidates)
}

/** Why a restore failed, or nothing. The label of a snapshot must be that of the state in it. */
export function problemOf(
  restore: () => void,
  { replica, snapshot }: { readonly replica: Replica; readonly snapshot: SnapshotMeta },
): Error | undefined {
  try {
    restore()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
  const { lastApplied: index, lastAppliedTerm: term } = replica
  const { id } = snapshot
  if (index === id.index && term === id.term) return undefined
  return new RaftgenError(
    'STORAGE_DAMAGED',
    `the snapshot of entry ${id.index} of term ${id.term} holds the state after entry ${index} of term ${term}`,
  )
}

const isFatal = (error: Error): boolean =>
  error instanceof InvariantError || (error instanceof RaftgenError && error.code === 'MACHINE_MISMATCH')

/** Of the entry at `index`; `undefined` outside the log. The base counts as inside. */
function termAt({ base, lastIndex, terms }: LogSummary, index: Index): Term | undefined {
  if (index < base.id.index || index > lastIndex) return undefined
  return terms.findLast(({ firstIndex }) => firstIndex <= index)?.term ?? base.id.term
}
