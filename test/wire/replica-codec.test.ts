import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/core/index.ts'
import type { Envelope } from '../../src/machine/envelope.ts'
import { Replica } from '../../src/machine/replica.ts'
import { skippedMax } from '../../src/machine/skipped-entries.ts'
import type { SessionRecord } from '../../src/machine/sessions.ts'
import type { StateMachine } from '../../src/machine/state-machine.ts'
import { ByteReader, ByteWriter, WireError } from '../../src/wire/bytes.ts'
import { encodeReplica, replicaPieceBytes } from '../../src/wire/replica-codec.ts'
import { ReplicaDecoder } from '../../src/wire/replica-decoder.ts'
import {
  checkSessionOrder,
  encodeSessions,
  readSession,
  readSessionCount,
  type SessionBounds,
  sessionPieces,
} from '../../src/wire/sessions-codec.ts'

/** Remembers each command with all that it was told of its entry. */
function recorder({ name = 'recorder', version = 1, wire = 'w1', padding = 0 } = {}): StateMachine {
  let lines: string[] = []
  return {
    name,
    version,
    wire,
    apply(command, context) {
      const { index, term, now } = context
      lines.push(`${index}.${term}.${now}.${context.random()}:${Buffer.from(command)}`)
      return Buffer.from(`${lines.length}${'.'.repeat(command.length)}`)
    },
    query: () => Buffer.from(lines.join()),
    snapshot: () => Buffer.from(lines.join('\n') + ' '.repeat(padding)),
    restoreSnapshot(snapshot) {
      const text = Buffer.from(snapshot).toString().trimEnd()
      lines = text === '' ? [] : text.split('\n')
    },
  }
}

const bytesOf = (replica: Replica): Buffer => Buffer.concat([...encodeReplica(replica)])

function restored(bytes: Uint8Array, into = new Replica(recorder()), pieceBytes = replicaPieceBytes): Replica {
  const decoder = new ReplicaDecoder(into.machine, bytes.length)
  for (let at = 0; at < bytes.length; at += pieceBytes) decoder.write(bytes.subarray(at, at + pieceBytes))
  decoder.restore(into)
  return into
}

/** What may come to pass in a log. `pick` chooses among the sessions there are. */
type Step =
  | { readonly kind: 'command'; readonly pick: number; readonly seq: number; readonly acked: number; readonly bytes: number }
  | { readonly kind: 'open'; readonly ttlMs: number }
  | { readonly kind: 'close' | 'touch'; readonly pick: number }
  | { readonly kind: 'renew' | 'noop' | 'newTerm' }
  | { readonly kind: 'clock'; readonly ahead: number }
const small = fc.nat({ max: 6 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('command'), pick: small, seq: fc.integer({ min: 1, max: 12 }), acked: small, bytes: small }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('open'), ttlMs: fc.integer({ min: 1, max: 60 }) }) },
  fc.record({ kind: fc.constantFrom('close', 'touch'), pick: small }),
  fc.record({ kind: fc.constantFrom('renew', 'noop', 'newTerm') }),
  fc.record({ kind: fc.constant('clock'), ahead: fc.nat({ max: 100 }) }),
)
const history = fc.array(fc.tuple(step, fc.nat({ max: 20 })), { maxLength: 60 })
type History = readonly (readonly [Step, number])[]

/** Feeds replicas with the same log. */
class Feed {
  readonly #replicas: Replica[]
  #index = 0
  #term = 1
  #now = 1_000
  readonly #sessions: number[] = [1]

  constructor(...replicas: Replica[]) {
    this.#replicas = replicas
  }

  add(replica: Replica): void {
    this.#replicas.push(replica)
  }

  run(steps: History): readonly unknown[] {
    return steps.map(([one, passed]) => {
      this.#now += passed
      if (one.kind === 'newTerm') this.#term += 1
      return this.#apply(this.#envelope(one))
    })
  }

