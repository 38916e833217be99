// The codec of something with fields: an object type, or a declared error.
import type { Field } from '../model.ts'
import { lowerFirst, propertyAccess, propertyName, quoted } from '../names.ts'
import { type CodecWriter, ownerOf } from './codec-writer.ts'
import { valueText } from './literal-text.ts'

export interface Shape {
  /** Of the type; `check`, `ToWire` and `FromWire` are named after it. */
  readonly name: string
  readonly fields: readonly Field[]
  /** Of an error: its code and tag. */
  readonly error?: { readonly code: string; readonly tag: number }
  readonly recursive: boolean
}

export function addObject(writer: CodecWriter, shape: Shape): void {
  writer.module.add(...checkLines(writer, shape))
  writer.module.add(...writeLines(writer, shape))
  writer.module.add(...readLines(writer, shape))
}

const positioned = (fields: readonly Field[]): readonly Field[] => fields.toSorted((a, b) => a.position - b.position)
const isLate = (field: Field): boolean => field.presence === 'optional'

function checkLines(writer: CodecWriter, shape: Shape): readonly string[] {
  const { name, fields, error, recursive } = shape
  const { module } = writer
  const names = [...(error === undefined ? [] : ['code']), ...fields.map((field) => field.name)]
  const guard = names.length === 0 ? module.use('noFields') : `is${name}Field`
  const own = `const fields = ${module.use('object')}(value, ${guard}, ${names.length})`
  const values = fields.filter((field) => !isLate(field)).map((field) => `${propertyName(field.name)}: ${checkField(writer, field, name)}`)
  const code = error === undefined ? [] : [`code: ${quoted(error.code)}`]
  const late = fields.filter(isLate).map((field) => {
    const place = propertyAccess('fields', field.name)
    return `  if (${place} !== undefined) ${propertyAccess('checked', field.name)} = ${writer.check(field.type, place, quoted(field.name), ownerOf(name, field.name))}`
  })
  const body = resultLines(writer, shape, [...code, ...values], late)
  const checkName = recursive ? `check${name}Fields` : `check${name}`
  const unused = names.length === 0
  return [
    ...(names.length === 0 ? [] : guardLines(name, guard, names)),
    ...(recursive ? [`const check${name} = (value: unknown): ${name} => ${module.use('descend')}(value, ${checkName})`, ''] : []),
    `function ${checkName}(value: unknown): ${name} {`,
    unused ? `  ${own.replace('const fields = ', '')}` : `  ${fields.length === 0 ? own.replace('const fields = ', '') : own}`,
    ...body,
    '}',
  ]
}

function guardLines(name: string, guard: string, names: readonly string[]): readonly string[] {
  const tests = names.map((field) => `key === ${quoted(field)}`)
  const head = `const ${guard} = (key: string): key is keyof ${name} =>`
  const flat = `${head} ${tests.join(' || ')}`
  return flat.length <= 120 ? [flat, ''] : [head, ...tests.map((test, i) => `  ${i === 0 ? '' : '|| '}${test}`), '']
}

function checkField(writer: CodecWriter, field: Field, owner: string): string {
  const place = propertyAccess('fields', field.name)
  const check = writer.check(field.type, place, quoted(field.name), ownerOf(owner, field.name))
  if (field.presence !== 'default') return check
  return `${place} === undefined ? ${defaultText(writer, field, owner)} : ${check}`
}

/** Scalars stand where they are used; anything larger is made once. */
function defaultText(writer: CodecWriter, field: Field, owner: string): string {
  const text = valueText(field.default, () => writer.module.use('frozenMap'))
  if (typeof field.default !== 'object' || field.default === null || field.default instanceof Uint8Array) return text
  const name = `${lowerFirst(ownerOf(owner, field.name))}Default`
  writer.module.add(`const ${name}: ${writer.text.of(field.type)} = ${text}`)
  return name
}

/** Builds and freezes what is returned; fields that may be absent are added after the others. */
function resultLines(writer: CodecWriter, { name }: Shape, values: readonly string[], late: readonly string[]): readonly string[] {
  const entries = values.map((value) => `    ${value},`)
  const [only] = values
  if (late.length === 0 && values.length < 2) return [`  return Object.freeze({${only === undefined ? '' : ` ${only} `}})`]
  if (late.length === 0) return ['  return Object.freeze({', ...entries, '  })']
  const type = `${writer.module.useType('Mutable')}<${name}>`
  const start = values.length === 0 ? [`  const checked: ${type} = {}`] : [`  const checked: ${type} = {`, ...entries, '  }']
  return [...start, ...late, '  return Object.freeze(checked)']
}

function writeLines(writer: CodecWriter, { name, fields, error }: Shape): readonly string[] {
  const items = positioned(fields).map((field) => writeField(writer, field, name))
  const all = [...(error === undefined ? [] : [String(error.tag)]), ...items]
  const flat = `  return [${all.join(', ')}]`
  const parameter = fields.length === 0 ? '_value' : 'value'
  const head = `function ${lowerFirst(name)}ToWire(${parameter}: ${name}): ${writer.module.useType('Wire')} {`
  if (flat.length <= 120) return [head, flat, '}']
  return [head, '  return [', ...all.map((item) => `    ${item},`), '  ]', '}']
}

function writeField(writer: CodecWriter, field: Field, owner: string): string {
  const place = propertyAccess('value', field.name)
  const written = writer.write(field.type, place, ownerOf(owner, field.name))
  if (field.presence !== 'optional') return written
  if (writer.admitsNull(field.type)) return `${place} === undefined ? null : [${written}]`
  return written === place ? `${place} ?? null` : `${place} === undefined ? null : ${written}`
}

function readLines(writer: CodecWriter, shape: Shape): readonly string[] {
  const { name, fields, error } = shape
  const { module } = writer
  // The tag of an error stands before its fields.
  const first = error === undefined ? 0 : 1
  const count = fields.length + first
  const place = (field: Field): string => `fields[${field.position + first}]`
  const values = fields
    .filter((field) => !isLate(field))
    .map((field) => `${propertyName(field.name)}: ${writer.read(field.type, place(field), quoted(field.name), ownerOf(name, field.name))}`)
  const code = error === undefined ? [] : [`code: ${quoted(error.code)}`]
  const late = fields.filter(isLate).map((field) => readLate(writer, field, place(field), name))
  const body = resultLines(writer, shape, [...code, ...values], late).map((line) =>
    line.replace('const checked:', 'const read:').replace('Object.freeze(checked)', 'Object.freeze(read)'),
  )
  const own = `${module.use('readFields')}(wire, ${count})`
  return [
    `function ${lowerFirst(name)}FromWire(wire: ${module.useType('MaybeWire')}): ${name} {`,
    fields.length === 0 ? `  ${own}` : `  const fields = ${own}`,
    ...body,
    '}',
  ]
}

function readLate(writer: CodecWriter, field: Field, place: string, owner: string): string {
  const key = quoted(field.name)
  const present = writer.admitsNull(field.type) ? `${writer.module.use('readPresent')}(${place}, ${key})` : place
  return `  if (${place} !== null) ${propertyAccess('read', field.name)} = ${writer.read(field.type, present, key, ownerOf(owner, field.name))}`
}
