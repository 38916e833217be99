import type { Mutant } from '../mutant.ts'

/** What is between the log and whoever asks: applying, sessions, answers, bytes. */
export const service: readonly Mutant[] = [
  {
    name: 'a repetition is executed once more (§6.3)',
    bug: 25,
    file: 'src/machine/sessions.ts',
    find: 'if (seq > session.lastSeq) {',
    replace: 'if (seq > 0) {',
  },
  {
    name: 'what may be in the log is called again in the next session (§6.3)',
    bug: 25,
    file: 'src/session/command-lane.ts',
    find: 'if (call.mayBeInLog) this.#ledger.settle',
    replace: 'if (call.seq < 0) this.#ledger.settle',
  },
  {
    name: 'whoever waits for what is in the log is not told that leadership is lost',
    file: 'src/node/command-door.ts',
    find: '    for (const pending of inLog) this.#refuse(pending, fateOpen)\n',
    replace: '    if (inLog.length < 0) this.#refuse(inLog[0] ?? unproposed[0], fateOpen)\n',
  },
  {
    name: 'whoever waits for a read is not told that leadership is lost',
    bug: 26,
    file: 'src/core/rounds.ts',
    find: "this.#ctx.outbox.refuse({ of: 'read', id, from: 0, reason: 'leadershipLost', message: undefined, leader })",
    replace: 'this.#ctx.outbox.has({ promises: id < 0 || leader === id })',
  },
  {
    name: 'commands that were answered are still counted',
    bug: 29,
    file: 'src/node/proposals.ts',
    find: '    this.#count -= 1\n    this.#answered += 1\n',
    replace: '    this.#answered += 1\n',
  },
  {
    name: 'a page of entries that was read from the disk begins one too late',
    bug: 30,
    file: 'src/node/applier.ts',
    find: 'return this.#loaded.slice(offset)\n',
    replace: 'return this.#loaded.slice(offset + 1)\n',
  },
  {
    name: 'a command that fails stops the replica',
    bug: 32,
    file: 'src/machine/replica.ts',
    find: "if (treatment === 'halt') return false",
    replace: "if (treatment !== 'skip') return false",
  },
  {
    name: 'a command that fails is not passed',
    bug: 32,
    file: 'src/machine/replica.ts',
    find: '    this.#skips.fail(index)\n    return true',
    replace: '    this.#skips.fail(index)\n    return false',
  },
  {
    name: 'sessions expire by what this process alone remembers',
    bug: 33,
    file: 'src/machine/replica.ts',
    find: 'this.sessions.expire(this.#now)\n',
    replace: 'if (this.digests.last > this.digests.first + 1) this.sessions.expire(this.#now)\n',
  },
  {
    name: 'chance in a handler goes on from that of the command before',
    bug: 33,
    file: 'src/machine/context.ts',
    find: '    this.#idCount = 0\n    this.#seeded = false\n',
    replace: '    this.#idCount = 0\n',
  },
  {
    name: 'bytes that were damaged on their way are read',
    bug: 36,
    file: 'src/wire/frame.ts',
    find: 'if (actual !== checksum) {',
    replace: 'if (actual !== checksum && actual < 0) {',
  },
]
