// Values that fit a schema, drawn by fast-check. Most come from a few: commands that never name the same thing twice try nothing.
import fc from 'fast-check'
import type { DraftField, DraftType } from '../../codegen/draft.ts'
import type { BigintNode, IntegerNode, NumberNode, StringNode, TypeNode } from '../../codegen/model.ts'
import type { FormatName } from '../contract/v1/values-format.ts'
import { fits } from './fits.ts'
import { Recall } from './recall.ts'

const formats: Readonly<Record<FormatName, fc.Arbitrary<string>>> = {
  uuid: fc.uuid(),
  email: fc.constantFrom('a@b.example', 'first.last+tag@sub.example.org'),
  date: fc.constantFrom('2024-02-29', '1999-12-31'),
  'date-time': fc.constantFrom('2026-02-28T12:30:00Z', '2026-02-28t12:30:00.25+01:00'),
  time: fc.constantFrom('12:30:00Z', '23:59:59.999+01:00'),
  duration: fc.constantFrom('PT1M', 'P1Y2M3DT4H5M6S', 'P3W'),
  hostname: fc.constantFrom('a', 'db-1.example.org'),
  ipv4: fc.constantFrom('127.0.0.1', '255.255.255.255'),
  ipv6: fc.constantFrom('::1', '2001:db8::8a2e:370:7334'),
  uri: fc.constantFrom('https://example.org/a?b=c#d', 'urn:a:b'),
}

/** How often a value comes from a few, from what was there before, and from all that there are: for sequences of calls, and by itself. */
const weightsOfCalls = { few: 6, recalled: 6, any: 1 } as const
const weightsAlone = { few: 1, recalled: 0, any: 3 } as const
/** Which of those that are known is recalled. */
const ages = [0, 0, 0, 0, 0, 1, 1, 2, 3] as const
const words = ['a', 'b'] as const
const numbers = [0, 1, 2, 3, 5, 10, 100, 1_000, 60_000, -1] as const
const lengthMax = 24
const itemsMax = 4
const entriesMax = 3
/** Beyond it lists are empty and optional fields absent, where the schema allows. */
const depthMax = 3
/** Also what is longer than it looks, sorts otherwise in some language, or means something to somebody. */
const characters = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...'abcXYZ019 -_./') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '\u0000',
      '"',
      '\\',
      '\n',
      'é',
      'e\u0301',
      'ß',
      'İ',
      'ı',
      'ﬀ',
      '中',
      '\u2028',
      '\ufeff',
      '\uffff',
      '😀',
      '\u{10ffff}',
    ),
  },
)
/** Of samples of what nobody can write down: patterns, formats. */
const sampling = { seed: 7, numRuns: 4 } as const

export interface ArbitrariesOptions {
  /** Some scalars stand for what answers held (`Recall`). Default false: every value fits by itself. */
  readonly recalls?: boolean
}

export class Arbitraries {
  readonly #types: ReadonlyMap<string, DraftType>
  readonly #recalls: boolean

  constructor(types: ReadonlyMap<string, DraftType>, { recalls = false }: ArbitrariesOptions = {}) {
    this.#types = types
    this.#recalls = recalls
  }

  /** What a caller may give: fields with a default are left out at times. `name`: of the field that it stands in. */
  of(node: TypeNode, name = '', depth = 0): fc.Arbitrary<unknown> {
    switch (node.kind) {
      case 'string':
        return this.#scalar(node, name, few(this.#types, node, words), anyString(node))
      case 'integer':
        return this.#scalar(node, name, few(this.#types, node, integersNear(node)), anyInteger(node))
      case 'number':
        return this.#scalar(node, name, few(this.#types, node, numbers), anyNumber(node))
      case 'bigint':
        return this.#scalar(node, name, few(this.#types, node, bigintsNear(node)), anyBigint(node))
      case 'bytes': {
        const any = fc.uint8Array({ minLength: node.minLength ?? 0, maxLength: longest(node) })
        return this.#scalar(node, name, undefined, any)
      }
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      case 'literals':
        return fc.constantFrom(...node.values)
      case 'nullable':
        return fc.option(this.of(node.of, name, depth), { nil: null })
      case 'array': {
        const fewest = node.minItems ?? 0
        if (depth > depthMax && fewest === 0) return fc.constant([])
        const size = { minLength: fewest, maxLength: Math.max(fewest, Math.min(node.maxItems ?? itemsMax, itemsMax)) }
        const items = this.of(node.items, name, depth + 1)
        if (!node.unique) return fc.array(items, size)
        // What is recalled may turn out equal.
        return fc.uniqueArray(this.#plain().of(node.items, name, depth + 1), { ...size, selector: keyOf })
      }
      case 'tuple':
        return fc.tuple(...node.items.map((item) => this.of(item, name, depth + 1)))
      case 'map': {
        const fewest = node.minEntries ?? 0
        if (depth > depthMax && fewest === 0) return fc.constant(new Map())
        const size = { minLength: fewest, maxLength: Math.max(fewest, Math.min(node.maxEntries ?? entriesMax, entriesMax)) }
        const entry = fc.tuple(this.#plain().of(node.key, name, depth), this.of(node.value, name, depth + 1))
        return fc.uniqueArray(entry, { ...size, selector: ([key]) => key }).map((entries) => new Map(entries))
      }
      case 'named':
        return this.#named(node.name, name, depth)
    }
  }

  #plain(): Arbitraries {
    return this.#recalls ? new Arbitraries(this.#types) : this
  }

  #scalar(node: TypeNode, name: string, few: fc.Arbitrary<unknown> | undefined, any: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
    const weights = this.#recalls ? weightsOfCalls : weightsAlone
    const drawn = few === undefined ? any : fc.oneof({ weight: weights.few, arbitrary: few }, { weight: weights.any, arbitrary: any })
    if (!this.#recalls) return drawn
    const recalled = fc.tuple(fc.constantFrom(...ages), few ?? any).map(([age, otherwise]) => new Recall(node, { name, age, otherwise }))
    return fc.oneof({ weight: weights.few + weights.any, arbitrary: drawn }, { weight: weights.recalled, arbitrary: recalled })
  }

  #named(typeName: string, name: string, depth: number): fc.Arbitrary<unknown> {
    const type = this.#types.get(typeName)
    if (type === undefined) throw new Error(`no type ${typeName}`)
    if (type.kind === 'alias') return this.of(type.type, name, depth + 1)
    if (type.kind === 'object') return this.fields(type.fields, depth)
    const isFlat = (shape: string): boolean => !['array', 'map', 'object'].includes(shape)
    const shallow = type.variants.filter(({ shape }) => depth <= depthMax || isFlat(shape))
    const variants = shallow.length > 0 ? shallow : type.variants
    return fc.oneof(...variants.map((variant) => this.of(variant.type, name, depth + 1)))
  }

