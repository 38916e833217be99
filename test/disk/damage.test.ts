import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Chance } from '../../src/sim/chance.ts'
import { type Damage, damageFile, damaged } from './damage.ts'

const content = Buffer.from('abcdefgh')
const range = { start: 2, end: 5 }
const done = (damage: Damage): string => damaged(content, [range], { damage, chance: new Chance(1) }).toString('latin1')

test.each([
  ['zero', 'ab\0\0\0fgh'],
  ['drop', 'abfgh'],
  ['repeat', 'abcdecdefgh'],
] as const)('%s', (damage, after) => {
  expect(done(damage)).toBe(after)
})

test('a flip changes one bit, in the range', () => {
  const bits = [...Buffer.from(done('flip'), 'latin1')].map((byte, i) => byte ^ (content[i] ?? 0))
  const changed = bits.flatMap((bit, i) => (bit === 0 ? [] : [{ bit, i }]))
  expect(changed).toHaveLength(1)
  expect(changed[0]?.i).toSatisfy((i) => i >= range.start && i < range.end)
  expect([1, 2, 4, 8, 16, 32, 64, 128]).toContain(changed[0]?.bit)
})

test('a cut ends the file within the range; noise stays within it', () => {
  expect(['ab', 'abc', 'abcd']).toContain(done('cut'))
  expect(done('random')).toMatch(/^ab[\s\S]{3}fgh$/)
})

test('of several ranges each is damaged where it was before', () => {
  const ranges = [
    { start: 0, end: 1 },
    { start: 4, end: 6 },
  ]
  expect(damaged(content, ranges, { damage: 'drop', chance: new Chance(1) }).toString()).toBe('bcdgh')
})

test('a file is damaged in place: who has it open sees it, and keeps what he wrote elsewhere', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'raftgen-damage-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  const path = join(folder, 'file')
  await writeFile(path, content)
  const owner = await open(path, 'r+')
  onTestFinished(async () => await owner.close())
  const damaging = damageFile(path, (bytes) => {
    const changed = Buffer.from(bytes)
    changed[3] = 0x58
    return changed
  })
  await damaging
  await owner.write(Buffer.from('Z'), 0, 1, 7)
  expect(await readFile(path, 'utf8')).toBe('abcXefgZ')
})
