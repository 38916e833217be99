// When a version of the schema is put in force: what a leader hears of the others, and what an operator is told.
import { describe, expect, test } from 'vitest'
import { confOfVoters, type PeerMessage, type VersionsKnown } from '../../src/core/index.ts'
import { bindVersions, type VersionLadder } from '../../src/contract/v1.ts'
import type { Envelope } from '../../src/machine/envelope.ts'
import { Replica } from '../../src/machine/replica.ts'
import type { NodeEvent } from '../../src/node/index.ts'
import type { SkipOrder } from '../../src/node/skip-orders.ts'
import { VersionGate } from '../../src/node/version-gate.ts'
import type { AdminRefused } from '../../src/wire/client-messages.ts'
import { handlers1, handlers2, handlers3, ladder, versions } from '../contract/locks-versions.ts'
import { memberOf } from './nodes.ts'

const twoVersions = { versions: versions.slice(0, 2), steps: ladder.steps.slice(0, 1) }
const term = 5

/** Node 1 of three, whose machine is of version 1 and knows version 2. */
function gate({ role = 'leader' as 'leader' | 'follower', isAutomatic = true, machine = bindVersions(twoVersions, handlers2) } = {}) {
  const replica = new Replica(machine)
  let index = 0
  const entry = (envelope: Envelope): void => {
    index += 1
    const its = { term, index, kind: 'command', data: new Uint8Array(0), conf: undefined } as const
    for (let outcome = 'raising'; outcome === 'raising'; ) outcome = replica.apply(its, envelope)
  }
  const apply = (version: number): void => entry({ kind: 'activate', now: 0, version })
  apply(1)
  const softState = { role, term, leader: role === 'leader' ? 1 : 2 }
  const raft = { softState, conf: confOfVoters([1, 2, 3].map((id) => memberOf(id))) } as const
  const sent: PeerMessage[] = []
  const proposed: number[] = []
  const skips: SkipOrder[] = []
  const events: NodeEvent[] = []
  const phase = { isCaughtUp: true, haltedAt: undefined as number | undefined }
  const it = new VersionGate({
    ...{ id: 1, raft, replica, heartbeatMs: 10, electionTimeoutMs: 100, isAutomatic },
    net: { send: (messages) => void sent.push(...messages) },
    hasCaughtUp: () => phase.isCaughtUp,
    mayPropose: () => role === 'leader',
    propose: ({ version }) => void proposed.push(version),
    haltedAt: () => phase.haltedAt,
    skip: (order) => void skips.push(order),
    changed: () => {},
    report: (event) => void events.push(event),
  })
  const hears = (from: number, known: VersionsKnown['versions'] = [{ version: 2, wire: 'two' }], inTerm = term): void =>
    it.receive({ kind: 'VersionsKnown', from, to: 1, term: inTerm, versions: known })
  const applies = (version: number): void => {
    apply(version)
    if (replica.version === version) it.applied({ kind: 'activate', now: 0, version })
    else phase.haltedAt = index
  }
  /** The entry at which it has halted is skipped. */
  const passes = (version: number): void => {
    const its = { term, index, kind: 'command', data: new Uint8Array(0), conf: undefined } as const
    replica.apply(its, { kind: 'activate', now: 0, version }, 'skip')
    phase.haltedAt = undefined
  }
  return { it, phase, passes, sent, proposed, skips, events, hears, applies }
}

