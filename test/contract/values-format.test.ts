import fc from 'fast-check'
import { Format } from 'typebox/format'
import { describe, expect, test } from 'vitest'
import { type FormatName, format, formatNames } from '../../src/contract/v1/values-format.ts'

const accepts = (name: FormatName, text: string): boolean => {
  try {
    format(text, '', name)
    return true
  } catch {
    return false
  }
}
const names: readonly FormatName[] = ['date', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'time', 'uri', 'uuid']

const good: Readonly<Record<FormatName, readonly string[]>> = {
  date: ['2024-02-29', '0001-12-31'],
  time: ['23:59:59Z', '00:00:00.123+01:30'],
  'date-time': ['2024-02-29T23:59:59Z', '2024-02-29t00:00:00-11:00'],
  duration: ['P1D', 'PT1H30M', 'P2W', 'P1Y2M3DT4H5M6S'],
  email: ['a@b', 'first.last+tag@sub.example.org'],
  hostname: ['localhost', 'a-b.example.com', '1.example'],
  ipv4: ['0.0.0.0', '255.255.255.255'],
  ipv6: ['::', '::1', '1:2:3:4:5:6:7:8', 'fe80::1:2', '::ffff:1.2.3.4', '1:2:3:4:5:6:1.2.3.4'],
  uri: ['https://example.com/a?b=c#d', 'urn:isbn:0451450523', 'http://localhost:8080', 'mailto:a@b.c', 'http://h/%41'],
  uuid: ['123e4567-e89b-12d3-a456-426614174000'],
}
const bad: Readonly<Record<FormatName, readonly string[]>> = {
  date: ['2023-02-29', '2024-13-01', '2024-00-01', '2024-1-1', '2024-02-30'],
  time: ['24:00:00Z', '12:00:00', '12:60:00Z', '12:00:60Z'],
  'date-time': ['2024-02-29', '2024-02-29 00:00:00Z', '2023-02-29T00:00:00Z', '2024-02-29T00:00:00'],
  duration: ['P', 'PT', '1D', 'P1H', 'P1DT'],
  email: ['a', '@b', 'a@', 'a..b@c', 'a@b..c', 'a b@c'],
  hostname: ['', '-a', 'a-', 'a..b', 'a_b', `${'a'.repeat(64)}.b`, 'xn--a'],
  ipv4: ['256.0.0.1', '1.2.3', '01.2.3.4', '1.2.3.4.5'],
  ipv6: [':', ':::', '1:2:3:4:5:6:7', '1::2::3', '12345::', '::1.2.3.256', '1:2:3:4:5:6:7:8:9'],
  uri: ['example.com', '//a', 'http://a b', 'http://%zz', '1http://a', 'http://'],
  uuid: ['123e4567e89b12d3a456426614174000', '123e4567-e89b-12d3-a456-42661417400g'],
}

test('the formats are these', () => {
  expect(formatNames).toEqual(names)
})

describe.each(names)('%s', (name) => {
  test.each(good[name])('accepts %s', (text) => expect(accepts(name, text)).toBe(true))
  test.each(bad[name])('refuses %j', (text) => expect(accepts(name, text)).toBe(false))

  test('whatever it accepts, TypeBox accepts', () => {
    const near = fc.tuple(fc.constantFrom(...good[name], ...bad[name]), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, other]) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + other + text.slice(place + 1)
    })

    fc.assert(
      fc.property(near, (text) => {
        if (accepts(name, text)) expect(Format.Test(name, text), text).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('takes time that grows with the text, not with its powers', () => {
    const long = good[name].map((text) => text.slice(0, -1) + (text.at(-1) ?? '').repeat(20_000) + ' ')

    // A backtracking pattern would not come back within the time of the test.
    for (const text of long) expect(accepts(name, text)).toBe(false)
  })
})
