import { describe, expect, test } from 'vitest'
import { batchBytesMax, batchItemsMax, itemBytesMax } from '../../src/wire/batch.ts'
import { ByteWriter, WireError } from '../../src/wire/bytes.ts'
import { decodeClientMessage, writeClientMessage } from '../../src/wire/client-codec.ts'
import type { ClientMessage, CommandItem, ServerMessage } from '../../src/wire/client-messages.ts'
import { FrameWriter } from '../../src/wire/frame.ts'
import { bodyKinds } from '../../src/wire/kinds.ts'
import { sentenceBytesMax } from '../../src/wire/refused-codec.ts'
import { decodeServerMessage, writeServerMessage } from '../../src/wire/server-codec.ts'
import { bodiesOf } from './plain.ts'

const fromClient = (message: ClientMessage): ClientMessage[] => {
  const frames = new FrameWriter()
  writeClientMessage(frames, message)
  return bodiesOf(frames.take()).map(decodeClientMessage)
}
const fromServer = (message: ServerMessage): ServerMessage[] => {
  const frames = new FrameWriter()
  writeServerMessage(frames, message)
  return bodiesOf(frames.take()).map(decodeServerMessage)
}
const commandsOf = (messages: readonly ClientMessage[]): CommandItem[] =>
  messages.flatMap((one) => (one.kind === 'Commands' ? one.items : []))
const items = (count: number, bytes: number): CommandItem[] =>
  Array.from({ length: count }, (_, seq) => ({ seq, command: new Uint8Array(bytes).fill(seq) }))

describe('a large batch', () => {
  test('of commands travels in several frames, in order, each with its session', () => {
    const sent = items(30, 100_000)
    const received = fromClient({ kind: 'Commands', session: 7, ackedBelow: 3, items: sent })
    expect(received).toHaveLength(3)
    for (const part of received) expect(part).toMatchObject({ kind: 'Commands', session: 7, ackedBelow: 3 })
    expect(commandsOf(received).map(({ seq }) => seq)).toEqual(sent.map(({ seq }) => seq))
    expect(commandsOf(received).every(({ seq, command }) => command.length === 100_000 && command[0] === seq)).toBe(true)
  })

  test('of very many small commands is split by their number', () => {
    const received = fromClient({ kind: 'Commands', session: 7, ackedBelow: 0, items: items(batchItemsMax + 1, 0) })
    expect(received).toHaveLength(2)
    expect(commandsOf(received)).toHaveLength(batchItemsMax + 1)
  })

  test('of queries and of replies is split as well', () => {
    const payload = new Uint8Array(batchBytesMax / 2)
    const ids = [1, 2, 3]
    const queries = ids.map((requestId) => ({ requestId, consistency: 'stale', atLeast: 0, query: payload }) as const)
    expect(fromClient({ kind: 'Queries', items: queries })).toHaveLength(3)
    const queryReplies = ids.map((requestId) => ({ requestId, index: 1, reply: payload, refused: undefined }))
    expect(fromServer({ kind: 'QueryReplies', items: queryReplies })).toHaveLength(3)
    const replies = ids.map((seq) => ({ seq, index: 1, reply: payload, refused: undefined }))
    expect(fromServer({ kind: 'Replies', session: 1, items: replies })).toHaveLength(3)
  })

  test('may hold an item of the largest size', () => {
    expect(commandsOf(fromClient({ kind: 'Commands', session: 1, ackedBelow: 0, items: items(2, itemBytesMax) }))).toHaveLength(2)
  })

  test('that is empty is not sent', () => {
    expect(fromClient({ kind: 'Commands', session: 1, ackedBelow: 0, items: [] })).toEqual([])
    expect(fromServer({ kind: 'Replies', session: 1, items: [] })).toEqual([])
  })
})

describe('a reply that fits no frame', () => {
  const reply = new Uint8Array(itemBytesMax + 1)
  const message = 'the reply has 4194241 bytes, at most 4194240 can be sent'

  test('of a query becomes TOO_LARGE, and the other replies still come', () => {
    const small = { requestId: 2, index: 5, reply: new Uint8Array([1]), refused: undefined }
    const [received] = fromServer({ kind: 'QueryReplies', items: [{ requestId: 1, index: 5, reply, refused: undefined }, small] })
    expect(received).toMatchObject({
      items: [
        { requestId: 1, refused: { code: 'TOO_LARGE', message } },
        { requestId: 2, refused: undefined },
      ],
    })
  })

  test('of a command becomes REPLY_DROPPED: the command was applied', () => {
    const [received] = fromServer({ kind: 'Replies', session: 1, items: [{ seq: 1, index: 5, reply, refused: undefined }] })
    expect(received).toMatchObject({ items: [{ seq: 1, index: 5, refused: { code: 'REPLY_DROPPED', message } }] })
  })
})

describe('a sentence that is too long', () => {
  test.each(['a', 'é', '漢', '😀'])('is cut, of %s', (character) => {
    const [received] = fromServer({ kind: 'Goodbye', code: 'INTERNAL', message: character.repeat(sentenceBytesMax) })
    expect(received?.kind === 'Goodbye' && Buffer.byteLength(received.message)).toBeLessThanOrEqual(sentenceBytesMax)
    expect(received?.kind === 'Goodbye' && received.message.startsWith(character)).toBe(true)
  })
})

