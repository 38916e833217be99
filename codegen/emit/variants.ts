// The codec of a union: which variant a value is shows by its discriminator, or by what kind of thing it is.
import type { Shape, UnionType, Variant } from '../model.ts'
import { lowerFirst, propertyAccess, quoted } from '../names.ts'
import type { CodecWriter } from './codec-writer.ts'
import type { Module } from './module.ts'
import { literalText } from './type-text.ts'

export function addUnion(writer: CodecWriter, type: UnionType): void {
  const { module } = writer
  const { name } = type
  const checkName = type.recursive ? `check${name}Variants` : `check${name}`
  const wrapper = type.recursive
    ? [`const check${name} = (value: unknown): ${name} => ${module.use('descend')}(value, ${checkName})`, '']
    : []
  module.add(...wrapper, `function ${checkName}(value: unknown): ${name} {`, ...checkLines(writer, type), '}')
  module.add(`function ${lowerFirst(name)}ToWire(value: ${name}): ${module.useType('Wire')} {`, ...writeLines(writer, type), '}')
  module.add(`function ${lowerFirst(name)}FromWire(wire: ${module.useType('MaybeWire')}): ${name} {`, ...readLines(writer, type), '}')
}

const owner = (type: UnionType, variant: Variant): string => `${type.name}${type.variants.indexOf(variant) + 1}`
const plain = (type: UnionType): readonly Variant[] => type.variants.filter((variant) => variant.shape !== 'object')
const objects = (type: UnionType): readonly Variant[] => type.variants.filter((variant) => variant.shape === 'object')

function checkLines(writer: CodecWriter, type: UnionType): readonly string[] {
  const { module } = writer
  const simple = plain(type).map(
    (variant) => `  if (${test(writer, variant.shape)}) return ${writer.check(variant.type, 'value', "''", owner(type, variant))}`,
  )
  const [first] = objects(type)
  if (first === undefined) return [...simple, `  return ${module.use('refuse')}(value, '', ${quoted(wanted(type))})`]
  if (type.discriminator !== undefined) return [...simple, ...checkByDiscriminator(writer, type, type.discriminator)]
  const check = writer.check(first.type, 'value', "''", owner(type, first))
  return [
    ...simple,
    `  if (typeof value === 'object' && value !== null) return ${check}`,
    `  return ${module.use('refuse')}(value, '', ${quoted(wanted(type))})`,
  ]
}

function checkByDiscriminator(writer: CodecWriter, type: UnionType, field: string): readonly string[] {
  const { module } = writer
  const known = objects(type).map((variant) => (variant.discriminant === undefined ? '' : JSON.stringify(variant.discriminant)))
  return [
    `  const ${'kind'} = ${module.use('discriminator')}(value, ${quoted(field)})`,
    '  switch (kind) {',
    ...objects(type).flatMap((variant) => [
      `    case ${discriminantText(variant)}:`,
      `      return ${writer.checkFunction(variant.type, owner(type, variant))}(value)`,
    ]),
    '    default:',
    `      return ${module.use('refuse')}(kind, ${quoted(field)}, ${quoted(`one of ${known.join(', ')}`)})`,
    '  }',
  ]
}

const discriminantText = (variant: Variant): string =>
  variant.discriminant === undefined ? 'undefined' : literalText(variant.discriminant)

function writeLines(writer: CodecWriter, type: UnionType): readonly string[] {
  const written = (variant: Variant): string => `[${variant.tag}, ${writer.write(variant.type, 'value', owner(type, variant))}]`
  if (type.discriminator !== undefined && objects(type).length > 1) {
    const simple = plain(type).map((variant) => `  if (${test(writer, variant.shape)}) return ${written(variant)}`)
    const cases = objects(type).flatMap((variant) => [`    case ${discriminantText(variant)}:`, `      return ${written(variant)}`])
    return [...simple, `  switch (${propertyAccess('value', type.discriminator)}) {`, ...cases, '  }']
  }
  const ordered = [...plain(type), ...objects(type)]
  return ordered.map((variant, i) =>
    i === ordered.length - 1 ? `  return ${written(variant)}` : `  if (${test(writer, variant.shape)}) return ${written(variant)}`,
  )
}

function readLines(writer: CodecWriter, type: UnionType): readonly string[] {
  const { module } = writer
  return [
    `  const variant = ${module.use('readFields')}(wire, 2)`,
    '  switch (variant[0]) {',
    ...type.variants.flatMap((variant) => [
      `    case ${variant.tag}:`,
      `      return ${writer.read(variant.type, 'variant[1]', "''", owner(type, variant))}`,
    ]),
    '    default:',
    `      return ${module.use('unknownTag')}(variant[0])`,
    '  }',
  ]
}

const test = ({ module }: CodecWriter, shape: Shape): string => shapeTest(module, shape, 'value')

/** A test that also narrows the type. */
export function shapeTest(module: Module, shape: Shape, value: string): string {
  switch (shape) {
    case 'bytes':
      return `${value} instanceof Uint8Array`
    case 'array':
      return `${module.use('isArray')}(${value})`
    case 'map':
      return `${module.use('isMap')}(${value})`
    default:
      return `typeof ${value} === ${quoted(shape)}`
  }
}

const words: Readonly<Record<Shape, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'a boolean',
  bigint: 'a bigint',
  bytes: 'a Uint8Array',
  array: 'an array',
  map: 'a Map',
  object: 'an object',
}
function wanted(type: UnionType): string {
  const all = type.variants.map((variant) => words[variant.shape])
  return all.length === 1 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`
}
