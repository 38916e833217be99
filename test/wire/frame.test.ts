import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireError } from '../../src/wire/bytes.ts'
import { compact, FrameReader, FrameWriter, frame, frameBytesMax, frameHeaderBytes } from '../../src/wire/frame.ts'
import { plain } from './plain.ts'

const framesOf = (...bodies: readonly Uint8Array[]): Buffer => {
  const frames = new FrameWriter()
  for (const body of bodies) {
    frames.begin().raw(body)
    frames.end()
  }
  return Buffer.from(frames.take())
}
/** All bodies that come out when `chunks` go in. */
function read(reader: FrameReader, ...chunks: readonly Buffer[]): Buffer[] {
  const bodies: Buffer[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let body = reader.next(); body !== undefined; body = reader.next()) bodies.push(body)
  }
  return bodies
}
const cut = (bytes: Buffer, positions: readonly number[]): Buffer[] => {
  const borders = [0, ...positions.map((position) => position % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return borders.slice(1).map((end, i) => bytes.subarray(borders[i], end))
}
const header = (length: number, checksum: number): Buffer => {
  const bytes = Buffer.alloc(frameHeaderBytes)
  bytes.writeUInt32BE(length, 0)
  bytes.writeUInt32BE(checksum, 4)
  return bytes
}

describe('a stream of frames', () => {
  test('is the length of the body, its CRC-32, the body', () => {
    const body = Buffer.from('abc')
    expect(framesOf(body)).toEqual(Buffer.concat([header(3, crc32(body)), body]))
    expect(Buffer.from(frame((writer) => writer.raw(body)))).toEqual(framesOf(body))
  })

  test('gives the same bodies wherever it is cut once', () => {
    const bodies = [Buffer.from('a'), Buffer.alloc(30, 7), Buffer.from('bcd')]
    const bytes = framesOf(...bodies)
    for (let at = 0; at <= bytes.length; at++) {
      expect(plain(read(new FrameReader(), bytes.subarray(0, at), bytes.subarray(at)))).toEqual(plain(bodies))
    }
  })

  test('gives the same bodies however it is cut', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), { maxLength: 6 })
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(), { maxLength: 20 }), (values, positions) => {
        expect(plain(read(new FrameReader(), ...cut(framesOf(...values), positions)))).toEqual(plain(values))
      }),
      { numRuns: 300 },
    )
  })

  test('may be pushed on before it is read', () => {
    const bodies = [Buffer.from('a'), Buffer.from('bb'), Buffer.from('ccc')]
    const reader = new FrameReader()
    for (const chunk of cut(framesOf(...bodies), [3, 11, 20])) reader.push(chunk)
    expect(plain(read(reader, Buffer.alloc(0)))).toEqual(plain(bodies))
  })

  test('carries a body of the largest size, in chunks of 64 KiB', () => {
    const body = Buffer.alloc(frameBytesMax, 3)
    const bytes = framesOf(body)
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) => bytes.subarray(i * 65_536, (i + 1) * 65_536))
    const bodies = read(new FrameReader(), ...chunks)
    expect(bodies).toHaveLength(1)
    expect(bodies[0]?.equals(body)).toBe(true)
  })

  test('is refused with any one byte of a frame changed', () => {
    const bytes = framesOf(Buffer.from('a body of some length'))
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ change
        // A length that grew within the limit waits for more, which never checks out.
        expect(() => read(new FrameReader(), changed, Buffer.alloc(300), Buffer.alloc(frameBytesMax))).toThrow(WireError)
      }
    }
  })

  test('says what is wrong with a checksum', () => {
    expect(() => read(new FrameReader(), header(3, 0xabc), Buffer.from('abc'))).toThrow(
      new WireError('a frame of 3 bytes has checksum 352441c2, its header says 00000abc'),
    )
  })

  test('refuses a frame that is too large on its header, before its body', () => {
    const message = 'a frame announces 4194305 bytes, at most 4194304 are allowed'
    expect(() => read(new FrameReader(), header(frameBytesMax + 1, 0))).toThrow(new WireError(message))
    const halves = cut(header(frameBytesMax + 1, 0), [5])
    expect(() => read(new FrameReader(), ...halves)).toThrow(new WireError(message))
  })

  test('refuses an empty frame', () => {
    expect(() => read(new FrameReader(), header(0, 0))).toThrow(new WireError('a frame is empty'))
  })

  test('is not written with a frame that its reader would refuse', () => {
    const frames = new FrameWriter()
    frames.begin().raw(new Uint8Array(frameBytesMax + 1))
    expect(() => frames.end()).toThrow('a frame of 4194305 bytes was written, at most 4194304 are allowed')
  })
})

describe('memory', () => {
  test('a body that lies in one chunk is not copied', () => {
    const bytes = framesOf(Buffer.from('one'), Buffer.from('two'))
    for (const body of read(new FrameReader(), bytes)) expect(body.buffer).toBe(bytes.buffer)
  })

  test('a header does not make its reader allocate what it announces', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 1_000 }, () => {
      const reader = new FrameReader()
      read(reader, header(frameBytesMax, 0), Buffer.alloc(2_000))
      return reader
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1_024 * 1_024)
    expect(readers).toHaveLength(1_000)
  })

  test('a frame that arrives byte by byte is collected at a cost that grows with its length, not with its square', () => {
    const bytes = framesOf(Buffer.alloc(1_000_000, 9))
    const reader = new FrameReader()
    const start = performance.now()
    let found = 0
    for (let at = 0; at < bytes.length; at++) found += read(reader, bytes.subarray(at, at + 1)).length
    expect(found).toBe(1)
    // A copy of everything at each byte would take minutes.
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  test('what is kept of a body holds on to at most four times its size', () => {
    const chunk = Buffer.alloc(65_536)
    const small = compact(chunk.subarray(100, 400))
    expect(small.buffer.byteLength).toBe(300)
    const large = chunk.subarray(0, 20_000)
    expect(compact(large)).toBe(large)
  })
})
