import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Call } from '../../src/session/call.ts'
import { Ledger } from '../../src/session/ledger.ts'
import { defaultLimits } from '../../src/session/limits.ts'

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('call' as const), deadline: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat() }) },
)

test('the ledger has the calls that are not settled, in the order in which they were made, whatever ids they are given again', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const ledger = new Ledger(defaultLimits)
      const [open, freeIds]: [Call[], number[]] = [[], []]
      for (const one of steps) {
        if (one.kind === 'call') {
          const callId = freeIds.pop() ?? open.length
          const call = ledger.admit({
            kind: 'call',
            callId,
            operation: 'command',
            payload: new Uint8Array(2),
            since: 0,
            deadline: one.deadline,
            consistency: 'linearizable',
            atLeast: undefined,
            from: 'leader',
            older: undefined,
          })
          if (call !== undefined) open.push(call)
        } else {
          const [call] = open.splice(one.which % Math.max(1, open.length), 1)
          if (call === undefined) continue
          ledger.settle(call, undefined, undefined)
          expect(ledger.get(call.callId)).toBe(undefined)
          expect(() => ledger.settle(call, undefined, undefined)).toThrow(`call ${call.callId} is settled twice`)
          freeIds.push(call.callId)
        }
        expect(ledger.size).toBe(open.length)
        expect(ledger.calls).toEqual(open)
        for (const call of open) expect(ledger.get(call.callId)).toBe(call)
      }
      expect(ledger.due(50)).toEqual(open.filter(({ deadline }) => deadline <= 50))
    }),
  )
})
