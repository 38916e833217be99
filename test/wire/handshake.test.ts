import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireError } from '../../src/wire/bytes.ts'
import { chooseVersion, encodePreamble, ForeignError, PreambleReader, preambleBytes } from '../../src/wire/handshake.ts'

const push = (...chunks: readonly (string | Uint8Array)[]): ReturnType<PreambleReader['push']> => {
  const reader = new PreambleReader()
  let opened: ReturnType<PreambleReader['push']>
  for (const chunk of chunks) opened = reader.push(Buffer.from(chunk))
  return opened
}

describe('the first eight bytes', () => {
  test('are RGEN, the role, the versions, and what was chosen', () => {
    expect(Buffer.from(encodePreamble({ role: 'peer' })).toString('latin1')).toBe('RGENP\x01\x01\x00')
    expect(Buffer.from(encodePreamble({ role: 'client', version: 1 })).toString('latin1')).toBe('RGENC\x01\x01\x01')
  })

  test('come back as they were, wherever they are cut, with what follows', () => {
    const bytes = Buffer.concat([encodePreamble({ role: 'client', version: 1 }), Buffer.from('more')])
    for (let at = 0; at < preambleBytes; at++) {
      const opened = push(bytes.subarray(0, at), bytes.subarray(at))
      expect(opened?.preamble).toEqual({ role: 'client', min: 1, max: 1, version: 1 })
      expect(opened?.rest.toString()).toBe('more')
    }
  })

  test.each([
    ['GET / HTTP/1.1', 'a connection opens with "GET ", not with "RGEN"'],
    ['\x16\x03\x01\x02', 'a connection opens with "\\u0016\\u0003\\u0001\\u0002", not with "RGEN"'],
    ['R\n', 'a connection opens with "R\\n", not with "RGEN"'],
    ['\x00', 'a connection opens with "\\u0000", not with "RGEN"'],
  ])('give another protocol away at its first wrong byte: %j', (bytes, message) => {
    expect(() => push(bytes)).toThrow(new ForeignError(message))
  })

  test.each([
    ['RGENX\x01\x01\x00', 'a connection opens with an unknown role, 88'],
    ['RGENP\x00\x01\x00', 'a connection opens with versions 0 to 1'],
    ['RGENP\x02\x01\x00', 'a connection opens with versions 2 to 1'],
  ])('are refused when they make no sense: %j', (bytes, message) => {
    expect(() => push(bytes)).toThrow(new WireError(message))
  })

  test('any bytes open a connection, or wait for more, or are refused', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 6 }), { maxLength: 5 }), fc.boolean(), (chunks, ours) => {
        try {
          push(...(ours ? ['RGEN'] : []), ...chunks)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
    )
  })
})

describe('of two ranges of versions', () => {
  test.each([
    [1, 1, 1],
    [1, 9, 1],
    [2, 9, undefined],
  ])('%i to %i leaves %s', (min, max, version) => {
    expect(chooseVersion({ role: 'peer', min, max, version: undefined })).toBe(version)
  })
})
