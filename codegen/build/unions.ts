// Unions: of literals, nullable, of objects with a discriminator, of unlike things. A value must show by itself which variant it is, since
// that decides its tag; where it cannot, the union is refused.
import type { DraftVariant } from '../draft.ts'
import type { LiteralValue, Shape, TypeNode } from '../model.ts'
import { pascalCase } from '../names.ts'
import type { Place } from '../place.ts'
import { literalsNode, literalValues } from './scalars.ts'
import { kindOf, listOf, type Schema, schemaOf } from './schema-value.ts'
import type { TypeBuilder } from './type-builder.ts'

interface Candidate {
  readonly schema: unknown
  readonly place: Place
}

export function unionNode(builder: TypeBuilder, schema: Schema, place: Place, fallback: string): TypeNode {
  const direct = listOf(schema['anyOf']).map((variant, i) => ({ schema: variant, place: place.element(i) }))
  const present = direct.filter((candidate) => kindOf(candidate.schema) !== 'Null')
  const [only] = present
  // Kept whole: `Union([Shape, Null])` is a Shape or null, whatever Shape is.
  const type = only !== undefined && present.length === 1 ? builder.node(only.schema, only.place, fallback) : undefined
  if (type !== undefined) return direct.length > 1 ? nullableOf(type) : type
  const flat = flatten(builder, present)
  const variants = flat.filter((candidate) => kindOf(candidate.schema) !== 'Null')
  const node = variants.every(isLiteral)
    ? literalUnion(builder, variants, schema, place)
    : taggedUnion(builder, variants, schema, place, fallback)
  return direct.length > present.length || flat.length > variants.length ? nullableOf(node) : node
}

const nullableOf = (of: TypeNode): TypeNode => (of.kind === 'null' || of.kind === 'nullable' ? of : { kind: 'nullable', of })

/** Unions in unions are one union. */
function flatten(builder: TypeBuilder, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.flatMap((candidate) => {
    const { schema, place } = candidate
    if (kindOf(schema) !== 'Union') return [candidate]
    builder.checkKeywords('Union', schemaOf(schema), place)
    return flatten(
      builder,
      listOf(schemaOf(schema)['anyOf']).map((variant, i) => ({ schema: variant, place: place.element(i) })),
    )
  })
}

const isLiteral = ({ schema }: Candidate): boolean => kindOf(schema) === 'Literal' || kindOf(schema) === 'Enum'
const valuesOf = (candidates: readonly Candidate[]): readonly unknown[] =>
  candidates.flatMap(({ schema }) => literalValues(schemaOf(schema)))

function literalUnion(builder: TypeBuilder, variants: readonly Candidate[], schema: Schema, place: Place): TypeNode {
  return builder.aliased(literalsNode(valuesOf(variants), place, builder.reporter), schema, place)
}

function taggedUnion(builder: TypeBuilder, candidates: readonly Candidate[], schema: Schema, place: Place, fallback: string): TypeNode {
  const name = builder.names.given(schema, place) ?? fallback
  return builder.union(name, place, () => {
    const objects = candidates.filter((candidate) => shapeOf(builder, candidate) === 'object')
    const discriminator = objects.length > 1 ? discriminatorOf(builder, objects, place) : undefined
    checkShapes(builder, candidates, place)
    const variants = [...literalVariants(builder, candidates, place), ...otherVariants(builder, candidates, discriminator, name)]
    return { kind: 'union', name, docs: builder.typeDocs(schema, place), recursive: false, discriminator, variants }
  })
}

/** Literals of one type are one variant. */
function literalVariants(builder: TypeBuilder, candidates: readonly Candidate[], place: Place): readonly DraftVariant[] {
  const values = valuesOf(candidates.filter(isLiteral))
  const shapes = [...new Set(values.map((value) => typeof value))].filter(isLiteralShape)
  return shapes.map((shape) => {
    const type = literalsNode(
      values.filter((value) => typeof value === shape),
      place,
      builder.reporter,
    )
    return { key: `${shape} literals`, shape, discriminant: undefined, type }
  })
}

const isLiteralShape = (type: string): type is 'string' | 'number' | 'boolean' => ['string', 'number', 'boolean'].includes(type)

