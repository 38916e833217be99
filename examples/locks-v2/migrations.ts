// Written once by raftgen; yours from then on. Later runs add what is missing and never change or delete a line.
//
// What values of an older version become in the next one. Every replica runs these functions over the same log, so they must answer alike everywhere:
// nothing here may depend on the time, chance, the machine, or anything but the value that is given.
import type { LeaseV1, LockV2, LocksReadonlyStateV1, LocksStateV2 } from './generated/versions.js'

/** In version 1 whoever held a lock held it alone. */
export function upcastLockV1toV2(old: LeaseV1): LockV2 {
  return { shared: false, holders: [old] }
}

/**
 * Comes last: all that was has its place by then. Where something of the new state follows from the old one, fill it in here, with a `function*` that yields
 * now and then if that is much.
 */
export function migrateStateV1toV2(_old: LocksReadonlyStateV1, _state: LocksStateV2): void {}
