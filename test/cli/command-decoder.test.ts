// What the wire lock alone makes of a command must be what the generated codec makes of it.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { generate } from '../../codegen/generate.ts'
import { readLock } from '../../codegen/lock-file.ts'
import type { Model } from '../../codegen/model.ts'
import { CommandDecoder } from '../../src/cli/command-decoder.ts'
import { packValue } from '../../src/wire/value.ts'
import { Arbitraries } from '../../src/prove/arbitraries.ts'
import { kitchenSinkDescriptor } from '../codegen/golden/kitchen-sink/generated/index.ts'

const folder = new URL('../codegen/golden/kitchen-sink/', import.meta.url)
const read = readLock(readFileSync(new URL('kitchen-sink.wire.json', folder), 'utf8'), 'kitchen-sink')
if (read.kind === 'unreadable' || read.lock === undefined) throw new Error('the kitchen sink has no lock')
const decoder = new CommandDecoder(read.lock)

let model: Model
beforeAll(async () => {
  const generation = await generate({ schemaFile: new URL('schema.ts', folder).pathname })
  if (generation.model === undefined) throw new Error('the kitchen sink does not generate')
  model = generation.model
})

describe.each(kitchenSinkDescriptor.commands.map((command) => [command.name, command] as const))('%s', (name, command) => {
  test('is decoded to what its input was', () => {
    const input = model.commands.find((candidate) => candidate.name === name)?.input ?? ''
    fc.assert(
      fc.property(new Arbitraries(model.types).of({ kind: 'named', name: input }), (value) => {
        const checked = command.input.check(value, 'input')
        const bytes = packValue([1, command.tag, command.input.toWire(checked)])
        expect(decoder.decode(bytes, 1)).toEqual({ name, input: checked })
      }),
    )
  })
})

test.each([
  ['another version than its entry says', [2, 1, []], 'it is no call of a generated client'],
  ['a tag that there is not', [1, 99, []], 'version 1 in the wire lock has no command with tag 99'],
  ['too few fields', [1, 2, []], 'has 0 fields, 1 are required'],
  ['a field of another type', [1, 2, [5]], '.name is 5, a string is required'],
  ['no call', ['put'], 'it is no call of a generated client'],
])('a command with %s is refused with the reason', (_, wire, message) => {
  expect(() => decoder.decode(packValue(wire as never), 1)).toThrow(message)
})

test('a version that the lock does not have is refused with the reason', () => {
  expect(() => decoder.decode(packValue([7, 1, []]), 7)).toThrow('the wire lock has no version 7')
})
