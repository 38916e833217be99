// A command whose handler fails where that halts, and one that was skipped: what is left of them in a replica.
import { describe, expect, test } from 'vitest'
import type { Envelope } from '../../src/machine/envelope.ts'
import { type ApplyOutcome, Replica, type Treatment } from '../../src/machine/replica.ts'
import { skippedMax } from '../../src/machine/skipped-entries.ts'
import type { StateMachine } from '../../src/machine/state-machine.ts'
import { encodeReplica } from '../../src/wire/replica-codec.ts'
import { ReplicaDecoder } from '../../src/wire/replica-decoder.ts'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (line: string) => new TextEncoder().encode(line)

/** Lines; its handler fails with `bad`, which it is told not to where it is mended. */
function lines({ isMended = false } = {}): StateMachine {
  let all: string[] = []
  return {
    name: 'lines',
    version: 1,
    wire: 'utf8',
    failedReply: bytes('failed'),
    apply(command, context) {
      const line = text(command)
      if (line !== 'bad' || isMended) return bytes(`${all.push(line)}`)
      context.report({ command: 'append', message: 'no line', stack: undefined })
      return bytes('failed')
    },
    query: () => bytes(all.join(' ')),
    snapshot: () => bytes(all.join('\n')),
    restoreSnapshot: (snapshot) => {
      all = snapshot.length === 0 ? [] : text(snapshot).split('\n')
    },
  }
}

const session = 1
/** One whose first entry opens session 1, at time 1,000; its commands come a second apart. */
class Subject {
  readonly replica: Replica
  #seq = 0

  constructor(options: { isMended?: boolean } = {}) {
    this.replica = new Replica(lines(options))
    this.apply({ kind: 'openSession', now: 1_000, ttlMs: 60_000 })
  }

  apply(envelope: Envelope, treatment?: Treatment): ApplyOutcome {
    const index = this.replica.lastApplied + 1
    return this.replica.apply({ index, term: 1, kind: 'command', data: new Uint8Array(0), conf: undefined }, envelope, treatment)
  }

