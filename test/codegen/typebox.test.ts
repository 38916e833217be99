// Our verdicts against those of TypeBox. Where ours is narrower, it is by these rules only, each tried below: unknown fields, integers
// beyond 2^53-1, half surrogate pairs, formats, Records as Maps, bytes and Maps as objects, bigints beyond 1 KiB.
import fc from 'fast-check'
import type { TSchema } from 'typebox'
import Value from 'typebox/value'
import { beforeAll, describe, expect, test } from 'vitest'
import { generate } from '../../codegen/generate.ts'
import type { Model } from '../../codegen/model.ts'
import { Arbitraries } from '../../src/prove/arbitraries.ts'
import { spoilt } from './spoilt.ts'
import { kitchenSinkDescriptor } from './golden/kitchen-sink/generated/index.ts'
import definition from './golden/kitchen-sink/schema.ts'

const operations = [...kitchenSinkDescriptor.commands, ...kitchenSinkDescriptor.queries]
let model: Model
beforeAll(async () => {
  const generation = await generate({ schemaFile: new URL('./golden/kitchen-sink/schema.ts', import.meta.url).pathname })
  if (generation.model === undefined) throw new Error('the kitchen sink does not generate')
  model = generation.model
})

function schemaOf(name: string): TSchema {
  const machine = Object(definition.definition)
  const operation: { readonly input: TSchema } | undefined = machine.commands[name] ?? machine.queries[name]
  if (operation === undefined) throw new Error(`no operation ${name}`)
  return operation.input
}

/** Maps as the objects that TypeBox takes for Records. */
function withObjects(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].flatMap(([key, item]) => (typeof key === 'object' ? [] : [[key, withObjects(item)]])))
  if (Array.isArray(value)) return value.map(withObjects)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withObjects(item)]))
}

function problem(operation: (typeof operations)[number], value: unknown): string | undefined {
  try {
    operation.input.check(value, 'input')
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What TypeBox does not mind. `mixed` is a Record or an object: to TypeBox `{}` is both, to us an object. */
const narrower =
  /unknown field|half a surrogate|2\^53-1|a Map is required|is (?:a Map|bytes), an object is required|input\.mixed|1,024 bytes|an email address|a date|no variant|is an object, one of|key/

describe.each(operations.map((operation) => [operation.name, operation] as const))('%s', (name, operation) => {
  test('what we accept, TypeBox accepts once defaults are in place', () => {
    const schema = schemaOf(name)
    const inputs = new Arbitraries(model.types).of({ kind: 'named', name: modelInput(name) })

    fc.assert(
      fc.property(fc.oneof(inputs, inputs.chain(spoilt)), (value) => {
        if (problem(operation, value) !== undefined) return
        expect(Value.Check(schema, withObjects(operation.input.check(value, 'input')))).toBe(true)
      }),
    )
  })

  test('what TypeBox accepts, we accept, or we say which rule is narrower', () => {
    const schema = schemaOf(name)
    const inputs = new Arbitraries(model.types).of({ kind: 'named', name: modelInput(name) })

    fc.assert(
      fc.property(fc.oneof(inputs, inputs.chain(spoilt)), (value) => {
        const said = problem(operation, value)
        if (said === undefined || narrower.test(said)) return
        expect(Value.Check(schema, withObjects(value)), said).toBe(false)
      }),
    )
  })
})

const modelInput = (name: string): string => [...model.commands, ...model.queries].find((operation) => operation.name === name)?.input ?? ''

test('lengths count code points', () => {
  const find = operations.find(({ name }) => name === 'all')
  const thing = operations.find(({ name }) => name === 'close-account')
  // Three characters: an emoji is one, a letter with a combining accent two.
  for (const text of ['😀😀😀', 'e\u0301x', 'abc']) {
    expect(thing?.reply.check([text, 1, { x: 0, y: 0 }], 'result')).toBeDefined()
    expect(Value.Check(Object(definition.definition).commands['close-account'].output, [text, 1, { x: 0, y: 0 }])).toBe(true)
  }
  for (const text of ['😀😀😀😀', 'e\u0301e\u0301']) {
    expect(() => thing?.reply.check([text, 1, { x: 0, y: 0 }], 'result')).toThrow('result[0] has 4 characters, at most 3 are allowed')
    expect(Value.Check(Object(definition.definition).commands['close-account'].output, [text, 1, { x: 0, y: 0 }])).toBe(false)
  }
  expect(find).toBeDefined()
})
