import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireError } from '../../src/wire/bytes.ts'
import { decodeClientMessage, writeClientMessage } from '../../src/wire/client-codec.ts'
import { FrameWriter, frame } from '../../src/wire/frame.ts'
import { decodePeerHello, decodePeerWelcome, decodePong, writePeerHello, writePeerWelcome, writePong } from '../../src/wire/handshake.ts'
import { decodeMessage, writeMessage } from '../../src/wire/peer-codec.ts'
import { decodeServerMessage, writeServerMessage } from '../../src/wire/server-codec.ts'
import { clientMessage, peerHello, peerMessage, peerWelcome, serverMessage } from './arbitraries.ts'
import { bodiesOf, plain } from './plain.ts'

interface Codec {
  readonly name: string
  /** A value, and the body of the frame that carries it. */
  readonly pairs: fc.Arbitrary<{ readonly value: unknown; readonly bytes: Uint8Array }>
  readonly decode: (body: Uint8Array) => unknown
}

const one = (write: (frames: FrameWriter) => void): Uint8Array => {
  const frames = new FrameWriter()
  write(frames)
  const bodies = bodiesOf(frames.take())
  expect(bodies).toHaveLength(1)
  return bodies[0] ?? new Uint8Array(0)
}
const body = (bytes: Uint8Array): Uint8Array => bytes.subarray(8)

const codec = <T>(name: string, values: fc.Arbitrary<T>, encode: (value: T) => Uint8Array, decode: (body: Uint8Array) => T): Codec => ({
  name,
  pairs: values.map((value) => ({ value, bytes: encode(value) })),
  decode,
})
const codecs: readonly Codec[] = [
  codec('a message of a peer', peerMessage, (message) => body(frame((writer) => writeMessage(writer, message))), decodeMessage),
  codec('a message of a client', clientMessage, (message) => one((frames) => writeClientMessage(frames, message)), decodeClientMessage),
  codec('a message of a server', serverMessage, (message) => one((frames) => writeServerMessage(frames, message)), decodeServerMessage),
  codec('PeerHello', peerHello, (hello) => body(frame((writer) => writePeerHello(writer, hello))), decodePeerHello),
  codec('PeerWelcome', peerWelcome, (welcome) => body(frame((writer) => writePeerWelcome(writer, welcome))), decodePeerWelcome),
  codec(
    'Pong',
    fc.record({ receivedBytes: fc.maxSafeNat().map((value) => value % 2 ** 48) }),
    ({ receivedBytes }) => body(frame((writer) => writePong(writer, receivedBytes))),
    decodePong,
  ),
]

/** Either a value, or the one error that a connection knows how to deal with. */
function decodes(decode: Codec['decode'], bytes: Uint8Array): boolean {
  try {
    decode(bytes)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
    return false
  }
}

describe.each(codecs)('$name', ({ pairs, decode }) => {
  const encoded = pairs.map(({ bytes }) => bytes)

  test('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(pairs, ({ value, bytes }) => {
        expect(plain(decode(bytes))).toEqual(plain(value))
      }),
      { numRuns: 500 },
    )
  })

  test('is refused when it is cut short, at any length', () => {
    fc.assert(
      fc.property(encoded, (bytes) => {
        for (let length = 0; length < bytes.length; length++) expect(decodes(decode, bytes.subarray(0, length))).toBe(false)
      }),
    )
  })

  test('is refused when anything follows it', () => {
    fc.assert(
      fc.property(encoded, fc.uint8Array({ minLength: 1, maxLength: 3 }), (bytes, more) => {
        expect(decodes(decode, Buffer.concat([bytes, more]))).toBe(false)
      }),
    )
  })

  test('any one byte changed gives a value or a WireError', () => {
    fc.assert(
      fc.property(encoded, fc.integer({ min: 1, max: 255 }), (bytes, change) => {
        const changed = Buffer.from(bytes)
        for (let at = 0; at < changed.length; at++) {
          changed[at] = (changed[at] ?? 0) ^ change
          decodes(decode, changed)
          changed[at] = (changed[at] ?? 0) ^ change
        }
      }),
    )
  })

  test('any bytes give a value or a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodes(decode, bytes)),
      { numRuns: 500 },
    )
  })

  test('any bytes after a kind that exists give a value or a WireError', () => {
    fc.assert(
      fc.property(encoded, fc.uint8Array({ maxLength: 200 }), (bytes, rest) => {
        decodes(decode, Buffer.concat([bytes.subarray(0, 1), rest]))
        decodes(decode, Buffer.concat([bytes.subarray(0, Math.min(bytes.length, 20)), rest]))
      }),
      { numRuns: 500 },
    )
  })
})