function otherVariants(
  builder: TypeBuilder,
  candidates: readonly Candidate[],
  discriminator: string | undefined,
  name: string,
): readonly DraftVariant[] {
  return candidates.flatMap((candidate, i) => {
    const shape = shapeOf(builder, candidate)
    if (isLiteral(candidate)) return []
    const discriminant = shape === 'object' && discriminator !== undefined ? discriminantOf(builder, candidate, discriminator) : undefined
    const type = builder.node(
      candidate.schema,
      candidate.place,
      name + (discriminant === undefined ? `${i + 1}` : pascalCase(String(discriminant))),
    )
    const key = discriminant === undefined ? (shape ?? 'unknown') : JSON.stringify(discriminant)
    return [{ key, shape: shape ?? 'object', discriminant, type }]
  })
}

const shapes: Readonly<Record<string, Shape>> = {
  String: 'string',
  Integer: 'number',
  Number: 'number',
  Boolean: 'boolean',
  BigInt: 'bigint',
  Bytes: 'bytes',
  Array: 'array',
  Tuple: 'array',
  Record: 'map',
  Object: 'object',
  Intersect: 'object',
}

function shapeOf(builder: TypeBuilder, { schema }: Candidate): Shape | undefined {
  return shapes[kindOf(builder.dereference(schema)) ?? '']
}

function checkShapes(builder: TypeBuilder, candidates: readonly Candidate[], place: Place): void {
  const seen = new Map<Shape, Candidate>()
  const literalShapes = new Set<string>(valuesOf(candidates.filter(isLiteral)).map((value) => typeof value))
  for (const candidate of candidates) {
    if (isLiteral(candidate)) continue
    const shape = shapeOf(builder, candidate)
    if (shape === undefined) {
      if (kindOf(builder.dereference(candidate.schema)) === 'Union')
        ambiguous(builder, candidate.place, `${place.path} has a recursive union as a variant`, 'Put its variants into this union.')
      continue
    }
    const other = seen.get(shape)
    if (other !== undefined && shape !== 'object') {
      ambiguous(
        builder,
        candidate.place,
        `${place.path} has two variants that are ${words[shape]}`,
        'Put each into an object with a literal field that tells them apart.',
      )
    }
    if (literalShapes.has(shape)) {
      ambiguous(
        builder,
        candidate.place,
        `${place.path} has literals and ${words[shape]} besides`,
        'Leave the literals out, or put one of the two into an object.',
      )
    }
    seen.set(shape, candidate)
  }
}

const words: Readonly<Record<Shape, string>> = {
  string: 'strings',
  number: 'numbers',
  boolean: 'booleans',
  bigint: 'bigints',
  bytes: 'bytes',
  array: 'arrays',
  map: 'records',
  object: 'objects',
}

function ambiguous(builder: TypeBuilder, place: Place, message: string, hint: string): void {
  builder.reporter.report(place, { code: 'UNION_AMBIGUOUS', message, hint })
}

/** The first field that is a required literal in every object, and another one in each. */
function discriminatorOf(builder: TypeBuilder, objects: readonly Candidate[], place: Place): string | undefined {
  const [first, ...rest] = objects
  const names = first === undefined ? [] : Object.keys(propertiesOf(builder, first))
  const found = names.find((name) => {
    const values = [first, ...rest].map((candidate) => (candidate === undefined ? undefined : discriminantOf(builder, candidate, name)))
    return !values.includes(undefined) && new Set(values).size === objects.length
  })
  if (found === undefined) {
    ambiguous(
      builder,
      place,
      `${place.path} has ${objects.length} variants that are objects, and no field tells them apart`,
      "Give each a field with a literal of its own: kind: Type.Literal('...').",
    )
  }
  return found
}

function propertiesOf(builder: TypeBuilder, { schema }: Candidate): Schema {
  const object = builder.dereference(schema)
  if (kindOf(object) !== 'Intersect') return schemaOf(schemaOf(object)['properties'])
  return Object.assign({}, ...listOf(schemaOf(object)['allOf']).map((part) => schemaOf(schemaOf(part)['properties'])))
}

function discriminantOf(builder: TypeBuilder, candidate: Candidate, name: string): LiteralValue | undefined {
  const property = propertiesOf(builder, candidate)[name]
  if (kindOf(property) !== 'Literal' || '~optional' in schemaOf(property)) return undefined
  const value = schemaOf(property)['const']
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}