describe('a frame of a client is refused', () => {
  const write = (fill: (writer: ByteWriter) => void): Uint8Array => {
    const writer = new ByteWriter()
    fill(writer)
    return writer.take()
  }
  const commands = (count: number, seqs: readonly number[]): Uint8Array =>
    write((writer) => {
      writer.u8(bodyKinds.Commands)
      writer.u48(1)
      writer.u48(0)
      writer.u32(count)
      for (const seq of seqs) {
        writer.u48(seq)
        writer.u32(0)
      }
    })

  test.each([
    ['4294967295 commands cannot fit in 10 bytes', commands(0xffff_ffff, [1])],
    ['a command has seq 4, the one before it 5', commands(2, [5, 4])],
    ['a command has seq 5, the one before it 5', commands(2, [5, 5])],
    ['Commands is followed by 10 bytes too many', commands(1, [1, 2])],
    [
      `a frame holds 16385 commands, at most 16384 are allowed`,
      commands(
        batchItemsMax + 1,
        items(batchItemsMax + 1, 0).map(({ seq }) => seq),
      ),
    ],
    ['kind of a message needs 1 bytes, 0 are left', new Uint8Array(0)],
    ['kind 5 is not one of a message from a client', Uint8Array.of(bodyKinds.AppendEntries)],
  ])('%s', (message, body) => {
    expect(() => decodeClientMessage(body)).toThrow(new WireError(message))
  })
})

describe('a code', () => {
  const goodbye = (code: string): Uint8Array => {
    const writer = new ByteWriter()
    writer.u8(bodyKinds.Goodbye)
    writer.text(code)
    writer.text('it said so')
    return writer.take()
  }
  const replies = (kind: number, rest: (writer: ByteWriter) => void): Uint8Array => {
    const writer = new ByteWriter()
    writer.u8(kind)
    rest(writer)
    writer.u8(1)
    writer.text('MOVED_AWAY')
    writer.text('it said so')
    if (kind === bodyKinds.Replies) writer.u8(0)
    return writer.take()
  }
  const message = 'it said so (MOVED_AWAY, which this release does not know)'

  test.each(['__proto__', '', 'lower_case', 'A'.repeat(65), 'A B'])('that no release would write is refused: %j', (code) => {
    expect(() => decodeServerMessage(goodbye(code))).toThrow(new WireError(`${JSON.stringify(code)} is not the code of an error`))
  })

  test('of a newer server in a goodbye says that this server does not serve us', () => {
    expect(decodeServerMessage(goodbye('MOVED_AWAY'))).toEqual({ kind: 'Goodbye', code: 'UNAVAILABLE', message })
  })

  test('of a newer server leaves the outcome of a command unknown', () => {
    const body = replies(bodyKinds.Replies, (writer) => {
      writer.u48(7)
      writer.u32(1)
      writer.u48(3)
      writer.u48(0)
    })
    expect(decodeServerMessage(body)).toMatchObject({ items: [{ seq: 3, refused: { code: 'OUTCOME_UNKNOWN', message } }] })
  })

  test('of a newer server lets a query be asked again', () => {
    const body = replies(bodyKinds.QueryReplies, (writer) => {
      writer.u32(1)
      writer.u48(3)
      writer.u48(0)
    })
    expect(decodeServerMessage(body)).toMatchObject({ items: [{ requestId: 3, refused: { code: 'UNAVAILABLE', message } }] })
  })
})

describe('the consistency of a query', () => {
  test('has a number for good: a query of an earlier release reads the same', () => {
    const numbers = (['linearizable', 'stale', 'lease', 'atLeast'] as const).map((consistency) => {
      const frames = new FrameWriter()
      writeClientMessage(frames, { kind: 'Queries', items: [{ requestId: 1, consistency, atLeast: 0, query: new Uint8Array(0) }] })
      // Kind, count, id.
      return bodiesOf(frames.take())[0]?.[11]
    })
    expect(numbers).toEqual([0, 1, 2, 3])
  })

  test('is the only one that carries an index when it is atLeast', () => {
    const query = { requestId: 1, atLeast: 5, query: new Uint8Array(0) }
    const [stale] = fromClient({ kind: 'Queries', items: [{ ...query, consistency: 'stale' }] })
    const [atLeast] = fromClient({ kind: 'Queries', items: [{ ...query, consistency: 'atLeast' }] })
    expect(stale).toMatchObject({ items: [{ atLeast: 0 }] })
    expect(atLeast).toMatchObject({ items: [{ atLeast: 5 }] })
  })
})

test('commands are views into their frame: nothing is copied for the one who only passes them on', () => {
  const frames = new FrameWriter()
  writeClientMessage(frames, { kind: 'Commands', session: 1, ackedBelow: 0, items: items(2, 100) })
  const [body] = bodiesOf(frames.take())
  const message = decodeClientMessage(body ?? new Uint8Array(0))
  for (const { command } of commandsOf([message])) expect(command.buffer).toBe(body?.buffer)
})
