import type { Mutant } from '../mutant.ts'

/** What is on disks, and is to be there after a crash. */
export const storage: readonly Mutant[] = [
  {
    name: 'a write that failed counts as one that is done',
    bug: 3,
    file: 'src/node/driver.ts',
    find: 'if (error !== undefined) return this.#ports.fail(error)\n      this.#writing = undefined',
    replace: 'this.#writing = undefined',
  },
  {
    name: 'a vote does not get to the disk with its term (§3.8)',
    bug: 3,
    file: 'src/storage/log-write.ts',
    find: 'votedFor: persist.hardState.votedFor,',
    replace: 'votedFor: undefined,',
  },
  {
    name: 'truncating and appending are two writes',
    bug: 6,
    file: 'src/storage/slot-write.ts',
    find: '    kv.batch(operations, (error) => {\n',
    replace:
      "    const cut = operations.filter(({ kind }) => kind === 'delete')\n    if (cut.length > 0) kv.batch(cut, () => {})\n    kv.batch(operations.filter(({ kind }) => kind !== 'delete'), (error) => {\n",
  },
  {
    name: 'the content of a snapshot is not synced before it has its name',
    bug: 23,
    file: 'src/storage/snapshot-sink.ts',
    find: 'file.sync((error) => {\n          if (error !== undefined) return done(error)\n',
    replace: 'this.#files.defer(() => {\n',
  },
  {
    name: 'the name of a snapshot is not synced before the log gives way to it',
    bug: 23,
    file: 'src/storage/snapshot-store.ts',
    find: 'this.#files.syncDir((error) => {\n            if (error !== undefined) return undo(target, error)\n',
    replace: 'this.#files.defer(() => {\n',
  },
  {
    name: 'a high water that was torn is taken for a log that was damaged',
    bug: 24,
    file: 'src/storage/high-water.ts',
    find: "if (writes !== undefined && writes > newest.last.writes) return 'whole'",
    replace: "if (writes === undefined) return 'damaged'",
  },
]
