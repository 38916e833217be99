// TypeBox schemas as this generator meets them: values of unknown origin. Told by their string-keyed marks, so that a second copy of
// TypeBox, or another release of it, is read alike.

export type Schema = Readonly<Record<string, unknown>>

export const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `String`, `Object`, ...; `Bytes` for ours; none for what TypeBox did not make. */
export function kindOf(schema: unknown): string | undefined {
  if (!isPlainObject(schema)) return undefined
  if (schema['~raftgen'] === 'bytes') return 'Bytes'
  // A template literal without parameters, an alias: TypeBox reduces them to what they stand for before we see them.
  if (typeof schema['~kind'] === 'string') return literalKind(schema) ?? schema['~kind']
  return '~unsafe' in schema ? 'Unsafe' : undefined
}

const literalKind = (schema: Schema): string | undefined => ('const' in schema ? 'Literal' : undefined)

/** What becomes one object type. */
export const isObjectLike = (value: unknown): boolean => kindOf(value) === 'Object' || kindOf(value) === 'Intersect'

export const schemaOf = (value: unknown): Schema => (isPlainObject(value) ? value : {})
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() !== '' ? value : undefined)

const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
const keywords: Readonly<Record<string, readonly string[]>> = {
  String: ['type', 'minLength', 'maxLength', 'pattern', 'format'],
  Integer: ['type', ...bounds],
  Number: ['type', ...bounds],
  BigInt: ['type', ...bounds],
  Bytes: ['minLength', 'maxLength'],
  Boolean: ['type'],
  Null: ['type'],
  Literal: ['type', 'const'],
  Enum: ['enum'],
  Object: ['type', 'properties', 'required', 'additionalProperties'],
  Record: ['type', 'patternProperties', 'propertyNames', 'minProperties', 'maxProperties', 'additionalProperties'],
  Array: ['type', 'items', 'minItems', 'maxItems', 'uniqueItems'],
  Tuple: ['type', 'items', 'minItems', 'additionalItems', 'unevaluatedItems'],
  Union: ['anyOf'],
  Intersect: ['allOf', 'unevaluatedProperties'],
  Cyclic: ['$defs', '$ref'],
  Ref: ['$ref'],
}
const annotations = new Set([
  'title',
  'description',
  'default',
  'examples',
  '$id',
  '$schema',
  '$comment',
  'readOnly',
  'writeOnly',
  'deprecated',
  'was',
])
/** Allowed to say what holds anyway: objects and tuples have nothing beyond what is declared. */
const closing = new Set(['additionalProperties', 'unevaluatedProperties', 'unevaluatedItems', 'additionalItems'])

/** Keywords that would narrow or widen the type in ways the generated code does not check. */
export function unsupportedKeywords(kind: string, schema: Schema): readonly string[] {
  const known = keywords[kind]
  // Refused as a whole.
  if (known === undefined) return []
  return Object.keys(schema).filter((keyword) => {
    if (closing.has(keyword)) return schema[keyword] !== false
    return !known.includes(keyword) && !annotations.has(keyword) && !keyword.startsWith('~') && !keyword.startsWith('x-')
  })
}
