import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type KeptReplies, type Recorded, ReplyQueue } from '../../src/machine/kept-replies.ts'

const far = 2 ** 47

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('record' as const), ahead: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('record' as const), ahead: fc.integer({ min: 4, max: 5_000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('drop' as const), ahead: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('copy' as const) }) },
)

const recordedAs = (index: number): Recorded => ({ index, reply: undefined })

describe('the replies kept for a session', () => {
  test('are what a map would hold, in the order of their seqs, whatever is recorded, dropped and copied', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 15, 16, far), fc.array(step, { maxLength: 120 }), (firstSeq, steps) => {
        let queue = new ReplyQueue()
        const model = new Map<number, Recorded>()
        const copies: { readonly queue: KeptReplies; readonly held: readonly (readonly [number, Recorded])[] }[] = []
        let [nextSeq, below, index] = [firstSeq, firstSeq, 0]
        for (const one of steps) {
          index += 1
          if (one.kind === 'record') {
            nextSeq += one.ahead
            queue.set(nextSeq, recordedAs(index))
            model.set(nextSeq, recordedAs(index))
          } else if (one.kind === 'replace') {
            const seq = [...model.keys()][one.which % Math.max(1, model.size)]
            if (seq === undefined) continue
            queue.set(seq, recordedAs(index))
            model.set(seq, recordedAs(index))
          } else if (one.kind === 'drop') {
            below += one.ahead
            const gone = [...model].filter(([seq]) => seq < below)
            const dropped: (readonly [number, Recorded])[] = []
            queue.dropBelow(below, (seq, recorded) => dropped.push([seq, recorded]))
            expect(dropped).toEqual(gone)
            for (const [seq] of gone) model.delete(seq)
          } else {
            copies.push({ queue, held: [...model] })
            queue = ReplyQueue.from(queue)
          }
          expect(queue.size).toBe(model.size)
          for (const seq of [below - 1, below, nextSeq, nextSeq + 1]) expect(queue.get(seq)).toEqual(model.get(seq))
        }
        expect([...queue]).toEqual([...model])
        for (const { queue: copied, held } of copies) expect([...copied]).toEqual(held)
      }),
    )
  })

  test('come in the order of their seqs: an earlier one has no place', () => {
    const queue = new ReplyQueue()
    queue.set(40, recordedAs(1))
    expect(() => queue.set(20, recordedAs(2))).toThrow('the reply to command 20 comes after later ones')
  })
})
