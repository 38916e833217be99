// Strings, numbers, bytes and literals: bounds are made inclusive and whole where they can be, so that one check does for all spellings.
import { formatNames, isFormatName } from '../../src/contract/v1/values-format.ts'
import type { BigintNode, BytesNode, IntegerNode, LiteralsNode, LiteralValue, NumberNode, StringNode } from '../model.ts'
import { judgePattern } from '../pattern.ts'
import type { Place } from '../place.ts'
import type { Reporter } from './reporter.ts'
import { listOf, type Schema } from './schema-value.ts'

export function stringNode(schema: Schema, place: Place, reporter: Reporter): StringNode {
  const { format } = schema
  if (format !== undefined && !(typeof format === 'string' && isFormatName(format))) {
    reporter.report(place, {
      code: 'FORMAT_UNKNOWN',
      message: `${place.path} has the format ${JSON.stringify(format)}, which raftgen does not know`,
      hint: `Use one of ${formatNames.join(', ')}, or a pattern.`,
    })
  }
  return {
    kind: 'string',
    ...lengths(schema, place, reporter),
    pattern: patternOf(schema['pattern'], schema['maxLength'] !== undefined, place, reporter),
    format: typeof format === 'string' && isFormatName(format) ? format : undefined,
  }
}

export const bytesNode = (schema: Schema, place: Place, reporter: Reporter): BytesNode => ({
  kind: 'bytes',
  ...lengths(schema, place, reporter),
})

function lengths(
  schema: Schema,
  place: Place,
  reporter: Reporter,
): { readonly minLength: number | undefined; readonly maxLength: number | undefined } {
  const minLength = count(schema, 'minLength', place, reporter)
  const maxLength = count(schema, 'maxLength', place, reporter)
  checkOrder(minLength, maxLength, 'minLength', 'maxLength', place, reporter)
  return { minLength: minLength === 0 ? undefined : minLength, maxLength }
}

/** A bound that counts something: a whole number from 0. */
export function count(schema: Schema, name: string, place: Place, reporter: Reporter): number | undefined {
  const bound = schema[name]
  if (bound === undefined) return undefined
  if (typeof bound === 'number' && Number.isSafeInteger(bound) && bound >= 0) return bound
  return badBound(name, bound, 'a whole number from 0 is required', place, reporter)
}

export function checkOrder(
  min: number | bigint | undefined,
  max: number | bigint | undefined,
  minName: string,
  maxName: string,
  place: Place,
  reporter: Reporter,
): void {
  if (min === undefined || max === undefined || min <= max) return
  reporter.report(place, {
    code: 'BOUNDS_EMPTY',
    message: `${place.path} has ${minName} ${min} above ${maxName} ${max}, so nothing fits`,
    hint: 'Correct one of the two.',
  })
}

function badBound(name: string, bound: unknown, wanted: string, place: Place, reporter: Reporter): undefined {
  const shown = typeof bound === 'bigint' ? `${bound}n` : typeof bound === 'number' ? String(bound) : JSON.stringify(bound)
  reporter.report(place, { code: 'BOUND_INVALID', message: `${place.path} has ${name} ${shown}, ${wanted}`, hint: 'Correct the bound.' })
  return undefined
}

function patternOf(pattern: unknown, bounded: boolean, place: Place, reporter: Reporter): StringNode['pattern'] {
  if (pattern === undefined) return undefined
  // As TypeBox reads it: text is a Unicode expression, an expression keeps its flags.
  const source = pattern instanceof RegExp ? pattern.source : String(pattern)
  const flags = pattern instanceof RegExp ? pattern.flags : 'u'
  if (/[^imsu]/.test(flags)) {
    reporter.report(place, {
      code: 'PATTERN_UNSUPPORTED',
      message: `${place.path} has a pattern with the flags "${flags}"`,
      hint: 'Only i, m, s and u are possible: the others keep a position between calls, or are not known everywhere.',
    })
    return undefined
  }
  const verdict = judgePattern(source, flags)
  if (verdict.kind !== 'fine') {
    const code = verdict.kind === 'nested' ? 'PATTERN_UNSAFE' : 'PATTERN_UNSUPPORTED'
    const hint =
      verdict.kind === 'nested'
        ? 'A hostile input could keep the leader busy for minutes. Write it without a repetition inside a repetition.'
        : 'Correct the pattern.'
    reporter.report(place, { code, message: `the pattern of ${place.path} ${verdict.message}`, hint })
    return undefined
  }
  if (!bounded) {
    reporter.report(place, {
      severity: 'warning',
      code: 'PATTERN_UNBOUNDED',
      message: `${place.path} has a pattern but no maxLength`,
      hint: 'Add maxLength: it is checked first, so that the pattern never runs on megabytes.',
    })
  }
  return { source: new RegExp(source, flags).source, flags }
}

