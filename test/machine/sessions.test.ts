import { describe, expect, test } from 'vitest'
import { sessionReplyBytesMax, Sessions, sessionWindow, type Verdict } from '../../src/machine/sessions.ts'

const reply = (text: string) => Buffer.from(text)

function opened(ttlMs = 1_000): Sessions {
  const sessions = new Sessions()
  sessions.open(7, { now: 100, ttlMs })
  return sessions
}

/** As a replica does it: judged first, so that nothing has changed where the handler then fails. */
function admit(sessions: Sessions, { seq, ackedBelow = 1, now = 100 }: { seq: number; ackedBelow?: number; now?: number }): Verdict {
  const verdict = sessions.judge(7, { seq, ackedBelow })
  sessions.touch(7, { now, ackedBelow })
  return verdict
}

function run(sessions: Sessions, seq: number, { ackedBelow = 1, now = 100 } = {}): string {
  const verdict = admit(sessions, { seq, ackedBelow, now })
  if (verdict.kind === 'execute') sessions.record(7, seq, { index: 10 + seq, reply: reply(`reply ${seq}`) })
  return verdict.kind === 'refused' ? verdict.code : verdict.kind
}

describe('a view of all sessions', () => {
  const shown = (view: Pick<Sessions, 'entries'>) => [...view.entries()].map((record) => ({ ...record, replies: [...record.replies] }))

  test('shows them as they were, whatever becomes of them', () => {
    const sessions = opened()
    sessions.open(9, { now: 100, ttlMs: 50 })
    for (const seq of [1, 2, 3]) run(sessions, seq)
    const view = sessions.view()
    const before = shown(view)
    const changes = [
      () => run(sessions, 4, { ackedBelow: 3, now: 120 }),
      () => sessions.touch(9, { now: 130, ackedBelow: 1 }),
      () => sessions.renew(140),
      () => sessions.open(20, { now: 150, ttlMs: 50 }),
      () => sessions.expire(300),
      () => sessions.close(7),
    ]
    for (const change of changes) {
      change()
      expect([view.size, shown(view)]).toEqual([2, before])
    }
    expect(sessions.size).toBe(0)
    sessions.restore([])
    expect(shown(view)).toEqual(before)
  })

  test('leaves them in their order, and as they would be without it', () => {
    const [viewed, other] = [opened(), opened()]
    for (const sessions of [viewed, other]) sessions.open(9, { now: 100, ttlMs: 1_000 })
    for (let seq = 1; seq <= 50; seq++) {
      if (seq % 3 === 0) viewed.view()
      for (const sessions of [viewed, other]) {
        run(sessions, seq, { ackedBelow: Math.max(1, seq - 10), now: 100 + seq })
        if (seq % 7 === 0) sessions.touch(9, { now: 100 + seq, ackedBelow: 1 })
      }
    }
    expect(shown(viewed)).toEqual(shown(other))
  })
})

describe('a command takes effect once per session (§6.3)', () => {
  test('a repeated command is answered with the reply and the index of the first time', () => {
    const sessions = opened()
    run(sessions, 1)
    expect(admit(sessions, { seq: 1 })).toEqual({
      kind: 'duplicate',
      recorded: { index: 11, reply: reply('reply 1') },
    })
  })

  test('many commands in flight are each remembered until the client acknowledges them', () => {
    const sessions = opened()
    for (let seq = 1; seq <= 100; seq++) expect(run(sessions, seq)).toBe('execute')
    for (let seq = 1; seq <= 100; seq++) expect(run(sessions, seq)).toBe('duplicate')
    expect(run(sessions, 101, { ackedBelow: 60 })).toBe('execute')
    expect(run(sessions, 60)).toBe('duplicate')
    expect(run(sessions, 59)).toBe('OUTCOME_UNKNOWN')
  })

  test('a command that arrives after a later one was applied is refused, so that effects keep the order of calls', () => {
    const sessions = opened()
    run(sessions, 1)
    run(sessions, 3)
    expect(admit(sessions, { seq: 2 })).toEqual({
      kind: 'refused',
      code: 'NOT_APPLIED',
      message: 'command 2 of session 7 came after command 3 had been applied',
    })
  })

  test('a command that its client has given up is never executed', () => {
    const sessions = opened()
    sessions.touch(7, { now: 100, ackedBelow: 6 })
    expect(run(sessions, 5)).toBe('OUTCOME_UNKNOWN')
    expect(run(sessions, 6)).toBe('execute')
  })

  test('being judged changes nothing: neither is it a sign of life, nor does it acknowledge replies', () => {
    const sessions = opened()
    run(sessions, 1)
    const before = JSON.stringify([...sessions.view().entries()].map((one) => ({ ...one, replies: [...one.replies] })))
    expect(sessions.judge(7, { seq: 9, ackedBelow: 8 })).toEqual({ kind: 'execute' })
    expect(JSON.stringify([...sessions.view().entries()].map((one) => ({ ...one, replies: [...one.replies] })))).toBe(before)
  })

  test('an unknown session executes nothing', () => {
    expect(new Sessions().judge(9, { seq: 1, ackedBelow: 1 })).toEqual({
      kind: 'refused',
      code: 'SESSION_EXPIRED',
      message: 'session 9 is unknown or has expired',
    })
  })

  test('a client that runs ahead of its oldest unanswered command by more than the window is refused', () => {
    const sessions = opened()
    expect(run(sessions, sessionWindow)).toBe('execute')
    expect(run(sessions, sessionWindow + 1)).toBe('OVERLOADED')
    expect(run(sessions, sessionWindow + 1, { ackedBelow: 2 })).toBe('execute')
  })

  test('replies beyond the limit of a session are dropped, the oldest first, and are still known as applied', () => {
    const sessions = opened()
    const half = Buffer.alloc(sessionReplyBytesMax / 2)
    for (let seq = 1; seq <= 3; seq++) {
      admit(sessions, { seq })
      sessions.record(7, seq, { index: 10 + seq, reply: half })
    }
    const kept = [1, 2, 3].map((seq) => {
      const verdict = admit(sessions, { seq })
      return verdict.kind === 'duplicate' && [verdict.recorded.index, verdict.recorded.reply?.length]
    })
    expect(kept).toEqual([
      [11, undefined],
      [12, half.length],
      [13, half.length],
    ])
  })
})

describe('sessions expire by log time alone', () => {
  test('a session lives exactly as long as its time to live after the last sign of life', () => {
    const sessions = opened(1_000)
    sessions.expire(1_100)
    expect(sessions.has(7)).toBe(true)
    sessions.expire(1_101)
    expect(sessions.has(7)).toBe(false)
  })

  test('a command and a keep-alive are signs of life', () => {
    const sessions = opened(1_000)
    run(sessions, 1, { now: 900 })
    sessions.expire(1_500)
    sessions.touch(7, { now: 1_800, ackedBelow: 2 })
    sessions.expire(2_700)
    expect(sessions.has(7)).toBe(true)
    sessions.expire(2_801)
    expect(sessions.has(7)).toBe(false)
  })

  test('a new leader gives every session its full time to live', () => {
    const sessions = opened(1_000)
    sessions.renew(5_000)
    sessions.expire(6_000)
    expect(sessions.has(7)).toBe(true)
  })

  test('only those that are due expire', () => {
    const sessions = opened(1_000)
    sessions.open(8, { now: 100, ttlMs: 5_000 })
    sessions.expire(2_000)
    expect([sessions.has(7), sessions.has(8)]).toEqual([false, true])
    sessions.expire(5_101)
    expect(sessions.size).toBe(0)
  })
})