  #apply(envelope: Envelope | undefined): unknown {
    this.#index += 1
    const header = { index: this.#index, term: this.#term, data: new Uint8Array(0), conf: undefined }
    if (envelope?.kind === 'openSession') this.#sessions.push(this.#index)
    const results = this.#replicas.map((replica) => {
      const entry: Entry = { ...header, kind: envelope === undefined ? 'noop' : 'command' }
      const state = () => ({ sessions: replica.sessions.size, now: replica.now })
      if (envelope === undefined) {
        replica.pass(entry)
        return state()
      }
      replica.apply(entry, envelope)
      const { index, reply, refused } = replica.applied
      return { index, reply: Buffer.from(reply).toString(), refused, ...state() }
    })
    for (const result of results) expect(result).toEqual(results[0])
    return results[0]
  }

  #envelope(one: Step): Envelope | undefined {
    const now = this.#now
    const session = 'pick' in one ? (this.#sessions[one.pick % this.#sessions.length] ?? 1) : 1
    switch (one.kind) {
      case 'command': {
        const { seq, acked, bytes } = one
        return { kind: 'command', now, session, seq, ackedBelow: acked + 1, version: 1, command: Buffer.alloc(bytes, 'c') }
      }
      case 'open':
        return { kind: 'openSession', now, ttlMs: one.ttlMs }
      case 'close':
        return { kind: 'closeSession', now, session }
      case 'touch':
        return { kind: 'keepAlive', now, sessions: [{ session, ackedBelow: 2 }] }
      case 'renew':
        return { kind: 'renewSessions', now }
      case 'clock':
        return { kind: 'clock', now, ceiling: now + one.ahead }
      default:
        return undefined
    }
  }
}

describe('a replica that was restored from its bytes', () => {
  test('behaves as the one that never stopped: state, repetitions, expiry, log time', () => {
    fc.assert(
      fc.property(history, history, fc.integer({ min: 1, max: 100 }), (before, after, pieceBytes) => {
        const original = new Replica(recorder())
        const feed = new Feed(original)
        feed.run([[{ kind: 'open', ttlMs: 30 }, 0], ...before])
        const bytes = bytesOf(original)
        const copy = restored(bytes, new Replica(recorder()), pieceBytes)
        expect(bytesOf(copy).equals(bytes)).toBe(true)
        feed.add(copy)
        feed.run(after)
        expect(bytesOf(copy).equals(bytesOf(original))).toBe(true)
        expect(copy.lastAppliedTerm).toBe(original.lastAppliedTerm)
        expect(copy.ceilingTerm).toBe(original.ceilingTerm)
      }),
      { numRuns: 300 },
    )
  })

  test('has nothing left of what it was before', () => {
    const source = new Replica(recorder())
    new Feed(source).run([[{ kind: 'open', ttlMs: 30 }, 0]])
    const other = new Replica(recorder())
    const busy: History = Array.from({ length: 20 }, (_, i) => [{ kind: 'command', pick: 0, seq: i + 1, acked: 0, bytes: 3 }, 1])
    new Feed(other).run([[{ kind: 'open', ttlMs: 1_000 }, 500], [{ kind: 'open', ttlMs: 1_000 }, 0], ...busy])
    restored(bytesOf(source), other)
    expect(bytesOf(other).equals(bytesOf(source))).toBe(true)
    expect([other.lastApplied, other.now, other.sessions.size]).toEqual([1, 1_000, 1])
  })

  test('keeps replies, and not the whole snapshot because of them', () => {
    const source = new Replica(recorder())
    new Feed(source).run([
      [{ kind: 'open', ttlMs: 30 }, 0],
      [{ kind: 'command', pick: 0, seq: 1, acked: 0, bytes: 3 }, 0],
    ])
    const [session] = restored(bytesOf(source)).sessions.entries()
    const reply = session?.replies.get(1)?.reply
    expect(Buffer.from(reply ?? []).toString()).toBe('1...')
    expect(reply?.buffer.byteLength).toBe(4)
  })
})

