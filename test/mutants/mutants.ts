/** One way to break the core. */
export interface Mutant {
  /** The rule that is broken. */
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** Why nothing would have to notice it; `undefined`: something must. */
  readonly harmless?: 'equivalent' | 'liveness only'
}

const elections = 'src/core/elections.ts'
const leader = 'src/core/leader.ts'
const membership = 'src/core/membership.ts'
const replication = 'src/core/replication.ts'
const rounds = 'src/core/rounds.ts'
const lease = 'src/core/lease.ts'
const transfer = 'src/core/transfer.ts'
const raftLog = 'src/core/raft-log.ts'
const raft = 'src/core/raft.ts'
const snapshots = 'src/core/snapshots.ts'
const recall = 'src/node/recall.ts'
const logRepair = 'src/node/log-repair.ts'
const highWater = 'src/storage/high-water.ts'
const halting = 'src/node/halting.ts'
const haltedMembers = 'src/node/halted-members.ts'

export const mutants: readonly Mutant[] = [
  // --- Elections
  {
    name: 'a vote is given to a log that is as long but of an older term (§3.6.1)',
    file: 'src/core/entry-order.ts',
    find: 'return a.term > b.term || (a.term === b.term && a.index >= b.index)',
    replace: 'return a.term > b.term || a.index >= b.index',
  },
  {
    name: 'a vote is given to any log (§3.6.1)',
    file: elections,
    find: 'const granted = isFree && this.#mayVoteFor(message) && this.#ctx.log.isUpToDate(message.last)',
    replace: 'const granted = isFree && this.#mayVoteFor(message)',
  },
  {
    name: 'a second vote in a term (§3.4)',
    file: elections,
    find: 'const isFree = votedFor === message.from || (votedFor === undefined && this.leader === undefined)',
    replace: 'const isFree = this.leader === undefined',
  },
  {
    name: 'an answer leaves before term and vote are durable (§3.8)',
    file: 'src/core/node-context.ts',
    find: 'if (persistence.isHardStateDurable) outbox.send(message)',
    replace: 'if (message !== undefined) outbox.send(message)',
  },
  {
    name: 'a pre-vote raises the term of its receiver (§9.6)',
    file: raft,
    find: 'if (message.term > term && !isPreVoting(message)) {',
    replace: 'if (message.term > term) {',
  },
  {
    name: 'whoever hears from a leader takes part in elections (§4.2.3)',
    file: elections,
    find: 'return isRequest && (message.term > this.term || this.#ctx.log.conf.leaseMs > 0) && this.#hearsLeader',
    replace: 'return isRequest && false',
  },
  {
    name: 'a leader that no quorum hears goes on (§6.2)',
    file: leader,
    find: 'if (-quorumValue(log.conf, this.#replication.heardOf) >= timing.electionTimeoutMs) return false',
    replace: 'if (-quorumValue(log.conf, this.#replication.heardOf) >= 1_000 * timing.electionTimeoutMs) return false',
  },
  {
    name: 'learners campaign (§4.2.1)',
    file: elections,
    find: 'log.conf.voters.length > 0 && (isVoter(log.conf, id) || isVoter(log.confBefore, id))',
    replace: 'log.conf.voters.length > 0',
  },
  {
    name: 'a node without its state campaigns',
    file: elections,
    find: 'return log.hasState && log.fence === undefined && log.conf.voters.length > 0 && (isVoter(log.conf, id) || isVoter(log.confBefore, id))',
    replace: 'return log.fence === undefined && log.conf.voters.length > 0 && (isVoter(log.conf, id) || isVoter(log.confBefore, id))',
  },
  {
    name: 'a node that does not know who votes gives votes',
    file: elections,
    find: 'return isSound && voters.length > 0 && !removed.includes(from)',
    replace: 'return isSound && !removed.includes(from)',
  },
  {
    name: 'who was removed gets votes',
    file: elections,
    find: 'return isSound && voters.length > 0 && !removed.includes(from)',
    replace: 'return isSound && voters.length > 0',
  },
  {
    name: 'a dead process ends the wait also during a lease (§6.4.1)',
    file: elections,
    find: 'if (conf.leaseMs > 0 || conf.members.find(',
    replace: 'if (conf.members.find(',
  },
  {
    name: 'the death of an earlier incarnation ends the wait',
    file: elections,
    find: '?.incarnation !== incarnation) return',
    replace: '?.incarnation === undefined) return',
  },

  // --- Replication and commitment
  {
    name: 'an entry of an older term is committed by counting (§3.6.2)',
    file: leader,
    find: 'if (index <= commitIndex || log.termAt(index) !== this.term) return false',
    replace: 'if (index <= commitIndex) return false',
  },
  {
    name: 'the leader counts what its own disk does not have yet (§10.2.1)',
    file: replication,
    find: 'return id === this.#ctx.id ? this.#ctx.log.stableIndex : (this.#progress.get(id)?.matchIndex ?? 0)',
    replace: 'return id === this.#ctx.id ? this.#ctx.log.lastIndex : (this.#progress.get(id)?.matchIndex ?? 0)',
  },
  {
    name: 'an acknowledgement claims the end of the log (§3.5)',
    file: 'src/core/replies.ts',
    find: 'const matchIndex = Math.max(prev.index + entries.length, commitIndex)',
    replace: 'const matchIndex = log.lastIndex',
  },
  {
    name: 'an acknowledgement leaves before its entries are durable (§3.8)',
    file: raft,
    find: 'if (answer.ok) this.#outbox.promise(answer)',
    replace: 'if (answer.ok) this.#outbox.send(answer)',
  },
  {
    name: 'entries are taken whatever precedes them (§3.5)',
    file: 'src/core/replies.ts',
    find: 'if (!isKnown && !log.has(prev)) return',
    replace: 'if (!isKnown && prev.index > log.lastIndex) return',
  },
  {
    name: 'a follower commits what its leader has, whether it holds it or not (§3.5)',
    file: rounds,
    find: 'const commitIndex = Math.min(log.commitIndex, progress.matchIndex)',
    replace: 'const commitIndex = log.commitIndex',
  },
  {
    name: 'what is committed is applied before the own disk has it',
    file: raftLog,
    find: 'return this.#isHeld ? undefined : Math.min(this.#commitIndex, this.#stableIndex)',
    replace: 'return this.#isHeld ? undefined : this.#commitIndex',
  },
  {
    name: 'promises of an older term leave in a newer one',
    file: elections,
    find: '    this.#ctx.outbox.dropPromises()\n',
    replace: '',
  },
  {
    name: 'a truncation does not reach the configuration (§4.1)',
    file: raftLog,
    find: '    this.#confs.truncateFrom(index)\n',
    replace: '',
  },
  {
    name: 'a write in flight counts for what has overwritten it',
    file: raftLog,
    find: '    this.#writingIndex = Math.min(this.#writingIndex, index - 1)\n',
    replace: '',
  },

  // --- Membership
  {
    name: 'a change before the first commit in the term (erratum of 2015)',
    file: membership,
    find: 'if (!committedInTerm) return refused(',
    replace: 'if (!committedInTerm && steps.length === 0) return refused(',
  },
  {
    name: 'a second change before the first is settled (§4.1)',
    file: membership,
    find: 'if (log.isConfPending) return refused(',
    replace: 'if (log.isConfPending && steps.length === 0) return refused(',
  },
  {
    name: 'a joint configuration is left before it is committed (§4.3)',
    file: membership,
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
    file: 'src/core/quorum.ts',
    find: 'return Math.min(incoming, majorityValue(conf.votersOutgoing, valueOf))',
    replace: 'return incoming',
  },
  {
    name: 'a joint configuration elects by its new half alone (§4.3)',
    file: 'src/core/quorum.ts',
    find: "return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending'",
    replace: "return incoming === 'won' ? 'won' : 'pending'",
  },
  {
    name: 'half of the voters is a quorum',
    file: 'src/core/quorum.ts',
    find: 'return sorted[(voters.length - 1) >> 1] ?? Number.NEGATIVE_INFINITY',
    replace: 'return sorted[voters.length >> 1] ?? Number.NEGATIVE_INFINITY',
  },
  {
    name: 'a learner that has not caught up keeps others from being promoted (§4.2.1)',
    file: membership,
    find: 'const ready = conf.joining.filter((id) => this.#isCaughtUp(id) && this.#holdsLog(id))',
    replace: 'const ready = conf.joining',
  },
  {
    name: 'a learner is promoted before it has caught up (§4.2.1)',
    file: membership,
    find: 'return progress?.isCaughtUp === true && progress.isActive(this.#ctx.now)',
    replace: 'return progress?.isActive(this.#ctx.now) === true',
  },
  {
    name: 'what a former incarnation acknowledged counts for the next',
    file: replication,
    find: 'if (this.#progress.get(id)?.incarnation !== member.incarnation) {',
    replace: 'if (this.#progress.get(id) === undefined) {',
  },
  {
    name: 'a removed leader goes on (§4.2.2)',
    file: membership,
    find: 'return !log.conf.voters.includes(id) && !log.isConfPending',
    replace: 'return !log.conf.voters.includes(id) && log.isConfPending && false',
  },
  {
    name: 'a removed leader steps down before its removal is committed (§4.2.2)',
    file: membership,
    find: 'return !log.conf.voters.includes(id) && !log.isConfPending',
    replace: 'return !log.conf.voters.includes(id)',
  },
  {
    name: 'a removed id comes back',
    file: 'src/core/conf-change.ts',
    find: 'if (this.#from.removed.includes(id)) return',
    replace: 'if (this.#from.removed.includes(-id)) return',
  },

  // --- Transfer, reads, leases
  {
    name: 'a transfer asks a target that lacks entries (§3.10)',
    file: transfer,
    find: 'if (this.#progress.get(this.#target.id)?.matchIndex !== this.#ctx.log.lastIndex) return false',
    replace: 'if (this.#progress.get(this.#target.id) === undefined) return false',
  },
  {
    name: 'a transfer is never given up (§3.10)',
    file: transfer,
    find: 'if (isOver || !log.conf.voters.includes(this.#target.id)) this.#target = undefined',
    replace: 'if (isOver && !log.conf.voters.includes(this.#target.id)) this.#target = undefined',
  },
  {
    name: 'a lease outlives the request to take over (§6.4.1)',
    file: leader,
    find: 'if (this.#transfer.maybeAsk()) this.#rounds.revokeLease()',
    replace: 'this.#transfer.maybeAsk()',
  },
  {
    name: 'a lease lasts longer than anybody waits (§6.4.1)',
    file: lease,
    find: 'now - newest.atMs < leaseShare * leaseMs',
    replace: 'now - newest.atMs < 3 * leaseMs',
  },
  {
    name: 'a lease holds before its configuration is committed (§6.4.1)',
    file: lease,
    find: 'if (this.#isRevoked || leaseMs === 0 || !log.isConfCommitted) return false',
    replace: 'if (this.#isRevoked || leaseMs === 0) return false',
    // A quorum whose logs hold the configuration, and an entry of this term, has committed it.
    harmless: 'equivalent',
  },
  {
    name: 'a lease is confirmed by those who do not know of it (§6.4.1)',
    file: lease,
    find: 'return matchIndexOf(id) >= Math.max(this.#ctx.log.confIndex, firstOwnIndex) ? confirmedRoundOf(id) : 0',
    replace: 'return matchIndexOf(id) >= 0 * firstOwnIndex ? confirmedRoundOf(id) : 0',
  },
  {
    name: 'reads before the first commit in the term (§6.4)',
    file: rounds,
    find: 'return log.termAt(log.commitIndex) === this.#term',
    replace: 'return log.commitIndex >= 0',
  },
  {
    name: 'a read is granted by a round that began before it (§6.4)',
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

  // --- Snapshots and compaction
  {
    name: 'a snapshot of a later term is used in an earlier one',
    file: snapshots,
    find: 'if (newest > this.#elections.term) this.#elections.becomeFollower({ term: newest, leader: undefined })',
    replace: 'if (base.id.term > this.#elections.term) this.#elections.becomeFollower({ term: base.id.term, leader: undefined })',
  },
  {
    name: 'a log that contradicts a snapshot stays (§5.3)',
    file: raftLog,
    find: 'const isReplaced = !this.has(id)\n',
    replace: 'const isReplaced = id.index > this.lastIndex\n',
  },
  {
    name: 'a log that agrees with a snapshot goes (§5.3)',
    file: raftLog,
    find: 'const isReplaced = !this.has(id)\n',
    replace: 'const isReplaced = true\n',
  },
  {
    name: 'an older snapshot takes the place of a newer state',
    file: raftLog,
    find: 'return this.#hasState ? id.index > this.#commitIndex : id.index >= this.#base.index',
    replace: 'return id.index > this.#base.index',
  },
  {
    name: 'the log is compacted under a follower that fetches a snapshot',
    file: snapshots,
    find: "const pinned = role.kind === 'leader' ? role.pinnedIndex : Number.POSITIVE_INFINITY",
    replace: 'const pinned = Number.POSITIVE_INFINITY',
  },
  {
    name: 'entries are applied while a snapshot is being read',
    file: raftLog,
    find: 'return !this.#hasState || this.#restoring !== undefined\n',
    replace: 'return !this.#hasState\n',
  },
  {
    name: 'a compacted log forgets the configuration of its base',
    file: 'src/core/conf-history.ts',
    find: 'this.#base = { index, conf: this.at(index) }',
    replace: 'this.#base = { index, conf: this.#base.conf }',
  },

  // --- What was lost, or forgotten
  {
    name: 'a damaged log votes as if it had never held more',
    file: raftLog,
    find: 'if (fence === undefined) return isAtLeast(last, this.last)',
    replace: 'return isAtLeast(last, this.last)',
  },
  {
    name: 'a damaged log campaigns',
    file: elections,
    find: 'return log.hasState && log.fence === undefined && log.conf.voters.length > 0 && (isVoter(log.conf, id) || isVoter(log.confBefore, id))',
    replace: 'return log.hasState && log.conf.voters.length > 0 && (isVoter(log.conf, id) || isVoter(log.confBefore, id))',
  },
  {
    name: 'a follower that lost what it acknowledged still counts for it',
    file: 'src/core/progress.ts',
    find: 'if (prevIndex <= this.#matchIndex) this.#matchIndex =',
    replace: 'if (prevIndex < 0) this.#matchIndex =',
  },
  {
    name: 'a log whose floor nobody knows takes part',
    file: raft,
    find: 'this.#log.isFloorUnknown || this.#elections.isDisruptive(message)',
    replace: 'this.#elections.isDisruptive(message)',
  },
  {
    name: 'an entry that was forgotten is forgotten again: the fence is not written',
    file: 'src/core/log-fence.ts',
    find: 'this.#news = this.#fence\n',
    replace: '',
  },
  {
    name: 'entries that others remember are not heeded',
    file: recall,
    find: 'floor: isEntryForgotten ? match : undefined,',
    replace: 'floor: undefined,',
  },
  {
    name: 'votes that others remember are not heeded',
    file: recall,
    find: 'const isVoteForgotten = votedTerm > hardState.term ||',
    replace: 'const isVoteForgotten = votedTerm > hardState.term + 1_000_000 ||',
  },
  {
    name: 'a node takes part before it has asked',
    file: recall,
    find: 'if (this.#isSettled && this.#answers.has(from)) return true',
    replace: 'if (from > 0) return true',
  },
  {
    name: 'voters that only others know are not asked',
    file: recall,
    find: 'for (const { voters } of this.#answers.values()) for (const voter of voters) others.add(voter)',
    replace: '',
  },
  {
    name: 'a node that does not know what it held takes no word for what it acknowledged',
    file: recall,
    find: 'of [answer.held, answer.match]',
    replace: 'of [answer.held]',
  },
  {
    name: 'what is remembered late does not end a candidacy',
    file: raft,
    find: 'if (this.#log.fence !== undefined) this.#elections.endCandidacy()',
    replace: '',
  },
  {
    name: 'a damaged log commits what a heartbeat says',
    file: raft,
    find: 'if (this.#log.fence === undefined && message.commitIndex <= this.#log.lastIndex)',
    replace: 'if (message.commitIndex <= this.#log.lastIndex)',
  },
  {
    name: 'a leader does not keep what others acknowledged to it',
    file: leader,
    find: 'if (witness !== undefined) outbox.note(witness)',
    replace: 'if (witness === undefined) outbox.note([])',
  },
  {
    name: 'one that has forgotten as much may tell what a node held',
    file: recall,
    find: 'return answer !== undefined && !(answer.isForgetful && this.#isFloorUnknown)',
    replace: 'return answer !== undefined',
  },
  {
    name: 'some of the others may tell what a node held',
    file: recall,
    find: 'if (!isComplete) return\n',
    replace: 'if (!this.#isHeardEnough) return\n',
  },
  {
    name: 'entries are taken for those that were lost, whatever the chain says',
    file: logRepair,
    find: 'if (this.#at?.chain === anchor.chain && this.#at.index === anchor.index) {',
    replace: 'if (this.#at?.index === anchor.index) {',
  },
  {
    name: 'a log that lacks what its high water says is whole',
    file: highWater,
    find: "if (!isSamePosition(end, newest.last)) return 'damaged'",
    replace: "if (writes !== undefined && end.index < 0) return 'damaged'",
  },
  {
    name: 'one slot of two is believed',
    file: highWater,
    find: "return unreadable.length === 0 ? 'whole' : 'doubtful'",
    replace: "return 'whole'",
  },
  {
    name: 'the promise does not wait for the high water',
    file: 'src/storage/slot-write.ts',
    find: 'else keeper.write(slotOf(next, keeper.state), written)',
    replace: 'else { keeper.write(slotOf(next, keeper.state), () => {}); written(undefined) }',
  },
  {
    name: 'a later term is written before the fence that comes with it',
    file: 'src/storage/slot-write.ts',
    find: 'if (!isRaised(keeper.state.fence, next.fence)) return write()',
    replace: 'if (keeper.state.sequence >= 0) return write()',
  },
  {
    name: 'a vote that only the high water has is forgotten',
    file: 'src/storage/log-verdict.ts',
    find: 'const merged = mergeHardState(found.hardState, slot?.hardState, end)',
    replace: 'const merged = mergeHardState(found.hardState, undefined, end)',
  },
  {
    name: 'a node whose state is wrong gives votes',
    file: elections,
    find: 'return isSound && voters.length > 0 && !removed.includes(from)',
    replace: 'return voters.length > 0 && !removed.includes(from)',
  },
  {
    name: 'a node whose state is wrong campaigns',
    file: elections,
    find: 'if (disk.isHung || !isSound) return false',
    replace: 'if (disk.isHung) return false',
  },
  {
    name: 'two that have the same state are a majority of any number',
    file: 'src/node/state-verdict.ts',
    find: 'isQuorum(\n      conf,\n      said.filter((one) => isEqual(one.digest, digest)).map(({ voter }) => voter),\n    )',
    replace: 'said.filter((one) => isEqual(one.digest, digest)).length >= Math.min(2, conf.voters.length)',
  },
  {
    name: 'a node whose state is wrong gives snapshots of it',
    file: 'src/node/snapshot-source.ts',
    find: 'const snapshot = isSound() ? known : undefined',
    replace: 'const snapshot = known',
  },
  {
    name: 'a later life begins with a snapshot of a wrong state',
    file: 'src/node/state-transfer.ts',
    find: 'for (const snapshot of wrong) this.#shelf.condemn(snapshot, why)',
    replace: 'for (const snapshot of wrong) if (snapshot.bytes < 0) this.#shelf.condemn(snapshot, why)',
  },
  {
    name: 'what was undone counts in the digest',
    file: 'src/machine/table.ts',
    find: 'this.#indexes?.replace(key, undone, before)\n    }\n    this.#forgetJournal()',
    replace: 'this.#indexes?.replace(key, undone, before)\n    }\n    this.commit()',
  },

  // --- Skipped commands
  {
    name: 'a skipped command is applied: nobody looks further on in the log',
    file: halting,
    find: 'const skip = this.#skips.of(index)',
    replace: 'const skip = committed < 0 ? this.#skips.of(index) : undefined',
  },
  {
    name: 'a command that is to be skipped is applied as long as that is not committed',
    file: halting,
    find: "if (skip !== undefined) return skip <= committed ? 'skip' : undefined",
    replace: "if (skip !== undefined && skip <= committed) return 'skip'",
  },
  {
    name: 'a command is skipped before that is committed',
    file: halting,
    find: "if (skip !== undefined) return skip <= committed ? 'skip' : undefined",
    replace: "if (skip !== undefined) return 'skip'",
  },
  {
    name: 'a command is skipped where any node has halted at it',
    file: haltedMembers,
    find: 'return isQuorum(\n      conf,\n      halted.map(({ id }) => id),\n    )',
    replace: 'return halted.length > 0',
  },
  {
    name: 'a command is skipped where a majority of the new voters alone has halted at it',
    file: haltedMembers,
    find: 'return isQuorum(\n      conf,',
    replace: 'return isQuorum(\n      { ...conf, votersOutgoing: [] },',
  },
  {
    name: 'a command is skipped where a majority had halted at it in an earlier term',
    file: haltedMembers,
    find: 'filter(({ message, at }) => message.term === term && at >= since)',
    replace: 'filter(({ message, at }) => message.term <= term && at >= since)',
  },
  {
    name: 'a command is skipped that the leader has answered',
    file: 'src/node/skip-orders.ts',
    find: 'if (current?.index !== index) {',
    replace: 'if (current !== undefined && current.index !== index) {',
  },
  {
    name: 'a snapshot does not know what was skipped',
    file: 'src/wire/replica-codec.ts',
    find: 'if (skipped.length === 0) return writer.take()\n',
    replace: 'if (skipped.length >= 0) return writer.take()\n',
  },
  {
    name: 'whoever has applied a skipped command goes on',
    file: 'src/machine/replica.ts',
    find: "if (envelope.kind === 'skip' && !this.hasSkipped(envelope.skipped)) {",
    replace: "if (envelope.kind === 'skip' && envelope.skipped < 0) {",
  },
  {
    name: 'whoever has applied a skipped command answers queries from that state',
    file: 'src/node/query-door.ts',
    find: 'if (replica.isAstray || (replica.lastApplied === 0 && !raft.status.hasState)) {',
    replace: 'if (replica.lastApplied === 0 && !raft.status.hasState) {',
  },
  {
    name: 'snapshots of a state with a skipped command stay',
    file: 'src/node/state-transfer.ts',
    find: 'this.#shelf.disown(astray)\n',
    replace: '\n',
  },
  {
    name: 'a halted command leaves a trace in its session',
    file: 'src/machine/replica.ts',
    find: "if (verdict.kind === 'execute' && !this.#execute(entry, envelope, treatment)) return false",
    replace:
      "sessions.touch(session, { now: envelope.now, ackedBelow })\n    if (verdict.kind === 'execute' && !this.#execute(entry, envelope, treatment)) return false",
  },
  {
    name: 'whoever has skipped a command doubts itself because of one that had applied it',
    file: 'src/node/skips.ts',
    find: 'return this.#found.some((one) => one.skipped < index && index < one.index)',
    replace: 'return this.#found.some((one) => one.skipped < index && index < one.skipped)',
  },
  {
    name: 'a snapshot of a state that was given up is written later',
    file: 'src/node/snapshotter.ts',
    find: 'this.#next?.pieces.return(undefined)\n    this.#next = undefined\n',
    replace: '\n',
  },
  {
    name: 'whoever has applied a skipped command goes on until it comes to the entry that says so',
    file: 'src/node/halting.ts',
    find: 'if (this.#skips.isEmpty) return undefined',
    replace: 'if (this.#skips.isEmpty || committed > 0) return undefined',
  },
  {
    name: 'a command is skipped where a majority had halted at it before they were asked',
    file: haltedMembers,
    find: 'message.term === term && at >= since)',
    replace: 'message.term === term && at <= since + 1e9)',
  },
  {
    name: 'whoever leads and has halted alone leads on',
    file: 'src/node/halt-hand-over.ts',
    find: 'if (to === undefined) return',
    replace: 'if (to !== undefined) return',
  },
]