describe('a leader', () => {
  test('proposes the next version once every member has said that it knows it', () => {
    const { it, proposed, hears } = gate()
    it.turn(0)
    hears(2)
    it.turn(1)
    expect([proposed, it.waiting]).toEqual([[], { version: 2, lacking: [3] }])
    hears(3)
    it.turn(2)
    it.turn(3)
    expect(proposed).toEqual([2])
  })

  test.each([
    ['of another wire format', (hears: ReturnType<typeof gate>['hears']) => hears(3, [{ version: 2, wire: 'other' }])],
    ['in an earlier term', (hears: ReturnType<typeof gate>['hears']) => hears(3, undefined, term - 1)],
  ])('does not count what was said %s', (_, say) => {
    const { it, proposed, hears } = gate()
    it.turn(0)
    hears(2)
    say(hears)
    it.turn(1)
    expect(proposed).toEqual([])
  })

  test('forgets who has not said it again for five heartbeats', () => {
    const { it, proposed, hears } = gate()
    it.turn(0)
    hears(2)
    it.turn(51)
    hears(3)
    it.turn(52)
    expect(proposed).toEqual([])
    hears(2)
    it.turn(53)
    expect(proposed).toEqual([2])
  })

  test('proposes it once more where it has not come through for five election timeouts', () => {
    const { it, proposed, hears } = gate()
    it.turn(0)
    for (const now of [1, 400, 520]) {
      it.turn(now)
      hears(2)
      hears(3)
      it.turn(now)
    }
    expect(proposed).toEqual([2, 2])
  })

  test('reports what is in force', () => {
    const { it, events, hears, applies } = gate()
    it.turn(0)
    hears(2)
    hears(3)
    it.turn(1)
    applies(2)
    expect(events).toEqual([{ kind: 'versionActive', version: 2 }])
    expect(it.waiting).toBe(undefined)
  })
})

describe('a version whose migration has failed', () => {
  const failing: VersionLadder = {
    versions: twoVersions.versions,
    steps: [
      {
        ...{ commands: {}, queries: {}, state: {} },
        migration: {
          values: {},
          finish: () => {
            throw new Error('no way')
          },
        },
      },
    ],
  }
  const failed = (role: 'leader' | 'follower') => {
    const it = gate({ role, machine: bindVersions(failing, handlers2, { v1: handlers1 }) })
    it.it.turn(0)
    it.applies(2)
    return it
  }

  test('is to be skipped, which the leader asks for until it is', () => {
    const { it, phase, skips, proposed, hears } = failed('leader')
    for (const now of [1, 2]) it.turn(now)
    expect(skips.map(({ index }) => index)).toEqual([2])
    skips[0]?.done(undefined)
    it.turn(3)
    expect(skips).toHaveLength(2)
    phase.haltedAt = undefined
    skips[1]?.done(undefined)
    hears(2)
    hears(3)
    it.turn(4)
    expect([skips.length, proposed]).toEqual([2, []])
  })

  test('rules out all above it: what is below is tried, and nothing twice', () => {
    const [step] = failing.steps
    if (step === undefined) throw new Error('there is a step')
    const long: VersionLadder = { versions, steps: [step, step] }
    const { it, proposed, hears, applies, passes } = gate({ machine: bindVersions(long, handlers3, { v1: handlers1, v2: handlers2 }) })
    const known = [
      { version: 2, wire: 'two' },
      { version: 3, wire: 'three' },
    ]
    it.turn(0)
    for (const now of [1, 2, 3, 4]) {
      for (const member of [2, 3]) hears(member, known)
      it.turn(now)
      const last = proposed.at(-1)
      if (last === undefined || now > 2) continue
      applies(last)
      passes(last)
    }
    expect(proposed).toEqual([3, 2])
  })

  test('is none for a leader to skip that a mended build has come past: who has halted there does not lead it', () => {
    const { it, phase, skips } = failed('leader')
    phase.haltedAt = undefined
    it.turn(1)
    expect(skips).toEqual([])
  })

  test('is refused to an operator, with the reason and the way out', () => {
    const { it } = failed('leader')
    it.turn(1)
    expect(it.waiting).toMatchObject({ version: 2, lacking: [], failed: expect.stringContaining('fails: no way. Mend') })
    const answers: (AdminRefused | undefined)[] = []
    it.ask({ version: 2, done: (refused) => void answers.push(refused) })
    expect(answers).toEqual([
      {
        code: 'CHANGE_REFUSED',
        reason: 'migrationFailed',
        message:
          'version 2 cannot be put in force: the migration to version 2 fails: no way. Mend its function, or what it does not fit, and start every node again: then it can be put in force',
      },
    ])
  })

  test('is not known any more to a follower, so that a leader whose build is mended waits for it', () => {
    const { it, sent } = failed('follower')
    it.turn(10)
    expect(sent.at(-1)).toMatchObject({ kind: 'VersionsKnown', versions: [] })
  })
})

