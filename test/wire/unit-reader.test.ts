import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter, WireError } from '../../src/wire/bytes.ts'
import { UnitReader } from '../../src/wire/unit-reader.ts'

/** Texts, as many as the first byte says. */
function texts() {
  const read: string[] = []
  let count: number | undefined
  const reader = new UnitReader('the list', (bytes) => {
    if (count === undefined) count = bytes.u8('count')
    else if (read.length < count) read.push(bytes.text('text', 100_000))
    else return false
    return true
  })
  return { reader, read }
}
function bytesOf(list: readonly string[]): Uint8Array {
  const writer = new ByteWriter(64)
  writer.u8(list.length)
  for (const text of list) writer.text(text)
  return writer.take()
}

describe('units that come in parts', () => {
  test('are read wherever the parts are cut, each as soon as it is whole', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 50 }), { maxLength: 20 }),
        fc.infiniteStream(fc.nat(30)),
        fc.nat(5),
        (list, sizes, more) => {
          const bytes = Buffer.concat([bytesOf(list), new Uint8Array(more)])
          const { reader, read } = texts()
          const behind: Uint8Array[] = []
          for (let at = 0; at < bytes.length; ) {
            const size = Number(sizes.next().value)
            const part = Uint8Array.from(bytes.subarray(at, at + size))
            behind.push(Uint8Array.from(reader.isDone ? part : reader.write(part)))
            // Nothing of it may be kept.
            part.fill(0)
            at += size
            const whole = list.filter((_, i) => bytesOf(list.slice(0, i + 1)).length <= at)
            expect(read).toEqual(whole)
          }
          expect(Buffer.concat(behind)).toEqual(Buffer.alloc(more))
          if (more === 0) expect(() => reader.end()).not.toThrow()
        },
      ),
    )
  })

  test('that do not come to their end are missed, and what is behind them is too much', () => {
    const bytes = bytesOf(['ab', 'cd'])
    for (let length = 0; length < bytes.length; length++) {
      const { reader } = texts()
      reader.write(bytes.subarray(0, length))
      expect(() => reader.end()).toThrow(WireError)
    }
  })

  test('of a large one, part after part, are put together once', () => {
    const large = 'x'.repeat(60_000)
    const bytes = bytesOf(Array.from({ length: 200 }, () => large))
    const { reader, read } = texts()
    const start = performance.now()
    for (let at = 0; at < bytes.length; at += 100) reader.write(bytes.subarray(at, at + 100))
    reader.end()
    expect(read).toHaveLength(200)
    expect(performance.now() - start).toBeLessThan(3_000)
  })
})
