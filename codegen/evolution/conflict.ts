// Two wire locks of one machine side by side: that of the branch which is merged into, and ours.
import type { Diagnostic } from '../diagnostic.ts'
import { frozenChange } from '../frozen-change.ts'
import type { Lock, LockedVersion } from '../lock.ts'

export interface Locks {
  readonly theirs: Lock
  readonly ours: Lock
  /** What both were made from; none where that is not known. */
  readonly common: Lock | undefined
  /** What theirs is called in messages: `origin/main`. */
  readonly label: string
  /** Our lock, as messages name it. */
  readonly file: string
}

/** None where ours goes on from theirs. */
export function lockConflicts({ theirs, ours, common, label, file }: Locks): readonly Diagnostic[] {
  return Object.entries(theirs.versions).flatMap(([number, version]) => {
    const own = ours.versions[number]
    const both: Both = { theirs: version, ours: own, label }
    const conflict = version.status === 'frozen' ? frozenConflict(both) : common && openConflict(both, common.versions[number])
    if (conflict === undefined) return []
    const hint = `Take over the wire lock at ${label}, and run raftgen again: what is new here is added behind what it has.`
    const message = `version ${number} ${conflict}`
    return [{ severity: 'error' as const, code: 'LOCK_CONFLICT', file, line: 0, column: 0, message, hint }]
  })
}

interface Both {
  readonly theirs: LockedVersion
  readonly ours: LockedVersion | undefined
  readonly label: string
}

function frozenConflict({ theirs, ours, label }: Both): string | undefined {
  if (ours === undefined) return `is frozen at ${label}, and the wire lock here does not have it`
  const changed = isSame(theirs, ours) ? undefined : frozenChange(theirs, ours)
  if (changed !== undefined) return `is frozen at ${label}, and here ${changed}`
  return ours.status === 'open' ? `is frozen at ${label}, and open here` : undefined
}

/** As long as a version is open it may change, but not in two places at once. */
function openConflict({ theirs, ours, label }: Both, common: LockedVersion | undefined): string | undefined {
  if (ours === undefined || isSame(theirs, ours) || isSame(common, theirs) || isSame(common, ours)) return undefined
  const changed = frozenChange(theirs, ours) ?? 'the two differ'
  return `was ${common === undefined ? 'begun' : 'changed'} at ${label} and here as well, where ${changed}`
}

/** But for its status, and what an older release left out. */
const isSame = (one: LockedVersion | undefined, other: LockedVersion | undefined): boolean => content(one) === content(other)
const content = (version: LockedVersion | undefined): string | undefined =>
  version === undefined ? undefined : JSON.stringify({ ...version, status: undefined, partial: undefined })
