import { describe, expect, test } from 'vitest'
import { string } from '../../src/contract/v1.ts'
import { failureText } from '../../src/machine/failure-text.ts'

describe('where a handler failed', () => {
  test.each([
    ['Error: no\n    at post (file:///srv/my app/handlers.ts:8:34)\n    at run (node:internal/x:1:2)', '/srv/my app/handlers.ts:8:34'],
    ['Error: no\n    at Object.post [as call] (/srv/handlers.ts:8:34)', '/srv/handlers.ts:8:34'],
    ['Error: no\n    at file:///srv/handlers.ts:8:34', '/srv/handlers.ts:8:34'],
    ['Error: no\n    at check (/srv/generated/codec.ts:1:2)\n    at post (/srv/handlers.ts:8:34)', '/srv/handlers.ts:8:34'],
    ['Error: no\n    at check (/srv/generated/codec.ts:1:2)', '/srv/generated/codec.ts:1:2'],
    ['Error: no (1:2:3)\n    at node:internal/x:1:2\n    at Array.map (<anonymous>)', undefined],
    [undefined, undefined],
  ])('is told by a stack like %j', (stack, position) => {
    expect(failureText({ command: 'post', message: 'no', stack })).toBe(position === undefined ? 'no' : `no (at ${position})`)
  })

  test('is in the source of its user, also where it is raftgen that throws', () => {
    let thrown: unknown
    try {
      string(5, 'name')
    } catch (error) {
      thrown = error
    }
    const stack = thrown instanceof Error ? thrown.stack : undefined
    expect(stack).toMatch(/src\/contract\/v1\/values-check\.ts/)
    expect(failureText({ command: 'post', message: 'no', stack })).toMatch(
      /^no \(at \/.*\/test\/machine\/failure-text\.test\.ts:\d+:\d+\)$/,
    )
  })
})