describe('the bytes of a replica', () => {
  test('come in pieces of 64 KiB at most, however large its parts', () => {
    const replica = new Replica(recorder({ padding: 200_000 }))
    new Feed(replica).run([[{ kind: 'open', ttlMs: 30 }, 0]])
    const pieces = [...encodeReplica(replica)]
    expect(Math.max(...pieces.map(({ length }) => length))).toBe(replicaPieceBytes)
    expect(restored(Buffer.concat(pieces)).lastApplied).toBe(1)
  })

  test('are read from the machine part by part, as they are taken, and the end of that is told', () => {
    const machine = {
      ...recorder(),
      given: 0,
      *snapshotParts() {
        for (let i = 0; i < 5; i++) {
          machine.given += 1
          yield new Uint8Array(50_000).fill(i)
        }
      },
    }
    const replica = new Replica(machine)
    new Feed(replica).run([[{ kind: 'open', ttlMs: 30 }, 0]])
    let isDrawn = false
    const seen: string[] = []
    const draw = () => {
      isDrawn = true
    }
    for (const piece of encodeReplica(replica, draw)) if (piece.length === 50_000) seen.push(`${piece[0]} of ${machine.given} ${isDrawn}`)
    expect(seen).toEqual(['0 of 2 false', '1 of 3 false', '2 of 4 false', '3 of 5 false', '4 of 5 true'])
  })

  test('are read from a machine without parts before the first of them is taken', () => {
    const replica = new Replica(recorder({ padding: 200_000 }))
    new Feed(replica).run([[{ kind: 'open', ttlMs: 30 }, 0]])
    let isDrawn = false
    const draw = () => {
      isDrawn = true
    }
    for (const piece of encodeReplica(replica, draw)) if (piece.length === replicaPieceBytes) expect(isDrawn).toBe(true)
    expect(isDrawn).toBe(true)
  })

  const state = () => {
    const replica = new Replica(recorder())
    new Feed(replica).run([
      [{ kind: 'open', ttlMs: 30 }, 0],
      [{ kind: 'command', pick: 0, seq: 1, acked: 0, bytes: 3 }, 0],
      [{ kind: 'command', pick: 0, seq: 2, acked: 0, bytes: 3 }, 0],
      [{ kind: 'open', ttlMs: 30 }, 0],
    ])
    return replica
  }
  const words = (bytes: Uint8Array, into = new Replica(recorder())): string => {
    const before = bytesOf(state())
    try {
      restored(bytes, into)
      return ''
    } catch (error) {
      expect(before.equals(bytesOf(state()))).toBe(true)
      return error instanceof Error ? error.message : String(error)
    }
  }

  test('of another machine are refused, and so are those of another version of it', () => {
    expect(words(bytesOf(state()), new Replica(recorder({ name: 'other' })))).toBe(
      'the snapshot holds the state of the machine recorder, and this is other',
    )
    expect(words(bytesOf(state()), new Replica(recorder({ version: 2, wire: 'w2' })))).toBe(
      'the snapshot holds the state of the machine recorder in version 1 (wire format w1), and this is version 2 (wire format w2), which cannot read it',
    )
    expect(() => restored(bytesOf(state()), new Replica(recorder({ wire: 'w2' })))).toThrow(
      expect.objectContaining({ code: 'MACHINE_MISMATCH' }),
    )
  })

  test('that are cut short, or followed by more, are refused before anything has changed', () => {
    const bytes = bytesOf(state())
    for (let length = 0; length < bytes.length; length++) {
      const replica = new Replica(recorder())
      expect(() => restored(bytes.subarray(0, length), replica)).toThrow(WireError)
      expect(replica.lastApplied).toBe(0)
    }
    expect(() => restored(Buffer.concat([bytes, Buffer.alloc(3)]))).toThrow(WireError)
  })

  test('of which fewer or more arrive than were announced are refused', () => {
    const bytes = bytesOf(state())
    const short = new ReplicaDecoder(recorder(), bytes.length + 1)
    short.write(bytes)
    expect(() => short.restore(new Replica(recorder()))).toThrow(`the state has ${bytes.length} bytes, ${bytes.length + 1} were announced`)
    const long = new ReplicaDecoder(recorder(), bytes.length - 1)
    expect(() => long.write(bytes)).toThrow(`the state has more than the ${bytes.length - 1} bytes that were announced`)
  })

  test('of a later format are refused', () => {
    const bytes = bytesOf(state())
    bytes[0] = 4
    expect(words(bytes)).toBe('the state has format 4, only 1 to 3 are known')
  })

  /** The second format: of states in which commands were skipped. */
  const withSkipped = (...indexes: readonly number[]): Buffer => {
    const bytes = bytesOf(state())
    const reader = new ByteReader(bytes)
    reader.u8('format')
    reader.text('name')
    reader.u32('version')
    reader.text('wire')
    reader.raw(5 * 6, 'times')
    const at = bytes.length - reader.remaining
    const writer = new ByteWriter()
    writer.u8(2)
    writer.raw(bytes.subarray(1, at))
    writer.u32(indexes.length)
    for (const index of indexes) writer.u48(index)
    return Buffer.concat([writer.take(), bytes.subarray(at)])
  }

  test('have the skipped commands in their order, none twice, none to come, and no more than are remembered', () => {
    const replica = new Replica(recorder())
    restored(withSkipped(1, 2), replica)
    expect(replica.skipped).toEqual([1, 2])
    expect(bytesOf(replica).equals(withSkipped(1, 2))).toBe(true)
    const { lastApplied } = state()
    expect(words(withSkipped(2, 1))).toBe(`command 1 was skipped, after 2 and up to ${lastApplied}`)
    expect(words(withSkipped(2, 2))).toBe(`command 2 was skipped, after 2 and up to ${lastApplied}`)
    expect(words(withSkipped(lastApplied + 1))).toBe(`command ${lastApplied + 1} was skipped, after 0 and up to ${lastApplied}`)
    const many = Array.from({ length: skippedMax + 1 }, (_, i) => i + 1)
    expect(words(withSkipped(...many))).toBe(`${skippedMax + 1} commands were skipped: 1 to ${skippedMax} are remembered`)
    expect(words(withSkipped())).toBe(`0 commands were skipped: 1 to ${skippedMax} are remembered`)
  })

  test('with any one byte changed give a replica or a clear refusal', () => {
    const bytes = bytesOf(state())
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ change
        try {
          restored(changed)
        } catch (error) {
          expect(error instanceof WireError || (error instanceof Error && 'code' in error && error.code === 'MACHINE_MISMATCH')).toBe(true)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

function readSessions(reader: ByteReader, bounds: SessionBounds): readonly SessionRecord[] {
  const sessions: SessionRecord[] = []
  for (let left = readSessionCount(reader); left > 0; left--) {
    const session = readSession(reader, bounds)
    checkSessionOrder(session.id, sessions.at(-1)?.id ?? 0)
    sessions.push(session)
  }
  return sessions
}

describe('sessions as bytes', () => {
  type Given = { id?: number; lastActive?: number; ackedBelow?: number; lastSeq?: number; replies?: readonly (readonly [number, number])[] }
  const encoded = (sessions: readonly Given[]): Uint8Array => {
    const writer = new ByteWriter()
    writer.u32(sessions.length)
    for (const { id = 5, lastActive = 10, ackedBelow = 1, lastSeq = 3, replies = [] } of sessions) {
      writer.u48(id)
      writer.u32(1_000)
      for (const value of [lastActive, ackedBelow, lastSeq]) writer.u48(value)
      writer.u32(replies.length)
      for (const [seq, index] of replies) {
        writer.u48(seq)
        writer.u48(index)
        writer.u8(0)
      }
    }
    return writer.take()
  }
  const read = (...sessions: readonly Given[]) => readSessions(new ByteReader(encoded(sessions)), { lastApplied: 20, now: 100 })

  test('come back as they were', () => {
    const replies: readonly (readonly [number, number])[] = [
      [1, 6],
      [3, 9],
    ]
    expect(read({}, { id: 7, replies: replies.map(([seq, index]) => [seq, index + 2]) })).toMatchObject([{ id: 5 }, { id: 7, lastSeq: 3 }])
  })

  test.each<[string, Given[]]>([
    ['session 5 comes after session 5', [{}, {}]],
    ['id of a session is 0', [{ id: 0 }]],
    ['session 21 was opened after entry 20, the last one applied', [{ id: 21 }]],
    ['session 5 was active at 101, later than log time 100', [{ lastActive: 101 }]],
    ['acknowledged seq of a session is 0', [{ ackedBelow: 0 }]],
    ['session 5 has a reply to 1, outside 2 to 3', [{ ackedBelow: 2, replies: [[1, 6]] }]],
    ['session 5 has a reply to 4, outside 1 to 3', [{ replies: [[4, 6]] }]],
    ['session 5 has a reply of entry 21, outside 6 to 20', [{ replies: [[1, 21]] }]],
    ['session 5 has a reply of entry 5, outside 6 to 20', [{ replies: [[1, 5]] }]],
    ['session 5 has executed command 8195, 8192 or more after 3, its oldest unanswered one', [{ ackedBelow: 3, lastSeq: 8_195 }]],
  ])('that no replica can have are refused: %s', (message, sessions) => {
    expect(() => read(...sessions)).toThrow(new WireError(message))
  })

  test('are refused where there are more than the bytes can hold, before anything is allocated', () => {
    const writer = new ByteWriter()
    writer.u32(0xffff_ffff)
    expect(() => readSessions(new ByteReader(writer.take()), { lastApplied: 1, now: 1 })).toThrow(
      '4294967295 sessions cannot fit in 0 bytes',
    )
  })

  test('are the same bytes in pieces and in one', () => {
    const replica = new Replica(recorder())
    new Feed(replica).run(Array.from({ length: 50 }, () => [{ kind: 'open', ttlMs: 1_000 }, 0]))
    const pieces = [...sessionPieces(replica.sessions, 100)]
    expect(pieces.length).toBeGreaterThan(5)
    expect(Buffer.concat(pieces).equals(Buffer.from(encodeSessions(replica.sessions)))).toBe(true)
  })
})
