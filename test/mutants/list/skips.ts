import type { Mutant } from '../mutant.ts'

/** Skipped commands. */
export const skips: readonly Mutant[] = [
  {
    name: 'a skipped command is applied: nobody looks further on in the log',
    file: 'src/node/halting.ts',
    find: 'const skip = this.#skips.of(index)',
    replace: 'const skip = committed < 0 ? this.#skips.of(index) : undefined',
  },
  {
    name: 'a command that is to be skipped is applied as long as that is not committed',
    file: 'src/node/halting.ts',
    find: "if (skip !== undefined) return skip <= committed ? 'skip' : undefined",
    replace: "if (skip !== undefined && skip <= committed) return 'skip'",
  },
  {
    name: 'a command is skipped before that is committed',
    file: 'src/node/halting.ts',
    find: "if (skip !== undefined) return skip <= committed ? 'skip' : undefined",
    replace: "if (skip !== undefined) return 'skip'",
  },
  {
    name: 'a command is skipped where any node has halted at it',
    file: 'src/node/halted-members.ts',
    find: 'return isQuorum(\n      conf,\n      halted.map(({ id }) => id),\n    )',
    replace: 'return halted.length > 0',
  },
  {
    name: 'a command is skipped where a majority of the new voters alone has halted at it',
    file: 'src/node/halted-members.ts',
    find: 'return isQuorum(\n      conf,',
    replace: 'return isQuorum(\n      { ...conf, votersOutgoing: [] },',
  },
  {
    name: 'a command is skipped where a majority had halted at it in an earlier term',
    file: 'src/node/halted-members.ts',
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
    find: 'skipped, begunAt }: Replica): Uint8Array {\n',
    replace: 'begunAt }: Replica): Uint8Array {\n  const skipped: readonly Index[] = []\n',
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
    file: 'src/node/halted-members.ts',
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
