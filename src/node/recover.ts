// The first thing a node does: its state, from the newest snapshot that is whole and that the log goes on from.
import { type EntryId, type Index, InvariantError, type LogSummary, type NodeId, type SnapshotMeta, type Term } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import { Replica } from '../machine/replica.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import type { Recovered } from './options.ts'
import { readReplica } from './snapshot-reader.ts'

export interface RecoverOptions {
  /** Of this node. */
  readonly id: NodeId
  readonly machine: StateMachine
  readonly log: LogSummary
  readonly snapshots: Snapshots | undefined
  /** A snapshot that could not be used; the next older one is tried. */
  unusable(index: number, error: Error): void
}

/**
 * Calls `done` once. A snapshot fits when its (term, index) is in the log, its base included. Without one, a log that begins at index 0 with
 * voters is replayed from its first entry; any other has lost its state, and `hasState` is false. A snapshot of another machine is no damage
 * that others could mend: MACHINE_MISMATCH ends the start. So does STORAGE_DAMAGED, where the state is lost and there is nobody else to have it.
 *
 * A snapshot whose content is of no use is condemned, so that nothing relies on it later; but only where there is a state without it. Else all
 * stay where they are: another version of this program may know how to read them.
 */
export function recover(
  { id, machine, log, snapshots, unusable }: RecoverOptions,
  done: (error: Error | undefined, recovered: Recovered | undefined) => void,
): void {
  const isWhole = log.base.id.index === 0 && log.base.conf.voters.length > 0
  const candidates = (snapshots?.list ?? []).filter(({ id }) => termAt(log, id.index) === id.term)
  // A machine that failed in the middle of a restore is no beginning to replay from.
  const initial = isWhole && candidates.length > 0 ? machine.snapshot() : undefined
  const useless: Useless[] = []
  const begin = (recovered: Recovered): void => {
    if (snapshots === undefined) return done(undefined, recovered)
    if (recovered.hasState) return condemn(snapshots, useless, () => done(undefined, recovered))
    const problem = isAlone(log, id) ? lostState(log) : undefined
    done(problem, problem === undefined ? recovered : undefined)
  }
  const attempt = ([snapshot, ...older]: readonly SnapshotMeta[]): void => {
    if (snapshot === undefined || snapshots === undefined) {
      if (initial !== undefined) machine.restoreSnapshot(initial)
      return begin({ replica: new Replica(machine), hasState: isWhole })
    }
    readReplica({ snapshots, machine }, snapshot, (error, decoder) => {
      const replica = new Replica(machine)
      const problem = error ?? problemOf(() => decoder?.restore(replica), { replica, snapshot })
      if (problem === undefined) return begin({ replica, hasState: true })
      if (isFatal(problem)) return done(problem, undefined)
      unusable(snapshot.id.index, problem)
      // Of one that could not be read the store knows better what to do.
      if (error === undefined) useless.push({ snapshot, problem })
      attempt(older)
    })
  }
  attempt(candidates)
}

interface Useless {
  readonly snapshot: SnapshotMeta
  readonly problem: Error
}

/** The oldest first: of all that are set aside the last one is kept. One that cannot be is unlisted all the same. */
function condemn(snapshots: Snapshots, useless: readonly Useless[], done: () => void): void {
  const oldest = useless.at(-1)
  if (oldest === undefined) return done()
  snapshots.condemn(oldest.snapshot, oldest.problem, () => condemn(snapshots, useless.slice(0, -1), done))
}

/** No other member has, or will have, the state. Who joins knows the others only; who has lost entries does not know them all. */
export function isAlone({ base, confs, fence }: LogSummary, id: NodeId): boolean {
  const { voters, members } = confs.at(-1)?.conf ?? base.conf
  return fence === undefined && voters.length > 0 && members.every((member) => member.id === id)
}

export function lostState({ base }: LogSummary): RaftgenError {
  const what = `the log begins after entry ${base.id.index}, and no snapshot is left that tells the state there`
  const why = 'this is the only member of its cluster, so there is nobody to fetch it from'
  const way = 'put the data directory back from a backup, or begin a new cluster in an empty one'
  return new RaftgenError('STORAGE_DAMAGED', `${what}; ${why}. The way out: ${way}`)
}

/** Why a restore failed, or nothing. */
export function problemOf(
  restore: () => void,
  { replica, snapshot }: { readonly replica: Replica; readonly snapshot: SnapshotMeta },
): Error | undefined {
  try {
    restore()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
  return labelProblem(snapshot, { index: replica.lastApplied, term: replica.lastAppliedTerm })
}

/** The state in a snapshot must be that after the entry which the snapshot is named after. */
export function labelProblem({ id }: SnapshotMeta, { index, term }: EntryId): Error | undefined {
  if (index === id.index && term === id.term) return undefined
  return new RaftgenError(
    'STORAGE_DAMAGED',
    `the snapshot of entry ${id.index} of term ${id.term} holds the state after entry ${index} of term ${term}`,
  )
}

const isFatal = (error: Error): boolean =>
  error instanceof InvariantError || (error instanceof RaftgenError && error.code === 'MACHINE_MISMATCH')

/** Of the entry at `index`; `undefined` outside the log. The base counts as inside. */
export function termAt({ base, lastIndex, terms }: LogSummary, index: Index): Term | undefined {
  if (index < base.id.index || index > lastIndex) return undefined
  return terms.findLast(({ firstIndex }) => firstIndex <= index)?.term ?? base.id.term
}
