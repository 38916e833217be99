// A machine that knows several versions of its schema, of which one is in force: replicas of builds that know more and fewer of them, fed with one log.
import { describe, expect, test } from 'vitest'
import { bind, bindVersions, Inexpressible, type StateMachine, type VersionLadder } from '../../src/contract/v1.ts'
import type { Envelope } from '../../src/machine/envelope.ts'
import type { Evolution } from '../../src/machine/evolution.ts'
import { Replica, type Treatment } from '../../src/machine/replica.ts'
import { encodeReplica } from '../../src/wire/replica-codec.ts'
import { ReplicaDecoder } from '../../src/wire/replica-decoder.ts'
import { packValue, unpackValue, type Wire } from '../../src/wire/value.ts'
import { handlers1, handlers2, handlers3, handlers4, ladder, longLadder, versions } from './locks-versions.ts'

const tags = { acquire: 1, release: 2, renew: 3 }
const upTo = (count: number): VersionLadder => ({ versions: versions.slice(0, count), steps: ladder.steps.slice(0, count - 1) })
/** What was deployed when the schema had version 1, 2 and 3. */
const builds = {
  first: () => bind(versions[0], handlers1),
  second: () => bindVersions(upTo(2), handlers2),
  third: () => bindVersions(ladder, handlers3, { v2: handlers2 }),
}

function evolutionOf({ evolution }: StateMachine): Evolution {
  if (evolution === undefined) throw new Error('a generated machine has an evolution')
  return evolution
}

/** A replica, and the entries that it is given. */
class Subject {
  readonly replica: Replica
  readonly evolution: Evolution
  #index = 0
  #seq = 0
  /** Calls of `apply` for the entry before. */
  slices = 0

  constructor(machine: StateMachine) {
    this.replica = new Replica(machine)
    this.evolution = evolutionOf(machine)
  }

