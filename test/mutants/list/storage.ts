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
  {
    name: 'the first write of a life is promised before the database knows that there is one',
    file: 'src/storage/journaled-kv.ts',
    find: 'return this.#whenApplied(pending.sequence, done)',
    replace: 'this.#apply()',
  },
  {
    name: 'a half of the journal is written over before the database has what is in it',
    file: 'src/storage/journaled-kv.ts',
    find: 'this.#whenApplied(this.#lasts[other], (error) => {\n      this.#half = other\n      this.#offset = 0\n      done(error)\n    })',
    replace: 'this.#half = other\n    this.#offset = 0\n    done(undefined)',
  },
  {
    name: 'a small record of the journal is written once',
    file: 'src/storage/journaled-kv.ts',
    find: 'this.#encoder.encode({ sequence, slot, operations }, this.#twiceBytesMax)',
    replace: 'this.#encoder.encode({ sequence, slot, operations }, 0)',
  },
  {
    name: 'a large record of the journal is promised without the small one after it',
    file: 'src/storage/journaled-kv.ts',
    find: 'else if (bytes <= this.#halfBytes) this.#append(operations, slot, note)',
    replace: 'else if (bytes <= this.#halfBytes) this.#append(operations, slot, onDurable)',
  },
  {
    name: 'the database is given what there is no room for',
    file: 'src/storage/journaled-kv.ts',
    find: 'if (isThere) this.#applyPending()\n      else this.#schedule()',
    replace: 'this.#applyPending()',
  },
  {
    name: 'what comes after a hole in the journal goes to the database',
    file: 'src/storage/journal-recovery.ts',
    find: 'return later.filter(({ sequence }, i) => sequence === applied + 1 + i).map(decodeRecord)',
    replace: 'return later.map(decodeRecord)',
  },
  {
    name: 'a journal that is gone is not missed',
    file: 'src/storage/journal-recovery.ts',
    find: 'isLost: !isClean && !isKept',
    replace: 'isLost: false',
  },
  {
    name: 'a record of the journal of which any copy is damaged is not there',
    file: 'src/storage/journal-record.ts',
    find: 'if (!found.has(sequence)) found.set(sequence, { sequence, at, bytes })',
    replace:
      'if (at + bytes.length < content.length && content.compare(bytes, 0, bytes.length, at + bytes.length, at + 2 * bytes.length) === 0) found.set(sequence, { sequence, at, bytes })',
  },
]