  command(line: string, treatment?: Treatment, { seq = this.#seq + 1, ackedBelow = 1 } = {}): ApplyOutcome {
    this.#seq = seq
    const now = 1_000 + 1_000 * seq
    return this.apply({ kind: 'command', now, session, seq, ackedBelow, version: 1, command: bytes(line) }, treatment)
  }

  skip(skipped: number): ApplyOutcome {
    return this.apply({ kind: 'skip', now: 0, skipped })
  }

  get lines(): string {
    return text(this.replica.query(new Uint8Array(0), 0))
  }

  get bytes(): string {
    return Buffer.concat([...encodeReplica(this.replica)]).toString('hex')
  }

  /** Another one that was made of what is in a snapshot of this one. */
  restored(): Subject {
    const content = Buffer.from(this.bytes, 'hex')
    const other = new Subject()
    const decoder = new ReplicaDecoder(other.replica.machine, content.length)
    decoder.write(content)
    decoder.restore(other.replica)
    return other
  }
}

describe('an entry that skips a command', () => {
  test('lets no time pass, and ends no session, even as the first of its term', () => {
    const { replica } = new Subject()
    replica.apply(
      { term: 1, index: replica.lastApplied + 1, kind: 'command', data: new Uint8Array(0), conf: undefined },
      { kind: 'clock', now: 5, ceiling: 900_000 },
    )
    const [now, sessions, index] = [replica.now, replica.sessions.size, replica.lastApplied + 1]
    replica.apply(
      { term: 2, index, kind: 'command', data: new Uint8Array(0), conf: undefined },
      { kind: 'skip', now: 800_000, skipped: index },
    )
    expect([replica.now, replica.sessions.size]).toEqual([now, sessions])
    expect(sessions).toBeGreaterThan(0)
  })
})

describe('a command whose handler fails', () => {
  test('has failed, and says so to its caller', () => {
    const one = new Subject()
    expect(one.command('bad')).toBe('applied')
    expect([one.replica.lastApplied, text(one.replica.applied.reply)]).toEqual([2, 'failed'])
  })

  test('changes nothing where that halts: state, sessions, replies, log time and index stay as they were', () => {
    const one = new Subject()
    one.command('a')
    const before = one.bytes
    expect(one.command('bad', 'halt', { seq: 2, ackedBelow: 2 })).toBe('halted')
    expect(one.bytes).toBe(before)
    expect(one.replica.applied.failure).toEqual({ command: 'append', message: 'no line', stack: undefined })
  })

  test('halts as often as it is tried, and is applied once its handler is mended', () => {
    const one = new Subject()
    expect([one.command('bad', 'halt', { seq: 1 }), one.command('bad', 'halt', { seq: 1 })]).toEqual(['halted', 'halted'])
    expect(one.command('good', 'halt', { seq: 1 })).toBe('applied')
    expect(one.lines).toBe('good')
  })

  test('does not halt where it is a repetition, or its session is unknown: then it is not called', () => {
    const one = new Subject({ isMended: true })
    one.command('bad', 'halt', { seq: 1 })
    const failing = one.restored()
    expect(failing.command('bad', 'halt', { seq: 1 })).toBe('applied')
    expect(text(failing.replica.applied.reply)).toBe('1')
    failing.apply({ kind: 'closeSession', now: 0, session })
    expect(failing.command('bad', 'halt', { seq: 2 })).toBe('applied')
    expect(failing.replica.applied.refused?.code).toBe('SESSION_EXPIRED')
  })
})

describe('a command that is skipped', () => {
  test('leaves the very state that it would have left by failing, but for being remembered as skipped', () => {
    const [skipping, failing] = [new Subject(), new Subject()]
    expect([skipping.command('bad', 'skip'), failing.command('bad', 'fail')]).toEqual(['applied', 'applied'])
    expect(text(skipping.replica.applied.reply)).toBe('failed')
    for (const one of [skipping, failing]) {
      one.command('a')
      expect(one.skip(2)).toBe('applied')
      expect(one.lines).toBe('a')
    }
    expect(skipping.bytes).toBe(failing.bytes)
  })

  test('is not shown to its handler, and recorded for its session', () => {
    const one = new Subject({ isMended: true })
    one.command('bad', 'skip', { seq: 1 })
    one.command('bad', 'halt', { seq: 1 })
    expect([one.lines, text(one.replica.applied.reply), one.replica.applied.index]).toEqual(['', 'failed', 2])
  })

  test('lets the entry that says so pass, also in a replica made of a snapshot from in between', () => {
    const one = new Subject()
    one.command('bad', 'skip')
    one.command('a')
    expect([one.restored().skip(2), one.skip(2), one.skip(2)]).toEqual(['applied', 'applied', 'applied'])
  })
})

describe('an entry that says that a command was to be skipped', () => {
  test('finds a replica astray that has applied it, and changes nothing there', () => {
    const one = new Subject({ isMended: true })
    one.command('bad')
    const before = one.bytes
    expect(one.skip(2)).toBe('astray')
    expect([one.bytes, one.replica.isAstray]).toEqual([before, true])
  })

  test('finds one made of a snapshot of that state astray as well, until another state has come', () => {
    const right = new Subject()
    right.command('bad', 'skip')
    const stray = new Subject({ isMended: true })
    stray.command('bad')
    const copy = stray.restored()
    expect(copy.skip(2)).toBe('astray')
    const decoder = new ReplicaDecoder(copy.replica.machine, Buffer.from(right.bytes, 'hex').length)
    decoder.write(Buffer.from(right.bytes, 'hex'))
    decoder.restore(copy.replica)
    expect([copy.replica.isAstray, copy.skip(2)]).toEqual([false, 'applied'])
  })

  test('remembers nothing of what it added up to, once it has the state of another, be that of the very entry', () => {
    const [right, stray] = [new Subject(), new Subject({ isMended: true })]
    right.command('bad', 'skip')
    right.skip(2)
    stray.command('bad')
    expect([stray.skip(2), stray.replica.digests.at(2)]).toEqual(['astray', expect.anything()])
    const content = Buffer.from(right.bytes, 'hex')
    const decoder = new ReplicaDecoder(stray.replica.machine, content.length)
    decoder.write(content)
    decoder.restore(stray.replica)
    expect([stray.replica.digests.at(2), stray.replica.digests.at(3)]).toEqual([undefined, right.replica.digests.at(3)])
  })

  test('lets no time pass, and ends no session', () => {
    const one = new Subject()
    one.command('bad', 'skip')
    const { now } = one.replica
    one.skip(2)
    expect([one.replica.now, one.replica.sessions.size]).toEqual([now, 1])
  })

  test('passes where it speaks of itself, or of what is to come', () => {
    const one = new Subject()
    expect([one.skip(2), one.skip(9)]).toEqual(['applied', 'applied'])
  })
})

test(`the newest ${skippedMax} skipped commands are remembered; what is below counts as settled`, () => {
  const one = new Subject()
  for (let seq = 1; seq <= skippedMax + 3; seq++) one.command('bad', 'skip', { seq, ackedBelow: seq })
  expect([one.replica.skipped.length, one.replica.skipped[0]]).toEqual([skippedMax, 5])
  expect(one.skip(3)).toBe('applied')
})

test('sessions end with the same entry in a replica and in one that was made of a snapshot of it', () => {
  const one = new Subject()
  one.command('a')
  const other = one.restored()
  const clock = (now: number): Envelope => ({ kind: 'clock', now, ceiling: 0 })

  for (const [now, isThere] of [
    [62_000, true],
    [62_001, false],
  ] as const) {
    for (const subject of [one, other]) {
      subject.apply(clock(now))
      expect(subject.replica.sessions.has(session)).toBe(isThere)
    }
    expect(other.bytes).toBe(one.bytes)
  }
})
