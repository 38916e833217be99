import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { Evaluator } from '../../codegen/evaluate.ts'
import { generate } from '../../codegen/generate.ts'
import type { Model, OperationModel, TypeNode } from '../../codegen/model.ts'
import type { ValueCodec } from '../../src/contract/v1/descriptor.ts'
import { packValue, unpackValue } from '../../src/wire/value.ts'
import { Arbitraries } from '../../src/prove/arbitraries.ts'
import { spoilt } from './spoilt.ts'
import { kitchenSinkDescriptor } from './golden/kitchen-sink/generated/index.ts'

const operations = [...kitchenSinkDescriptor.commands, ...kitchenSinkDescriptor.queries]
let model: Model
beforeAll(async () => {
  const generation = await generate({ schemaFile: new URL('./golden/kitchen-sink/schema.ts', import.meta.url).pathname })
  if (generation.model === undefined) throw new Error('the kitchen sink does not generate')
  model = generation.model
})

function modelOf(name: string): OperationModel {
  const operation = [...model.commands, ...model.queries].find((candidate) => candidate.name === name)
  if (operation === undefined) throw new Error(`no operation ${name}`)
  return operation
}

function comesBack<T>(codec: ValueCodec<T>, value: unknown): void {
  const checked = codec.check(value, 'input')
  const read = codec.fromWire(unpackValue(packValue(codec.toWire(checked))))
  expect(read).toEqual(checked)
  expect(codec.check(checked, 'input')).toEqual(checked)
  expect(isFrozen(checked)).toBe(true)
  expect(isFrozen(read)).toBe(true)
}

/** Bytes cannot be frozen. */
function isFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true
  const inner = value instanceof Map ? [...value].flat() : Object.values(value)
  return Object.isFrozen(value) && inner.every(isFrozen)
}

describe.each(operations.map((operation) => [operation.name, operation] as const))('%s', (name, operation) => {
  test('an input that fits comes back from its bytes as it was checked', () => {
    const node: TypeNode = { kind: 'named', name: modelOf(name).input }

    fc.assert(fc.property(new Arbitraries(model.types).of(node), (value) => comesBack(operation.input, value)))
  })

  test('an output that fits comes back from its bytes as it was checked', () => {
    const { output, errors } = modelOf(name)
    if (output === undefined) return repliesWith(operation, errors.length > 0 ? { ok: true, value: undefined } : undefined)

    const outputs = new Arbitraries(model.types).of(output)
    fc.assert(fc.property(outputs, (value) => repliesWith(operation, errors.length > 0 ? { ok: true, value } : value)))
  })

  test('the emitted check and that of the generator give the same verdict in the same words', () => {
    const node: TypeNode = { kind: 'named', name: modelOf(name).input }
    const evaluator = new Evaluator(model.types)

    fc.assert(
      fc.property(new Arbitraries(model.types).of(node).chain(spoilt), (value) => {
        const emitted = verdict(() => operation.input.check(value, 'input'))
        const evaluated = verdict(() => evaluator.check(node, value))
        // The generator also takes plain objects for Maps, since schemas give them so.
        if (typeof emitted === 'string' && emitted.includes('a Map is required')) return
        expect(typeof evaluated).toBe(typeof emitted)
        if (typeof emitted !== 'string') expect(evaluated).toEqual(emitted)
      }),
    )
  })
})

function verdict(check: () => unknown): unknown {
  try {
    return { checked: check() }
  } catch (error) {
    return error instanceof Error && error.name === 'InvalidValue' ? error.message : error
  }
}

test('a declared error comes back from its bytes', () => {
  const put = kitchenSinkDescriptor.commands.find(({ name }) => name === 'put')
  if (put === undefined) throw new Error('no put')
  const shapes = [{ kind: 'circle', center: { x: 0, y: 0 }, radius: 1 }]
  repliesWith(put, { ok: false, error: { code: 'TooMany', limit: 'unlimited', shapes } })
  repliesWith(put, { ok: false, error: { code: 'TooMany', limit: null, shapes: [], hint: 'later' } })
  repliesWith(put, { ok: false, error: { code: 'not-yours', owner: 'me' } })
})

function repliesWith({ reply }: Pick<(typeof operations)[number], 'reply'>, value: unknown): void {
  const checked = reply.check(value, 'result')
  expect(reply.fromWire(unpackValue(packValue(reply.toWire(checked))))).toEqual(checked)
}

describe('a decoder given anything', () => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    '%s: refuses it with an InvalidValue or reads it',
    (_, operation) => {
      const wires = fc.letrec<{ wire: unknown }>((tie) => ({
        wire: fc.oneof(
          { maxDepth: 3 },
          fc.string(),
          fc.integer(),
          fc.constantFrom(null, true),
          fc.uint8Array({ maxLength: 4 }),
          fc.array(tie('wire'), { maxLength: 8 }),
        ),
      })).wire

      fc.assert(
        fc.property(wires, (wire) => {
          const read = verdict(() => operation.input.fromWire(unpackValue(packValue(wire as never))))
          expect(read).not.toBeInstanceOf(Error)
        }),
      )
    },
  )
})
