// Holes anywhere, in a log and in those of its peers, each cut into blocks of its own: what is planned is what was there, and all of it that anybody has.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry } from '../../src/core/types.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import { merged, planFill, type RepairSource, sourceOf } from '../../src/storage/log-repair.ts'
import { LogWalk } from '../../src/storage/log-walk.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { blockKey, firstKey, lastKey } from '../../src/storage/records.ts'
import { type Recovered, Recovery } from '../../src/storage/recovery.ts'
import { append, called, close, commands, conf, identity, openBlocks } from './support.ts'

const count = 40
const original = commands(2, 1, count)

interface Node {
  readonly source: RepairSource
  readonly found: Recovered
  /** Chain after the last entry, as it was before anything was lost. */
  readonly lastChain: number
  readonly readable: ReadonlySet<number>
}

interface Shape {
  /** Entries of each write. */
  readonly batches: readonly number[]
  /** Which of its blocks are lost. */
  readonly lost: readonly boolean[]
}
const shape: fc.Arbitrary<Shape> = fc.record({
  batches: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: count, maxLength: count }),
  lost: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
})

async function nodeOf(name: string, { batches, lost }: Shape): Promise<Node> {
  const kv = new MemoryKeyValue()
  await called((done) => BlockLog.bootstrap(kv, { identity, conf }, done))
  const log = await openBlocks(kv)
  const firsts: number[] = []
  for (const batch of batches) {
    const first = log.latestLogIndex + 1
    if (first > count) break
    firsts.push(first)
    await append(log, { hardState: { term: 2, votedFor: undefined }, entries: original.slice(first - 1, first - 1 + batch) })
  }
  const lastChain = log.end.chain
  await close(log)
  const disk = kv.crash()
  for (const [i, first] of firsts.entries()) if (lost[i] === true) disk.poke(blockKey(first), undefined)
  const found = await recovered(disk)
  const walk = new LogWalk({ kv: disk, name, found, findings: found.findings, withAside: true })
  return { source: sourceOf(name, walk), found, lastChain, readable: new Set(await indexesOf(sourceOf(name, walk))) }
}

function recovered(kv: MemoryKeyValue): Promise<Recovered> {
  const recovery = new Recovery()
  const each = (key: Uint8Array, value: Uint8Array): boolean => {
    recovery.record(key, value)
    return true
  }
  return new Promise((resolve, reject) => {
    kv.range({ firstKey, lastKey, bytesMax: 1_000 }, each, (error) => (error === undefined ? resolve(recovery.finish()) : reject(error)))
  })
}

async function entriesOf(source: RepairSource, range = { firstIndex: 1, lastIndex: count }): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const piece of source.pieces(range)) if (piece.kind === 'entries') entries.push(...piece.entries)
  return entries
}
const indexesOf = async (source: RepairSource): Promise<readonly number[]> => (await entriesOf(source)).map(({ index }) => index)
const plain = ({ term, index, data }: Entry): unknown => [term, index, Buffer.from(data).toString()]

test('what is read of a log with holes is what was there, in order, and the holes are all that is not', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async (of) => {
      const { source } = await nodeOf('1', of)
      let next = 1
      for await (const piece of source.pieces({ firstIndex: 1, lastIndex: count })) {
        const first = piece.kind === 'hole' ? piece.firstIndex : piece.entries[0]?.index
        expect(first).toBe(next)
        if (piece.kind === 'entries')
          expect(piece.entries.map(plain)).toEqual(original.slice(next - 1, next - 1 + piece.entries.length).map(plain))
        next = piece.kind === 'hole' ? piece.lastIndex + 1 : next + piece.entries.length
      }
      expect(next).toBe(count + 1)
    }),
  )
})

test('a plan takes what was there, and comes to the end if all of it is somewhere', async () => {
  await fc.assert(
    fc.asyncProperty(shape, shape, shape, async (first, second, third) => {
      const own = await nodeOf('1', first)
      const peers = [await nodeOf('2', second), await nodeOf('3', third)]
      const { found, lastChain } = own
      const anchors = [
        ...found.islands.flatMap(({ firstIndex, lastIndex, chain, lastChain }) => [
          { index: firstIndex - 1, chain },
          { index: lastIndex, chain: lastChain },
        ]),
        { index: count, chain: lastChain },
      ].sort((a, b) => a.index - b.index)
      const others = peers.map(({ source }) => source)
      const plan = await planFill(found.end, anchors, [own.source, ...others, others.reduce(merged, own.source)])

      let next = found.end.index + 1
      for (const { firstIndex, lastIndex, source } of plan.steps) {
        expect(firstIndex).toBe(next)
        const taken = await entriesOf(source, { firstIndex, lastIndex })
        expect(taken.map(plain)).toEqual(original.slice(firstIndex - 1, lastIndex).map(plain))
        next = lastIndex + 1
      }
      expect(plan.end.index).toBe(next - 1)
      const isSomewhere = original.every(
        ({ index }) => index <= found.end.index || [own, ...peers].some(({ readable }) => readable.has(index)),
      )
      if (isSomewhere) expect(plan.end).toMatchObject({ index: count, chain: lastChain })
      else expect(plan.end.index).toBeLessThan(count)
    }),
  )
})