  /** The reply, in its parts; nothing of an entry that is no command. */
  entry(envelope: Envelope, treatment: Treatment = 'fail'): Wire {
    this.#index += 1
    const entry = { term: 1, index: this.#index, kind: 'command', data: new Uint8Array(0), conf: undefined } as const
    this.slices = 1
    let outcome = this.replica.apply(entry, envelope, treatment)
    for (; outcome === 'raising'; this.slices += 1) outcome = this.replica.apply(entry, envelope, treatment)
    if (outcome === 'halted') this.#index -= 1
    const { reply } = this.replica.applied
    return reply.length === 0 ? null : unpackValue(reply)
  }

  open(): void {
    this.entry({ kind: 'openSession', now: 1_000, ttlMs: 1_000_000 })
  }

  activate(version: number): void {
    this.entry({ kind: 'activate', now: 1_000, version })
  }

  call(version: number, name: keyof typeof tags, input: Wire): Wire {
    this.#seq += 1
    const command = packValue([version, tags[name], input])
    return this.entry({ kind: 'command', now: 2_000, session: 2, seq: this.#seq, ackedBelow: 1, version, command })
  }

  holder(version: number, name: string): Wire {
    return unpackValue(this.replica.query(packValue([version, 1, [name]]), 0))
  }

  get digest(): string {
    const { low = 0, high = 0 } = this.replica.machine.digest ?? {}
    return `${low} ${high}`
  }

  get snapshot(): Buffer {
    return Buffer.concat([...encodeReplica(this.replica)])
  }
}

/** At version 1, with a session. */
function begun(machine: StateMachine): Subject {
  const subject = new Subject(machine)
  subject.activate(1)
  subject.open()
  return subject
}
const all = (): readonly Subject[] => [builds.first(), builds.second(), builds.third()].map(begun)
const same = (subjects: readonly Subject[]): void => {
  const [first, ...others] = subjects
  for (const other of others) {
    expect(other.digest).toBe(first?.digest)
    expect(other.snapshot).toEqual(first?.snapshot)
  }
}

describe('while a version is in force', () => {
  test('builds that know later ones do as the first build does, and answer alike', () => {
    const subjects = all()
    const replies = subjects.map((subject) => subject.call(1, 'acquire', ['a', 'me']))
    expect(replies[0]).toEqual([0, ['me', 2_001], 1])
    expect(replies).toEqual([replies[0], replies[0], replies[0]])
    same(subjects)
    for (const subject of subjects) expect(subject.holder(1, 'a')).toEqual([0, ['me', 2_001], 1])
  })

  test('what a handler sets that the version has no place for is not kept', () => {
    const [, second, third] = all()
    for (const subject of [second, third]) {
      subject?.call(1, 'acquire', ['a', 'me'])
      subject?.replica.machine.typed?.read((state) => {
        // It set a note, and counted.
        expect(state).toMatchObject({ renewals: 0 })
      })
      expect(subject?.holder(1, 'a')).toEqual([0, ['me', 2_001], 1])
    }
  })

  test('what it has no place for begins as the first version says that has it, whichever are known beyond', () => {
    const [first, second] = versions
    const [step] = ladder.steps
    const { renewals } = second.state
    if (step === undefined || renewals?.kind !== 'cell') throw new Error('version 2 has renewals')
    const third = { ...second, version: 3, wire: 'later', state: { ...second.state, renewals: { ...renewals, initial: 5 } } }
    const state = { leases: { from: 'leases' }, renewals: { from: 'renewals' } }
    const long: VersionLadder = { versions: [first, second, third], steps: [step, { commands: {}, queries: {}, state }] }
    for (const machine of [builds.second(), bindVersions(long, handlers2)])
      begun(machine).replica.machine.typed?.read((found) => {
        expect(found).toMatchObject({ renewals: 0 })
      })
  })

  test('its bounds hold, in all of them', () => {
    const subjects = all()
    // An owner of nine characters, where eight are allowed.
    for (const subject of subjects) expect(subject.call(1, 'acquire', ['a', 'too long!'])).toEqual([1])
    same(subjects)
  })

  test('a way up that does not lead back is taken all the same: what the version allows is let in and served, what it does not is refused', () => {
    const [up, last] = ladder.steps
    if (up === undefined || last === undefined) throw new Error('the ladder has two steps')
    const upcast = {
      up: (older: object) => ({ ...older, note: 'of old' }),
      down: () => {
        throw new Inexpressible('only the user knows')
      },
    }
    const oneWay: VersionLadder = {
      versions: versions.slice(0, 2),
      steps: [{ ...up, commands: { ...up.commands, 1: { ...up.commands[1], input: upcast } } }],
    }
    const [first, second] = [builds.first(), bindVersions(oneWay, handlers2)].map(begun)
    const call = packValue([1, tags.acquire, ['a', 'me']])
    expect(second?.evolution.admit('command', call)).toEqual({ kind: 'admitted', call })
    expect(second?.evolution.admit('command', packValue([1, tags.acquire, ['a', 'too long!']]))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(second?.call(1, 'acquire', ['a', 'me'])).toEqual(first?.call(1, 'acquire', ['a', 'me']))
    if (first !== undefined && second !== undefined) same([first, second])
  })

  test('a new operation is refused as not yet active', () => {
    for (const { evolution } of all().slice(1)) {
      expect(evolution.admit('command', packValue([2, tags.renew, ['a']]))).toMatchObject({ kind: 'refused', code: 'NOT_YET_ACTIVE' })
    }
  })

  test('a build that does not know it stops there', () => {
    const subject = begun(builds.first())
    expect(() => subject.activate(2)).toThrow('this build of the machine locks knows version 1 of its schema, not 2')
  })
})

describe('an activation within a generation', () => {
  const raised = (machine: StateMachine): Subject => {
    const subject = begun(machine)
    subject.call(1, 'acquire', ['a', 'me'])
    subject.activate(2)
    return subject
  }

  test('keeps every record, which has the new fields from then on', () => {
    const subjects = [builds.second(), builds.third()].map(raised)
    same(subjects)
    for (const subject of subjects) {
      expect(subject.evolution.active).toBe(2)
      expect(subject.holder(2, 'a')).toEqual([0, ['me', 2_001, ''], 2])
      expect(subject.call(2, 'renew', ['a'])).toEqual([0, ['me', 2_000, ''], 2])
      expect(subject.call(2, 'acquire', ['b', 'you', 'mine'])).toEqual([0, ['you', 2_002, 'mine'], 2])
    }
    same(subjects)
    expect(subjects[0]?.snapshot.includes('mine')).toBe(true)
  })

  test('raises an entry of the version before that comes after it', () => {
    const subjects = [builds.second(), builds.third()].map(raised)
    for (const subject of subjects) expect(subject.call(1, 'acquire', ['b', 'you'])).toEqual([0, ['you', 2_002, 'none'], 2])
    same(subjects)
  })

  test('is of no effect when it comes again', () => {
    const subject = raised(builds.second())
    const { digest } = subject
    subject.activate(2)
    subject.activate(1)
    expect(subject.evolution.active).toBe(2)
    expect(subject.digest).toBe(digest)
  })

  test('adds up to what a snapshot of it adds up to', () => {
    const subject = raised(builds.second())
    const other = new Replica(builds.third())
    const decoder = new ReplicaDecoder(other.machine, subject.snapshot.length)
    decoder.write(subject.snapshot)
    decoder.restore(other)
    expect(evolutionOf(other.machine).active).toBe(2)
    expect(other.begunAt).toBe(1)
    expect(other.machine.digest).toEqual(subject.replica.machine.digest)
  })
})

describe('an activation of a new generation', () => {
  const raised = (): Subject => {
    const subject = begun(builds.third())
    subject.call(1, 'acquire', ['a', 'me+you'])
    subject.activate(2)
    subject.call(2, 'acquire', ['b', 'her', 'a note'])
    subject.activate(3)
    return subject
  }

  test('moves each record through the function of the user', () => {
    const subject = raised()
    expect(subject.holder(3, 'a')).toEqual([0, [['me', 'you'], 2_001, ''], 3])
    expect(subject.holder(3, 'b')).toEqual([0, [['her'], 2_002, 'a note'], 3])
    subject.replica.machine.typed?.read((state) => {
      expect(state).toMatchObject({ size: 2, renewals: 1 })
    })
  })

  test('goes through two versions at once where both are to come', () => {
    const subject = begun(builds.third())
    subject.call(1, 'acquire', ['a', 'me'])
    subject.activate(3)
    expect(subject.holder(3, 'a')).toEqual([0, [['me'], 2_001, ''], 3])
  })

  test('adds up to what was written under it from the start', () => {
    const subject = begun(builds.third())
    for (const name of ['a', 'b', 'c']) subject.call(1, 'acquire', [name, name])
    subject.activate(3)
    const other = new Replica(builds.third())
    const decoder = new ReplicaDecoder(other.machine, subject.snapshot.length)
    decoder.write(subject.snapshot)
    decoder.restore(other)
    expect(other.machine.digest).toEqual(subject.replica.machine.digest)
  })

  test('takes a large state in slices, between which queries are answered from the state as it was', () => {
    const subject = begun(builds.third())
    for (let i = 0; i < 1_000; i++) subject.call(1, 'acquire', [`k${i}`, 'me'])
    const work = subject.evolution.raise(3)
    for (let i = 0; i < 4; i++) expect(work.next().done).toBe(false)
    expect(subject.evolution.active).toBe(1)
    expect(subject.holder(1, 'k7')).toEqual([0, ['me', 2_001], 1])
    subject.activate(3)
    expect(subject.slices).toBeGreaterThan(10)
    expect(subject.holder(3, 'k999')).toEqual([0, [['me'], 2_001, ''], 3])
  })

  test('an operation that is retired is refused to older clients, and fails where it comes after the activation', () => {
    const subject = raised()
    expect(subject.evolution.admit('command', packValue([2, tags.release, ['a']]))).toEqual({
      kind: 'refused',
      code: 'OPERATION_RETIRED',
      message: 'release is retired: version 3 of locks has no such command',
    })
    expect(subject.call(2, 'release', ['a'])).toEqual([1])
    expect(subject.holder(3, 'a')).not.toBe(null)
  })

  test('knows the state as the version that it leads to has it, whichever handlers serve that', () => {
    const subjects = [builds.third(), bindVersions(longLadder, handlers4, { v2: handlers2 })].map(begun)
    for (const subject of subjects) {
      subject.call(1, 'acquire', ['a', 'me+you'])
      subject.activate(3)
    }
    same(subjects)
    const [, fourth] = subjects
    fourth?.activate(4)
    fourth?.replica.machine.typed?.read((state) => {
      expect(state).toMatchObject({ count: 1 })
    })
    expect(fourth?.holder(4, 'a')).toEqual([0, [['me', 'you'], 2_001, ''], 4])
  })

  test('that throws leaves what was in force, and says why', () => {
    const [up, last] = ladder.steps
    if (up === undefined || last?.migration === undefined) throw new Error('there is a migration')
    const failing: VersionLadder = {
      ...ladder,
      steps: [
        up,
        {
          ...last,
          migration: {
            ...last.migration,
            finish: () => {
              throw new Error('no way')
            },
          },
        },
      ],
    }
    const subject = begun(bindVersions(failing, handlers3, { v2: handlers2 }))
    subject.call(1, 'acquire', ['a', 'me'])
    const { digest } = subject
    subject.activate(3)
    expect(subject.replica.failedActivation).toEqual({
      index: 4,
      version: 3,
      message: 'version 3 cannot be put in force: the migration to version 3 fails: no way',
    })
    expect(subject.evolution.active).toBe(1)
    expect(subject.digest).toBe(digest)
    expect(subject.replica.lastApplied).toBe(3)

    // It goes on once the log says that the entry is skipped: as one whose own functions are mended then does, too.
    const mended = begun(builds.third())
    mended.call(1, 'acquire', ['a', 'me'])
    for (const one of [subject, mended]) {
      one.entry({ kind: 'activate', now: 1_000, version: 3 }, 'skip')
      expect(one.call(1, 'acquire', ['b', 'me'])).toEqual([0, ['me', 2_001], 1])
      one.entry({ kind: 'skip', now: 1_000, skipped: 4 })
      expect(one.replica.skipped).toEqual([4])
    }
    same([subject, mended])
  })

  test('that is on its way, and is to be skipped, has failed for this build too', () => {
    const subject = begun(builds.third())
    for (let i = 0; i < 200; i++) subject.call(1, 'acquire', [`k${i}`, 'me'])
    const entry = { term: 1, index: 203, kind: 'command', data: new Uint8Array(0), conf: undefined } as const
    const envelope = { kind: 'activate', now: 1_000, version: 3 } as const
    expect(subject.replica.apply(entry, envelope)).toBe('raising')
    expect(subject.replica.apply(entry, envelope, 'skip')).toBe('applied')
    expect([subject.replica.isRaising, subject.evolution.active]).toEqual([false, 1])
    expect(subject.replica.failedActivation).toMatchObject({ index: 203, version: 3 })
  })

  test('that has succeeded here, and is to be skipped, leaves a state that is of no use', () => {
    const subject = begun(builds.third())
    subject.activate(3)
    expect(subject.entry({ kind: 'skip', now: 1_000, skipped: 3 })).toBe(null)
    expect(subject.replica.isAstray).toBe(true)
  })
})

describe('clients', () => {
  const raised = (version: number): Subject => {
    const subject = begun(builds.third())
    subject.activate(version)
    return subject
  }

  test('of an older version are understood: what they call is put into the version in force', () => {
    const { evolution } = raised(3)
    expect(evolution.admit('command', packValue([1, tags.acquire, ['a', 'me']]))).toEqual({
      kind: 'admitted',
      call: packValue([3, tags.acquire, ['a', 'me', '']]),
    })
  })

  test('of an older version are answered in it', () => {
    const subject = raised(3)
    const reply = packValue(subject.call(3, 'acquire', ['a', 'me', 'note']))
    const call = packValue([1, tags.acquire, ['a', 'me']])
    const { evolution } = subject
    expect(evolution.lower('command', call, reply, 1)).toEqual({ kind: 'lowered', reply: packValue([0, ['me', 2_000], 1]) })
    expect(evolution.lower('command', call, reply, 2)).toEqual({ kind: 'lowered', reply: packValue([0, ['me', 2_000, 'note'], 2]) })
    expect(evolution.lower('command', call, reply, 3)).toEqual({ kind: 'lowered', reply })
    expect(evolution.lower('query', packValue([1, 1, ['a']]), packValue(subject.holder(3, 'b')), 1)).toEqual({
      kind: 'lowered',
      reply: packValue([0, null, 1]),
    })
    const failed = packValue([1])
    expect(evolution.lower('command', call, failed, 1)).toEqual({ kind: 'lowered', reply: failed })
  })

  test.each([
    ['no call', packValue(7), 'INVALID_INPUT'],
    ['no MessagePack', Uint8Array.of(0xc1), 'INVALID_INPUT'],
    ['of a version before all', packValue([0, 1, ['a', 'me']]), 'INVALID_INPUT'],
    ['too long for the version in force', packValue([1, 1, ['a', 'too long!']]), 'INVALID_INPUT'],
    ['of a version to come', packValue([4, 1, ['a', 'me']]), 'NOT_YET_ACTIVE'],
  ])('are refused what is %s', (_, call, code) => {
    expect(raised(2).evolution.admit('command', call)).toMatchObject({ kind: 'refused', code })
  })
})

describe('handlers', () => {
  test('of a generation that is over are asked for by their version', () => {
    expect(() => bindVersions(ladder, handlers3)).toThrow('the machine locks has no handlers of version 2')
  })

  test('of what is retired within a generation are asked for', () => {
    const { release: _, ...rest } = handlers2
    expect(() => bindVersions(ladder, handlers3, { v2: rest })).toThrow('the machine locks has no handler for release')
  })
})