  fields(all: readonly DraftField[], depth = 0): fc.Arbitrary<unknown> {
    // A recursive field is left out once it is deep enough.
    const fields = all.filter((field) => depth <= depthMax || field.presence !== 'optional')
    const arbitraries = Object.fromEntries(fields.map((field) => [field.name, this.of(field.type, field.name, depth + 1)]))
    return fc.record(arbitraries, { requiredKeys: fields.filter((field) => field.presence === 'required').map((field) => field.name) })
  }
}

/** Those of `candidates` that fit, or samples of all that do; the simplest first: it is what a failing case shrinks to. */
function few(types: ReadonlyMap<string, DraftType>, node: TypeNode, candidates: readonly unknown[]): fc.Arbitrary<unknown> | undefined {
  const fitting = candidates.filter((candidate) => fits(types, node, candidate))
  if (fitting.length > 0) return fc.constantFrom(...fitting)
  return node.kind === 'string' ? fc.constantFrom(...new Set(fc.sample(anyString(node), sampling))) : undefined
}

function integersNear({ minimum, maximum, multipleOf = 1 }: IntegerNode): readonly number[] {
  const base = minimum === undefined ? [] : [minimum, minimum + 1]
  const top = maximum === undefined || maximum > 1_000_000 ? [] : [maximum]
  return [...new Set([...base, ...numbers, ...top].map((value) => value * multipleOf))]
}

function bigintsNear({ minimum }: BigintNode): readonly bigint[] {
  return [...new Set([...(minimum === undefined ? [] : [minimum, minimum + 1n]), 0n, 1n, 2n, 10n, -1n])]
}

const longest = ({
  minLength = 0,
  maxLength = lengthMax,
}: {
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
}): number => Math.max(minLength, Math.min(maxLength, lengthMax))

function anyString(node: StringNode): fc.Arbitrary<string> {
  const isLongEnough = (text: string): boolean => {
    const { length } = [...text]
    return length >= (node.minLength ?? 0) && length <= (node.maxLength ?? length)
  }
  if (node.pattern !== undefined) {
    return fc.stringMatching(new RegExp(node.pattern.source, node.pattern.flags)).filter(isLongEnough)
  }
  if (node.format !== undefined) return formats[node.format]
  return fc.string({ unit: characters, minLength: node.minLength ?? 0, maxLength: longest(node) }).filter(isLongEnough)
}

function anyInteger({
  minimum = Number.MIN_SAFE_INTEGER,
  maximum = Number.MAX_SAFE_INTEGER,
  multipleOf,
}: IntegerNode): fc.Arbitrary<number> {
  if (multipleOf === undefined) return fc.integer({ min: minimum, max: maximum })
  const [min, max] = [Math.ceil(minimum / multipleOf), Math.floor(maximum / multipleOf)]
  return fc.integer({ min, max }).map((times) => times * multipleOf + 0)
}

function anyNumber(node: NumberNode): fc.Arbitrary<number> {
  const min = node.minimum ?? node.exclusiveMinimum ?? -1e9
  const max = node.maximum ?? node.exclusiveMaximum ?? 1e9
  const { multipleOf } = node
  if (multipleOf !== undefined) {
    const [from, to] = [Math.max(-1_000, Math.ceil(min / multipleOf)), Math.min(1_000, Math.floor(max / multipleOf))]
    return fc.integer({ min: Math.min(from, to), max: to }).map((times) => times * multipleOf)
  }
  return fc.double({
    min,
    max,
    noNaN: true,
    minExcluded: node.exclusiveMinimum !== undefined,
    maxExcluded: node.exclusiveMaximum !== undefined,
  })
}

function anyBigint({ minimum = -(2n ** 200n), maximum = 2n ** 200n, multipleOf = 1n }: BigintNode): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: minimum, max: maximum }).map((value) => value - (value % multipleOf))
}

const keyOf = (item: unknown): string => JSON.stringify(item, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
