import type { Place } from '../place.ts'
import type { Reporter } from './reporter.ts'
import { kindOf, listOf, type Schema, schemaOf } from './schema-value.ts'

/** An intersection of objects as one object schema. A field that two parts have must be the same in both. */
export function intersectionOf(schema: Schema, place: Place, reporter: Reporter): Schema {
  const properties = new Map<string, unknown>()
  const required = new Set<unknown>()
  for (const [i, value] of listOf(schema['allOf']).entries()) {
    const part =
      kindOf(value) === 'Intersect'
        ? intersectionOf(schemaOf(value), place.element(i), reporter)
        : objectPart(value, place.element(i), reporter)
    for (const name of listOf(part['required'])) required.add(name)
    for (const [name, property] of Object.entries(schemaOf(part['properties']))) {
      const other = properties.get(name)
      if (other === undefined) properties.set(name, property)
      else if (text(other) !== text(property)) {
        reporter.report(place.element(i), {
          code: 'INTERSECT_CONFLICT',
          message: `${place.path} has the field ${name} in two parts that differ`,
          hint: 'Leave it out of one part with Type.Omit.',
        })
      }
    }
  }
  return { ...schema, properties: Object.fromEntries(properties), required: [...required] }
}

function objectPart(value: unknown, place: Place, reporter: Reporter): Schema {
  if (kindOf(value) === 'Object') return schemaOf(value)
  reporter.report(place, {
    code: 'TYPE_UNSUPPORTED',
    message: `${place.path} is a part of an intersection and no object`,
    hint: 'Intersect objects only; they become one object.',
  })
  return {}
}

const text = (schema: unknown): string =>
  JSON.stringify([kindOf(schema), schema], (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