export function integerNode(schema: Schema, place: Place, reporter: Reporter): IntegerNode {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = numbers(schema, place, reporter)
  const lowest = most(
    minimum === undefined ? undefined : Math.ceil(minimum),
    exclusiveMinimum === undefined ? undefined : Math.floor(exclusiveMinimum) + 1,
  )
  const highest = least(
    maximum === undefined ? undefined : Math.floor(maximum),
    exclusiveMaximum === undefined ? undefined : Math.ceil(exclusiveMaximum) - 1,
  )
  checkOrder(lowest, highest, 'minimum', 'maximum', place, reporter)
  return { kind: 'integer', minimum: lowest, maximum: highest, multipleOf }
}

export function numberNode(schema: Schema, place: Place, reporter: Reporter): NumberNode {
  const bounds = numbers(schema, place, reporter)
  checkOrder(bounds.minimum, bounds.maximum, 'minimum', 'maximum', place, reporter)
  return { kind: 'number', ...bounds }
}

function numbers(schema: Schema, place: Place, reporter: Reporter): Omit<NumberNode, 'kind'> {
  const read = (name: string): number | undefined => {
    const bound = schema[name]
    if (bound === undefined) return undefined
    if (typeof bound === 'number' && Number.isFinite(bound) && (name !== 'multipleOf' || bound > 0)) return bound
    return badBound(name, bound, name === 'multipleOf' ? 'a number above 0 is required' : 'a finite number is required', place, reporter)
  }
  return {
    minimum: read('minimum'),
    maximum: read('maximum'),
    exclusiveMinimum: read('exclusiveMinimum'),
    exclusiveMaximum: read('exclusiveMaximum'),
    multipleOf: read('multipleOf'),
  }
}

export function bigintNode(schema: Schema, place: Place, reporter: Reporter): BigintNode {
  const read = (name: string): bigint | undefined => {
    const bound = schema[name]
    if (bound === undefined) return undefined
    if (typeof bound === 'bigint' && (name !== 'multipleOf' || bound > 0n)) return bound
    if (typeof bound === 'number' && Number.isSafeInteger(bound) && (name !== 'multipleOf' || bound > 0)) return BigInt(bound)
    return badBound(name, bound, 'a bigint is required', place, reporter)
  }
  const [above, below] = [read('exclusiveMinimum'), read('exclusiveMaximum')]
  const minimum = most(read('minimum'), above === undefined ? undefined : above + 1n)
  const maximum = least(read('maximum'), below === undefined ? undefined : below - 1n)
  checkOrder(minimum, maximum, 'minimum', 'maximum', place, reporter)
  return { kind: 'bigint', minimum, maximum, multipleOf: read('multipleOf') }
}

const most = <T extends number | bigint>(a: T | undefined, b: T | undefined): T | undefined =>
  a === undefined ? b : b === undefined || a > b ? a : b
const least = <T extends number | bigint>(a: T | undefined, b: T | undefined): T | undefined =>
  a === undefined ? b : b === undefined || a < b ? a : b

export function literalsNode(values: readonly unknown[], place: Place, reporter: Reporter): LiteralsNode {
  const known = values.filter((value) => isLiteral(value))
  const bad = values.find((value) => !isLiteral(value))
  if (bad !== undefined) {
    const shown = typeof bad === 'bigint' ? `${bad}n` : String(bad)
    reporter.report(place, {
      code: 'LITERAL_UNSUPPORTED',
      message: `${place.path} has the literal ${shown}, which is no string, boolean or safe number`,
      hint: 'Use text, or a BigInt with equal bounds.',
    })
  }
  if (values.length === 0) {
    reporter.report(place, {
      code: 'TYPE_UNSUPPORTED',
      message: `${place.path} is an enum without values, so nothing fits`,
      hint: 'Add a value.',
    })
  }
  return { kind: 'literals', values: [...new Set(known)] }
}

function isLiteral(value: unknown): value is LiteralValue {
  if (typeof value === 'number')
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) && !Object.is(value, -0)
  return (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) || typeof value === 'boolean'
}

/** The values of a Literal or Enum schema. */
export const literalValues = (schema: Schema): readonly unknown[] => ('const' in schema ? [schema['const']] : listOf(schema['enum']))
