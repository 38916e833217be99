import type { Mutant } from '../mutant.ts'

/** Transfer, reads, leases. */
export const reads: readonly Mutant[] = [
  {
    name: 'a transfer asks a target that lacks entries (§3.10)',
    file: 'src/core/transfer.ts',
    find: 'if (this.#progress.get(this.#target.id)?.matchIndex !== this.#ctx.log.lastIndex) return false',
    replace: 'if (this.#progress.get(this.#target.id) === undefined) return false',
  },
  {
    name: 'a transfer is never given up (§3.10)',
    file: 'src/core/transfer.ts',
    find: 'if (isOver || !log.conf.voters.includes(this.#target.id)) this.#target = undefined',
    replace: 'if (isOver && !log.conf.voters.includes(this.#target.id)) this.#target = undefined',
  },
  {
    name: 'a lease outlives the request to take over (§6.4.1)',
    bug: 10,
    file: 'src/core/leader.ts',
    find: 'if (this.#transfer.maybeAsk()) this.#rounds.revokeLease()',
    replace: 'this.#transfer.maybeAsk()',
  },
  {
    name: 'a lease lasts longer than anybody waits (§6.4.1)',
    file: 'src/core/lease.ts',
    find: 'now - newest.atMs < leaseShare * leaseMs',
    replace: 'now - newest.atMs < 3 * leaseMs',
  },
  {
    name: 'a lease holds before its configuration is committed (§6.4.1)',
    file: 'src/core/lease.ts',
    find: 'if (this.#isRevoked || leaseMs === 0 || !log.isConfCommitted) return false',
    replace: 'if (this.#isRevoked || leaseMs === 0) return false',
    // A quorum whose logs hold the configuration, and an entry of this term, has committed it.
    harmless: 'equivalent',
  },
  {
    name: 'a lease is confirmed by those who do not know of it (§6.4.1)',
    file: 'src/core/lease.ts',
    find: 'return matchIndexOf(id) >= Math.max(this.#ctx.log.confIndex, firstOwnIndex) ? confirmedRoundOf(id) : 0',
    replace: 'return matchIndexOf(id) >= 0 * firstOwnIndex ? confirmedRoundOf(id) : 0',
  },
  {
    name: 'reads before the first commit in the term (§6.4)',
    bug: 8,
    file: 'src/core/rounds.ts',
    find: 'return log.termAt(log.commitIndex) === this.#term',
    replace: 'return log.commitIndex >= 0',
  },
  {
    name: 'a read is granted by a round that began before it (§6.4)',
    bug: 9,
    file: 'src/core/reads.ts',
    find: 'if (first === undefined || first.round > round) return',
    replace: 'if (first === undefined || first.round > round + 1) return',
  },
  {
    name: 'a follower takes any answer for its question (§6.4)',
    file: 'src/core/follower-reads.ts',
    find: 'if (from !== this.#leader || nonce !== this.#ctx.nonce || counter > this.#ctx.question) return',
    replace: 'if (from !== this.#leader) return',
  },
  {
    name: 'a read is granted without asking whether somebody else leads by now (§6.4)',
    bug: 8,
    file: 'src/core/rounds.ts',
    find: 'this.#reads.confirm(quorumValue(this.#ctx.log.conf, this.#replication.confirmedRoundOf), this)',
    replace: 'this.#reads.confirm(this.#ctx.round, this)',
  },
  {
    name: 'time in the core goes by the clock on the wall (§6.4.1)',
    bug: 10,
    file: 'src/node/node.ts',
    find: 'const now = this.#ports.clock.monotonicMs()',
    replace: 'const now = this.#ports.clock.wallMs()',
  },
  {
    name: 'all questions of a follower have one number (§6.4)',
    bug: 9,
    file: 'src/core/follower-reads.ts',
    find: 'const counter = ++this.#ctx.question',
    replace: 'const counter = this.#ctx.question',
  },
  {
    name: 'a round for reads asks one fewer than a quorum (§6.4)',
    file: 'src/core/quick-quorum.ts',
    find: '(isVoter(conf, self) ? 0 : 1)',
    replace: '(isVoter(conf, self) ? -1 : 0)',
  },
  {
    name: 'a round for reads asks a quorum of the new members alone (§4.3)',
    file: 'src/core/quick-quorum.ts',
    find: 'if (conf.votersOutgoing.length > 0) return undefined\n',
    replace: '',
  },
  {
    name: 'a round for reads asks learners for voters (§4.2.1)',
    file: 'src/core/quick-quorum.ts',
    find: 'answers.filter((id) => isVoter(conf, id))',
    replace: 'answers.filter((id) => id !== 0)',
  },
  {
    name: 'whom a round for reads has asked is asked alone again, though it did not answer',
    file: 'src/core/quick-quorum.ts',
    find: '    this.#heartbeat = 0\n    this.#answers = []\n    this.#before = []\n',
    replace: '',
  },
]
