import type { Mutant } from '../mutant.ts'

/** Snapshots and compaction. */
export const snapshots: readonly Mutant[] = [
  {
    name: 'a snapshot of a later term is used in an earlier one',
    file: 'src/core/snapshots.ts',
    find: 'if (newest > this.#elections.term) this.#elections.becomeFollower({ term: newest, leader: undefined })',
    replace: 'if (base.id.term > this.#elections.term) this.#elections.becomeFollower({ term: base.id.term, leader: undefined })',
  },
  {
    name: 'a log that contradicts a snapshot stays (§5.3)',
    file: 'src/core/raft-log.ts',
    find: 'const isReplaced = !this.has(id)\n',
    replace: 'const isReplaced = id.index > this.lastIndex\n',
  },
  {
    name: 'a log that agrees with a snapshot goes (§5.3)',
    file: 'src/core/raft-log.ts',
    find: 'const isReplaced = !this.has(id)\n',
    replace: 'const isReplaced = true\n',
  },
  {
    name: 'an older snapshot takes the place of a newer state',
    bug: 19,
    file: 'src/core/raft-log.ts',
    find: 'return this.#hasState ? id.index > this.#commitIndex : id.index >= this.#base.index',
    replace: 'return id.index > this.#base.index',
  },
  {
    name: 'the log is compacted under a follower that fetches a snapshot',
    bug: 22,
    file: 'src/core/snapshots.ts',
    find: "const pinned = role.kind === 'leader' ? role.pinnedIndex : Number.POSITIVE_INFINITY",
    replace: 'const pinned = Number.POSITIVE_INFINITY',
  },
  {
    name: 'entries are applied while a snapshot is being read',
    file: 'src/core/raft-log.ts',
    find: 'return !this.#hasState || this.#restoring !== undefined\n',
    replace: 'return !this.#hasState\n',
  },
  {
    name: 'a compacted log forgets the configuration of its base',
    bug: 20,
    file: 'src/core/conf-history.ts',
    find: 'this.#base = { index, conf: this.at(index) }',
    replace: 'this.#base = { index, conf: this.#base.conf }',
  },
  {
    name: 'entries are applied while a snapshot reads the state',
    bug: 17,
    file: 'src/node/snapshotter.ts',
    find: 'const live = { isRead: true }',
    replace: 'const live = { isRead: false }',
  },
  {
    name: 'a snapshot brings no sessions (§5.1)',
    bug: 20,
    file: 'src/machine/replica.ts',
    find: 'this.sessions.restore(sessions)',
    replace: 'this.sessions.restore([])',
  },
  {
    name: 'the configuration of a log that a snapshot replaced stays (§5.3)',
    bug: 20,
    file: 'src/core/raft-log.ts',
    find: '    this.#confs = new ConfHistory({ base: { index, conf: base.conf }, later: [] })\n',
    replace: '',
  },
  {
    name: 'a snapshot says that it holds one entry more than it does (§5.1)',
    bug: 21,
    file: 'src/node/snapshotter.ts',
    find: 'id: { term: replica.lastAppliedTerm, index },',
    replace: 'id: { term: replica.lastAppliedTerm, index: index + 1 },',
  },
  {
    name: 'a frozen state is frozen only as it is written (§5.1)',
    bug: 21,
    file: 'src/wire/replica-codec.ts',
    find: 'parts: () => frozen ?? machineParts(replica.machine)',
    replace: 'parts: () => machineParts(replica.machine)',
  },
  {
    name: 'a snapshot of a state that is being replaced is not given up',
    bug: 19,
    missed:
      'nothing is applied while a live state is read, which is over in a few writes, and a whole state is sent to who was away for longer: in 300 seeds the two never met; `test/node/snapshotter.test.ts` has them meet',
    file: 'src/node/snapshotter.ts',
    find: 'if (taking?.live.isRead === true) this.#giveUp(taking)',
    replace: 'if (taking?.error !== undefined) this.#giveUp(taking)',
  },
]
