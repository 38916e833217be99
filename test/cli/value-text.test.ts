import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plainValue, rawText, valueText } from '../../src/cli/value-text.ts'

test('a value is one line, in the words of the language', () => {
  const value = { name: 'orders/42', 'with-dash': [1, true, null], at: new Map([['a', 1n]]), key: Uint8Array.of(1, 255), none: {} }
  expect(valueText(value)).toBe('{ name: "orders/42", "with-dash": [1, true, null], at: { "a": 1n }, key: 0x01ff, none: {} }')
})

test('long values are cut, and it is said', () => {
  expect(valueText('x'.repeat(1_100))).toBe(`"${'x'.repeat(999)}... (102 more characters; --json shows all)`)
  expect(valueText(new Uint8Array(100))).toBe(`0x${'00'.repeat(64)}... (100 bytes)`)
})

test('no value can write to the terminal', () => {
  const hostile = '\u001b[2J\u009b31m\r\n\u202egnp.exe\u2066\u200b\ufeff\u007f'
  const controls = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u
  expect(controls.test(hostile)).toBe(true)
  const texts = [
    valueText(hostile),
    valueText({ [hostile]: hostile }),
    valueText(new Map([[hostile, [hostile]]])),
    rawText(Buffer.from(hostile)),
  ]
  for (const text of texts) expect(text).not.toMatch(controls)
  fc.assert(
    fc.property(fc.anything({ withMap: true, withBigInt: true }), (value) => {
      expect(valueText(value)).not.toMatch(/\p{Cc}/u)
    }),
  )
})

test('bytes of which nothing is known are text where they are nothing else', () => {
  expect(rawText(Buffer.from('put a 1'))).toBe('"put a 1"')
  expect(rawText(Buffer.from('größe'))).toBe('"größe"')
  expect(rawText(Uint8Array.of(0xff, 0x61))).toBe('0xff61')
  expect(rawText(Buffer.from('a\u0000b'))).toBe('0x610062')
  expect(rawText(new Uint8Array(0))).toBe('0x')
})

test('what JSON cannot hold is written so that it can', () => {
  expect(
    JSON.parse(JSON.stringify(plainValue({ n: 2n ** 70n, bytes: Uint8Array.of(1, 2), map: new Map([[1, 1n]]), list: [null] }))),
  ).toEqual({
    n: '1180591620717411303424',
    bytes: '0102',
    map: [[1, '1']],
    list: [null],
  })
})