test('a follower says what it knows to its leader, at each heartbeat', () => {
  const { it, sent } = gate({ role: 'follower' })
  for (const now of [0, 5, 10]) it.turn(now)
  const message = { kind: 'VersionsKnown', from: 1, to: 2, term, versions: [{ version: 2, wire: 'two' }] }
  expect(sent).toEqual([message, message])
})

describe('an operator', () => {
  function asked(version: number | undefined, prepare: (it: ReturnType<typeof gate>) => void = () => {}) {
    const it = gate({ isAutomatic: false })
    it.it.turn(0)
    prepare(it)
    const answers: (AdminRefused | undefined)[] = []
    it.it.ask({ version, done: (refused) => void answers.push(refused) })
    return { ...it, answers }
  }
  const all = ({ hears }: ReturnType<typeof gate>): void => {
    hears(2)
    hears(3)
  }

  test('is answered only once the leader has applied what it found in its log: before, it cannot know what is in force', () => {
    const { it, phase, hears } = gate({ isAutomatic: false })
    phase.isCaughtUp = false
    const answers: (AdminRefused | undefined)[] = []
    it.ask({ version: 1, done: (refused) => void answers.push(refused) })
    it.ask({ version: 2, done: (refused) => void answers.push(refused) })
    it.turn(0)
    expect(answers).toEqual([])
    phase.isCaughtUp = true
    hears(3)
    it.turn(1)
    expect(answers).toEqual([undefined, expect.objectContaining({ reason: 'membersLackVersion' })])
  })

  test('is told who leads where this node does not any more', () => {
    const { it, phase } = gate({ isAutomatic: false })
    phase.isCaughtUp = false
    const answers: (AdminRefused | undefined)[] = []
    it.ask({ version: 2, done: (refused) => void answers.push(refused) })
    it.unlead(undefined)
    expect(answers).toEqual([expect.objectContaining({ code: 'NOT_LEADER' })])
  })

  test('is waited for', () => {
    const { it, proposed, hears } = gate({ isAutomatic: false })
    it.turn(0)
    hears(2)
    hears(3)
    it.turn(1)
    expect(proposed).toEqual([])
  })

  test('is answered once it is in force', () => {
    const { proposed, answers, applies } = asked(undefined, all)
    expect([proposed, answers]).toEqual([[2], []])
    applies(2)
    expect(answers).toEqual([undefined])
  })

  test('is told who does not know it', () => {
    const { proposed, answers } = asked(2, ({ hears }) => hears(3))
    expect(proposed).toEqual([])
    expect(answers).toEqual([
      {
        code: 'CHANGE_REFUSED',
        reason: 'membersLackVersion',
        message:
          'version 2 cannot be put in force: node 2 has not said to know it. Start what is stopped, or older, with a build that knows it; or remove it from the cluster',
      },
    ])
  })

  test('is told that the leader does not know it', () => {
    expect(asked(7, all).answers).toMatchObject([{ reason: 'versionUnknown' }])
  })

  test('has nothing to wait for where it is in force', () => {
    expect(asked(1).answers).toEqual([undefined])
  })

  test('is told when the leader is one no more', () => {
    const { it, answers } = asked(2, all)
    it.unlead(undefined)
    expect(answers).toMatchObject([{ code: 'NOT_LEADER' }])
  })
})
