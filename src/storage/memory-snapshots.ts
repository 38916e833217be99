import type { Snapshots } from '../ports/snapshots.ts'
import { MemoryFiles } from './memory-files.ts'
import { SnapshotStore } from './snapshot-store.ts'

/** Snapshots that end with their process: for tests, and for one replica in memory. `defer` brings callbacks back; default `queueMicrotask`. */
export const memorySnapshots = (defer: (task: () => void) => void = queueMicrotask): Snapshots =>
  new SnapshotStore(new MemoryFiles({ defer }), { name: 'memory' })
