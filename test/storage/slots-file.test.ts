import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SlotsFile } from '../../src/storage/slots-file.ts'
import { slotBytes } from '../../src/storage/slots.ts'
import { temporaryDir } from './support.ts'

const closed = (slots: SlotsFile): SlotsFile => {
  onTestFinished(() => new Promise((resolve) => slots.close(() => resolve())))
  return slots
}
const bytesOf = (slots: SlotsFile): Promise<readonly [Uint8Array, Uint8Array]> =>
  new Promise((resolve) => slots.read((_, bytes) => resolve(bytes)))
const write = (slots: SlotsFile, position: 0 | 1, text: string): Promise<Error | undefined> =>
  new Promise((resolve) => slots.write(position, Buffer.from(text), resolve))

test('what is written to one place leaves the other as it was', async () => {
  const slots = closed(await SlotsFile.create(join(await temporaryDir(), 'high-water')))
  expect(await write(slots, 1, 'one')).toBeUndefined()
  const [first, second] = await bytesOf(slots)
  expect(Buffer.from(first).equals(Buffer.alloc(slotBytes))).toBe(true)
  expect(Buffer.from(second).toString('latin1', 0, 3)).toBe('one')
})

test('a file that is missing holds nothing, and is made by the first write', async () => {
  const path = join(await temporaryDir(), 'high-water')
  const slots = closed(SlotsFile.open(path))
  expect((await bytesOf(slots)).map(({ length }) => length)).toEqual([0, 0])
  expect(await write(slots, 0, 'zero')).toBeUndefined()
  const again = closed(SlotsFile.open(path))
  expect((await bytesOf(again)).map((bytes) => Buffer.from(bytes).toString('latin1', 0, 4))).toEqual(['zero', '\0\0\0\0'])
})

test('a write that fails names the file, the cause and the way out', async () => {
  const path = join(await temporaryDir(), 'high-water')
  closed(await SlotsFile.create(path))
  const readOnly = openSync(path, 'r')
  onTestFinished(() => closeSync(readOnly))
  const error = await write(new SlotsFile(path, readOnly), 0, 'zero')
  expect(error).toMatchObject({ code: 'STORAGE_FAILED' })
  expect(error?.message).toMatch(/^\S+\/high-water: a write failed: EBADF: .*\. \S.*$/)
})
