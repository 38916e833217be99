// What the wire lock alone makes of a state and of replies must be what the generated codecs make of them.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { generate } from '../../codegen/generate.ts'
import { readLock } from '../../codegen/lock-file.ts'
import type { Model, TypeNode } from '../../codegen/model.ts'
import { stateReader } from '../../src/cli/state-reader.ts'
import type { ValueCodec } from '../../src/contract/v1.ts'
import { named, placeText } from '../../src/machine/differences.ts'
import { packValue, unpackValue } from '../../src/wire/value.ts'
import { Arbitraries } from '../../src/prove/arbitraries.ts'
import { kitchenSinkDescriptor } from '../codegen/golden/kitchen-sink/generated/index.ts'

const folder = new URL('../codegen/golden/kitchen-sink/', import.meta.url)
const read = readLock(readFileSync(new URL('kitchen-sink.wire.json', folder), 'utf8'), 'kitchen-sink')
if (read.kind === 'unreadable' || read.lock === undefined) throw new Error('the kitchen sink has no lock')
const reader = stateReader(read.lock, kitchenSinkDescriptor)

let model: Model
beforeAll(async () => {
  const generation = await generate({ schemaFile: new URL('schema.ts', folder).pathname })
  if (generation.model === undefined) throw new Error('the kitchen sink does not generate')
  model = generation.model
})

describe.each(Object.entries(kitchenSinkDescriptor.state))('state.%s', (name, described) => {
  test('is read to what was written', () => {
    const property = model.state.find((candidate) => candidate.name === name)
    const field = reader.fields?.find(({ place }) => placeText(place, String) === placeText(named(name, named('state')), String))
    if (property === undefined || field === undefined) throw new Error(`there is no field ${name}`)
    const [type, codec]: readonly [TypeNode, ValueCodec<unknown>] =
      property.kind === 'table' && described.kind === 'table'
        ? [property.value, described.values]
        : [property.kind === 'cell' ? property.type : property.value, described.kind === 'cell' ? described.value : described.values]
    expect(field.kind).toBe(property.kind)
    fc.assert(
      fc.property(new Arbitraries(model.types).of(type), (value) => {
        const checked = codec.check(value, 'value')
        expect(field.value(unpackValue(packValue(codec.toWire(checked))))).toEqual(checked)
      }),
    )
  })
})

test('an optional cell that is absent is read as that', () => {
  expect(reader.fields?.find(({ place }) => placeText(place, String) === 'state.theme')?.value(null)).toBeUndefined()
})

describe('replies', () => {
  const replied = (name: string, reply: unknown): object => {
    const codec = kitchenSinkDescriptor.commands.find((command) => command.name === name)?.reply
    if (codec === undefined) throw new Error(`there is no command ${name}`)
    return reader.reply(packValue([0, codec.toWire(codec.check(reply, 'reply')), 1]))
  }

  test('of a command that alone has such replies are named by it', () => {
    const error = { code: 'TooMany', limit: 5, shapes: [], hint: 'fewer' }
    expect(replied('put', { ok: false, error })).toEqual({ command: 'put', result: { ok: false, error } })
    expect(replied('close-account', ['abc', 1, { x: 1, y: 2 }])).toEqual({ command: 'close-account', result: ['abc', 1, { x: 1, y: 2 }] })
  })

  test('that several commands may give are what is on the wire, unless they mean the same', () => {
    // Two commands reply nothing at all.
    expect(replied('class', undefined)).toStrictEqual({ result: undefined })
    expect(reader.reply(packValue([0, 'none has such', 1]))).toEqual({ result: 'none has such' })
  })

  test('of a handler that has failed, and bytes that are no reply', () => {
    expect(reader.reply(packValue([1]))).toEqual({ failed: 'HANDLER_FAILED' })
    expect(reader.reply(Uint8Array.of(0xc1))).toEqual({ bytes: Uint8Array.of(0xc1) })
    expect(reader.reply(packValue(5))).toEqual({ bytes: packValue(5) })
  })
})
