import type { KeyNode } from '../model.ts'
import type { Place } from '../place.ts'
import type { Reporter } from './reporter.ts'
import { integerNode, stringNode } from './scalars.ts'
import { kindOf, type Schema, schemaOf } from './schema-value.ts'

const stringKeys = '^.*$'
const integerKeys = '^-?(?:0|[1-9][0-9]*)$'
const numberKeys = '^-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?$'
/** Options of a key schema that TypeBox drops; of a string it keeps the pattern. */
const lost = new Set(['minLength', 'maxLength', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'])

/** The key of a Record: from our own `Record`, which keeps it, or from the pattern that TypeBox made of it. */
export function recordKey(schema: Schema, place: Place, reporter: Reporter): KeyNode {
  const kept = schema['~key'] ?? schema['propertyNames']
  const key = place.key()
  if (kept !== undefined) {
    const kind = kindOf(kept)
    if (kind === 'Integer') return integerNode(schemaOf(kept), key, reporter)
    if (kind === 'String') return stringNode(schemaOf(kept), key, reporter)
    reporter.report(key, {
      code: 'KEY_UNSUPPORTED',
      message: `the keys of ${place.path} are neither strings nor integers`,
      hint: 'Use Type.String or Type.Integer.',
    })
  }
  const [pattern = stringKeys] = Object.keys(schemaOf(schema['patternProperties']))
  const losses = key.optionNames.filter((name) => lost.has(name))
  if (kept === undefined && place.call?.member === true && losses.length > 0) {
    reporter.report(key, {
      severity: 'warning',
      code: 'KEY_CONSTRAINT_LOST',
      message: `TypeBox drops ${losses.join(' and ')} of the keys of ${place.path}`,
      hint: "Use `Record` of 'raftgen' in place of Type.Record: it keeps them.",
    })
  }
  if (pattern === integerKeys) return integerNode({}, key, reporter)
  if (pattern === numberKeys) {
    reporter.report(key, {
      code: 'KEY_UNSUPPORTED',
      message: `the keys of ${place.path} are numbers, which have no exact order as keys`,
      hint: 'Use Type.Integer or Type.String.',
    })
  }
  return stringNode(pattern === stringKeys || pattern === numberKeys ? {} : { pattern }, key, reporter)
}
