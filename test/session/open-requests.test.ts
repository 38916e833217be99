import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Call } from '../../src/session/call.ts'
import { OpenRequests } from '../../src/session/open-requests.ts'

const newCall = (): Call =>
  new Call({
    kind: 'call',
    callId: 1,
    operation: 'query',
    payload: new Uint8Array(0),
    since: 0,
    deadline: 0,
    consistency: 'linearizable',
    atLeast: undefined,
    from: 'leader',
    older: undefined,
  })

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.constant(17_000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer' as const), count: fc.integer({ min: 1, max: 60 }), skip: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('answerAllBut' as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
)

describe('requests that are open', () => {
  test('are what a map would hold, in the order of their ids, also while some wait for long', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const open = new OpenRequests()
        const model = new Map<number, Call>()
        let lastId = 0
        const answer = (id: number): void => {
          open.delete(id)
          model.delete(id)
        }
        for (const one of steps) {
          if (one.kind === 'send') {
            for (let i = 0; i < one.count; i++) {
              const call = newCall()
              open.add(call)
              lastId += 1
              expect(call.seq).toBe(lastId)
              model.set(call.seq, call)
            }
          } else if (one.kind === 'answer') for (const id of [...model.keys()].slice(one.skip, one.skip + one.count)) answer(id)
          else if (one.kind === 'answerAllBut') for (const id of [...model.keys()].slice(one.count)) answer(id)
          else {
            open.clear()
            model.clear()
          }
          const [first = 0, second = 0] = model.keys()
          for (const id of [0, first - 1, first, first + 1, second, lastId, lastId + 1]) expect(open.get(id)).toBe(model.get(id))
          // Whoever answers twice, or what was never asked, changes nothing.
          open.delete(lastId + 1)
          open.delete(first - 1)
          expect(open.size).toBe(model.size)
        }
        expect(open.calls()).toEqual([...model.values()])
        const [firstOpen = 0, secondOpen = 0] = model.keys()
        for (const id of [firstOpen, secondOpen, lastId, lastId + 1]) expect(open.some(({ seq }) => seq === id)).toBe(model.has(id))
      }),
      { numRuns: 60 },
    )
  })
})
