// What is sent of a call to a cluster that is not as far as its client.
import { describe, expect, test } from 'vitest'
import { Call } from '../../src/session/call.ts'

const payload = Uint8Array.of(2)
const call = (encode: (version: number) => Uint8Array): Call =>
  new Call({
    ...{
      kind: 'call',
      callId: 1,
      operation: 'command',
      payload,
      since: 0,
      deadline: 0,
      consistency: 'linearizable',
      atLeast: undefined,
      from: 'leader',
    },
    older: { version: 2, encode },
  })
const refused = { code: 'NOT_YET_ACTIVE', message: 'the cluster uses version 1' }

describe('to a cluster that uses an older version of the schema', () => {
  test('it goes in the words of that, which are found once', () => {
    let encoded = 0
    const one = call((version) => Uint8Array.of(version, encoded++))
    expect(one.bytesIn(1)).toEqual(Uint8Array.of(1, 0))
    expect(one.bytesIn(1)).toEqual(Uint8Array.of(1, 0))
    expect(one.explained(refused)).toBe('the cluster uses version 1')
  })

  test('it goes as it is where those do not suffice: the version may be in force by now; a refusal says what has no words', () => {
    const one = call(() => {
      throw new Error('note is new in version 2')
    })
    expect(one.bytesIn(1)).toBe(payload)
    expect(one.explained(refused)).toBe('the cluster uses version 1: note is new in version 2')
    expect(one.explained({ code: 'OVERLOADED', message: 'later' })).toBe('later')
  })

  test.each([0, 2, 3])('of no version, the same or a later one, %i, it goes as it is', (version) => {
    const one = call(() => Uint8Array.of(1))
    expect(one.bytesIn(version)).toBe(payload)
  })
})
