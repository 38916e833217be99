import type { Mutant } from '../mutant.ts'

/** Membership. */
export const membership: readonly Mutant[] = [
  {
    name: 'a change before the first commit in the term (erratum of 2015)',
    bug: 13,
    file: 'src/core/membership.ts',
    find: 'if (!committedInTerm) return refused(',
    replace: 'if (!committedInTerm && steps.length === 0) return refused(',
  },
  {
    name: 'a second change before the first is settled (§4.1)',
    bug: 13,
    file: 'src/core/membership.ts',
    find: 'if (log.isConfPending) return refused(',
    replace: 'if (log.isConfPending && steps.length === 0) return refused(',
  },
  {
    name: 'a joint configuration is left before it is committed (§4.3)',
    file: 'src/core/membership.ts',
    find: 'if (!isConfCommitted) return undefined\n    if (conf.votersOutgoing.length > 0)',
    replace: 'if (!isConfCommitted && conf.votersOutgoing.length === 0) return undefined\n    if (conf.votersOutgoing.length > 0)',
  },
  {
    name: 'the voters change without a joint configuration (§4.3)',
    file: 'src/core/conf-change.ts',
    find: 'votersOutgoing: isJoint ? this.#from.voters : [],',
    replace: 'votersOutgoing: [],',
  },
  {
    name: 'a joint configuration decides by its new half alone (§4.3)',
    bug: 11,
    file: 'src/core/quorum.ts',
    find: 'return Math.min(incoming, majorityValue(conf.votersOutgoing, valueOf))',
    replace: 'return incoming',
  },
  {
    name: 'a joint configuration elects by its new half alone (§4.3)',
    bug: 11,
    file: 'src/core/quorum.ts',
    find: "return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending'",
    replace: "return incoming === 'won' ? 'won' : 'pending'",
  },
  {
    name: 'half of the voters is a quorum',
    bug: 11,
    file: 'src/core/quorum.ts',
    find: 'return sorted[(voters.length - 1) >> 1] ?? Number.NEGATIVE_INFINITY',
    replace: 'return sorted[voters.length >> 1] ?? Number.NEGATIVE_INFINITY',
  },
  {
    name: 'a learner that has not caught up keeps others from being promoted (§4.2.1)',
    file: 'src/core/membership.ts',
    find: 'const ready = conf.joining.filter((id) => this.#isCaughtUp(id) && this.#holdsLog(id))',
    replace: 'const ready = conf.joining',
  },
  {
    name: 'a learner is promoted before it has caught up (§4.2.1)',
    file: 'src/core/membership.ts',
    find: 'return progress?.isCaughtUp === true && progress.isActive(this.#ctx.now)',
    replace: 'return progress?.isActive(this.#ctx.now) === true',
  },
  {
    name: 'who has lost its disk comes back as who it was',
    bug: 15,
    file: 'src/node/joining.ts',
    find: 'const incarnation = known.incarnation + 1',
    replace: 'const { incarnation } = known',
  },
  {
    name: 'what a former incarnation acknowledged counts for the next',
    bug: 15,
    missed:
      'a follower that refuses what follows an entry it has acknowledged has lost that, and counts for what it has: the incarnation is a second guard; `test/core/known-bugs.test.ts` tries it alone',
    file: 'src/core/replication.ts',
    find: 'if (this.#progress.get(id)?.incarnation !== member.incarnation) {',
    replace: 'if (this.#progress.get(id) === undefined) {',
  },
  {
    name: 'a removed leader goes on (§4.2.2)',
    file: 'src/core/membership.ts',
    find: 'return !log.conf.voters.includes(id) && !log.isConfPending',
    replace: 'return !log.conf.voters.includes(id) && log.isConfPending && false',
  },
  {
    name: 'a removed leader steps down before its removal is committed (§4.2.2)',
    file: 'src/core/membership.ts',
    find: 'return !log.conf.voters.includes(id) && !log.isConfPending',
    replace: 'return !log.conf.voters.includes(id)',
  },
  {
    name: 'a removed id comes back',
    file: 'src/core/conf-change.ts',
    find: 'if (this.#from.removed.includes(id)) return',
    replace: 'if (this.#from.removed.includes(-id)) return',
  },
  {
    name: 'learners count towards a majority (§4.2.1)',
    bug: 11,
    file: 'src/core/quorum.ts',
    find: 'const incoming = majorityValue(conf.voters, valueOf)',
    replace: 'const incoming = majorityValue([...conf.voters, ...conf.learners], valueOf)',
  },
  {
    name: 'a configuration is in force once it is committed, not when it is appended (§4.1)',
    bug: 12,
    file: 'src/core/raft-log.ts',
    find: 'return this.#confs.newest\n',
    replace: 'return this.committedConf\n',
  },
  {
    name: 'a configuration is lost at a restart (§4.1)',
    bug: 12,
    file: 'src/core/raft-log.ts',
    find: 'later: summary.confs })',
    replace: 'later: [] })',
  },
]
