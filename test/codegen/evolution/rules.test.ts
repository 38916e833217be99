// Each rule with a pair of schemas.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { evolutionRules, levelIn, levelOf, ruleOf, type EvolutionCode } from '../../../codegen/evolution/rules.ts'
import { editedFrom, evolutionOf, findingLine, type Parts } from './pairs.ts'

/** A rule, the fields of a type before and after, and what is said first. */
type ValueCase = readonly [rule: string, before: string, after: string, message: string]
const valueCases: readonly ValueCase[] = [
  ['FIELD_ADDED', 'a: Type.Integer()', 'a: Type.Integer(), b: Type.Optional(Type.String())', 'Part.b is new and optional'],
  ['FIELD_ADDED', 'a: Type.Integer()', 'a: Type.Integer(), b: Type.String({ default: "" })', 'Part.b is new and has a default'],
  ['FIELD_ADDED_REQUIRED', 'a: Type.Integer()', 'a: Type.Integer(), b: Type.String()', 'Part.b is new and required'],
  ['FIELD_REMOVED', 'a: Type.Integer(), b: Type.Optional(Type.String())', 'a: Type.Integer()', 'Part.b is gone'],
  ['FIELD_REMOVED', 'a: Type.Integer(), b: Type.String({ default: "" })', 'a: Type.Integer()', 'Part.b is gone'],
  ['FIELD_REMOVED_REQUIRED', 'a: Type.Integer(), b: Type.String()', 'a: Type.Integer()', 'Part.b is gone'],
  ['FIELD_RENAMED', 'a: Type.Integer()', "b: Type.Integer({ was: 'a' })", 'Part.b was called a'],
  ['FIELD_MADE_REQUIRED', 'a: Type.Optional(Type.Integer())', 'a: Type.Integer()', 'Part.a was optional and is required'],
  ['FIELD_MADE_OPTIONAL', 'a: Type.Integer()', 'a: Type.Optional(Type.Integer())', 'Part.a was required and is optional'],
  ['FIELD_MADE_DEFAULT', 'a: Type.Optional(Type.Integer())', 'a: Type.Integer({ default: 1 })', 'Part.a was optional and has a default'],
  ['DEFAULT_ADDED', 'a: Type.Integer()', 'a: Type.Integer({ default: 1 })', 'Part.a was required and has a default'],
  ['DEFAULT_REMOVED', 'a: Type.Integer({ default: 1 })', 'a: Type.Integer()', 'Part.a had a default and is required'],
  ['DEFAULT_REMOVED', 'a: Type.Integer({ default: 1 })', 'a: Type.Optional(Type.Integer())', 'Part.a had a default and is optional'],
  ['DEFAULT_CHANGED', 'a: Type.BigInt({ default: 1n })', 'a: Type.BigInt({ default: 2n })', 'the default of Part.a was 1 and is 2'],
  ['BOUND_WIDENED', 'a: Type.Integer({ minimum: 1 })', 'a: Type.Integer()', 'the bound minimum of Part.a was 1 and is none'],
  ['BOUND_WIDENED', 'a: Type.String({ maxLength: 5 })', 'a: Type.String({ maxLength: 6 })', 'the bound maxLength of Part.a was 5 and is 6'],
  [
    'BOUND_WIDENED',
    'a: Type.Number({ exclusiveMinimum: 5 })',
    'a: Type.Number({ exclusiveMinimum: 4 })',
    'the bound exclusiveMinimum of Part.a was 5 and is 4',
  ],
  [
    'BOUND_WIDENED',
    'a: Type.Integer({ multipleOf: 4 })',
    'a: Type.Integer({ multipleOf: 2 })',
    'the bound multipleOf of Part.a was 4 and is 2',
  ],
  [
    'BOUND_WIDENED',
    'a: Type.String({ maxLength: 9, pattern: /^a$/i })',
    'a: Type.String({ maxLength: 9 })',
    'the bound pattern of Part.a was "/^a$/i" and is none',
  ],
  ['BOUND_NARROWED', 'a: Type.Integer()', 'a: Type.Integer({ minimum: 0 })', 'the bound minimum of Part.a was none and is 0'],
  ['BOUND_NARROWED', 'a: bytes({ maxLength: 9 })', 'a: bytes({ maxLength: 8 })', 'the bound maxLength of Part.a was 9 and is 8'],
  [
    'BOUND_NARROWED',
    'a: Type.BigInt({ multipleOf: 2n })',
    'a: Type.BigInt({ multipleOf: 3n })',
    'the bound multipleOf of Part.a was 2 and is 3',
  ],
  [
    'BOUND_NARROWED',
    'a: Type.Array(Type.Integer())',
    'a: Type.Array(Type.Integer(), { uniqueItems: true })',
    'the bound unique of Part.a was none and is true',
  ],
  [
    'BOUND_NARROWED',
    "a: Type.String({ maxLength: 9, pattern: 'a' })",
    'a: Type.String({ maxLength: 9, pattern: /a/i })',
    'the bound pattern of Part.a was "/a/u" and is "/a/i"',
  ],
  [
    'BOUND_NARROWED',
    "a: Type.String({ format: 'date' })",
    "a: Type.String({ format: 'uuid' })",
    'the bound format of Part.a was "date" and is "uuid"',
  ],
  [
    'BOUND_NARROWED',
    'a: Type.Array(Type.Tuple([Type.Integer()]))',
    'a: Type.Array(Type.Tuple([Type.Integer({ maximum: 3 })]))',
    'the bound maximum of Part.a[][0] was none and is 3',
  ],
  [
    'BOUND_NARROWED',
    'a: Record(Type.String({ maxLength: 3 }), Type.Integer())',
    'a: Record(Type.String({ maxLength: 2 }), Type.Integer())',
    'the bound maxLength of Part.a{key} was 3 and is 2',
  ],
  ['LITERAL_ADDED', "a: Type.Enum(['x'])", "a: Type.Enum(['x', 'y'])", 'Part.a may be "y"'],
  ['LITERAL_REMOVED', "a: Type.Enum(['x', 'y'])", "a: Type.Enum(['x'])", 'Part.a may not be "y" any more'],
  [
    'VARIANT_ADDED',
    'a: Type.Union([Type.Integer(), Type.String()])',
    'a: Type.Union([Type.Integer(), Type.String(), Type.Boolean()])',
    'PartA has the new variant boolean',
  ],
  [
    'VARIANT_REMOVED',
    'a: Type.Union([Type.Integer(), Type.String(), Type.Boolean()])',
    'a: Type.Union([Type.Integer(), Type.String()])',
    'PartA has no variant boolean any more',
  ],
  ['NULL_ADDED', 'a: Type.Integer()', 'a: Type.Union([Type.Integer(), Type.Null()])', 'Part.a may be null'],
  ['NULL_REMOVED', 'a: Type.Union([Type.Integer(), Type.Null()])', 'a: Type.Integer()', 'Part.a may not be null any more'],
  ['INTEGER_WIDENED', 'a: Type.Integer()', 'a: Type.Number()', 'Part.a was an integer and is a number'],
  ['NUMBER_NARROWED', 'a: Type.Number()', 'a: Type.Integer()', 'Part.a was a number and is an integer'],
  ['TYPE_CHANGED', 'a: Type.Integer()', 'a: Type.String({ maxLength: 5 })', 'Part.a was integer and is string(maxLength 5)'],
  ['TYPE_CHANGED', 'a: Type.Integer()', 'a: Type.Array(Type.Integer())', 'Part.a was integer and is integer[]'],
  ['TYPE_CHANGED', 'a: Type.Tuple([Type.Integer()])', 'a: Type.Tuple([])', 'Part.a was [integer] and is []'],
  [
    'TYPE_CHANGED',
    'a: Record(Type.String(), Type.Integer())',
    'a: Record(Type.Integer(), Type.Integer())',
    'Part.a{key} was string and is integer',
  ],
  [
    'TYPE_CHANGED',
    'a: Type.Object({ x: Type.Integer() })',
    'a: Type.Union([Type.Object({ x: Type.Integer() }), Type.String()])',
    'Part.a was the object PartA and is the union PartA',
  ],
]

describe('a change of a type is told once for each use of it, in its line', () => {
  test.each(valueCases)('%s: %s to %s', async (name, before, after, message) => {
    const { findings } = evolutionOf(await editedFrom({ part: before }, { part: after }))

    const rule = ruleOf(codeOf(`EVOLVE_${name}`))
    if (rule.of === 'machine') throw new Error(`${name} is no rule of values`)
    const [input, result, state] = [levelOf(rule, 'input'), levelOf(rule, 'result'), levelOf(rule, 'state')]
    const subjects = [`state ${state}`, `error ${result}`, `command ${input}`, `result ${result}`, `query ${input}`, `query ${result}`]
    expect(findings.map(findingLine)).toEqual(subjects.map((subject) => `3 ${name} ${subject}`))
    expect(findings[0]?.message).toBe(`${message}, in the state`)
    expect(findings[2]?.message).toBe(`${message}, in the input of put`)
  })
})

describe('where no client of the older version is left', () => {
  const wider = valueCases.filter(([name]) => {
    const rule = ruleOf(codeOf(`EVOLVE_${name}`))
    return rule.of === 'value' && rule.down === 'partial'
  })
  test.each(wider)('%s is safe in results: %s to %s', async (_, before, after) => {
    const levels = async (retired: string): Promise<readonly string[]> => {
      const { findings } = evolutionOf(await editedFrom({ part: before }, { part: after, retired }))
      return findings.filter(({ subject }) => subject === 'result' || subject === 'error').map(({ level }) => level)
    }
    expect(await levels('')).toEqual(['breaking', 'breaking'])
    expect(await levels('clients: [1]')).toEqual(['safe', 'safe'])
  })

  test('an error more is safe', async () => {
    const { findings } = evolutionOf(await editedFrom(answering("'Held'"), answering("'Held', 'Full'", { retired: 'clients: [1]' })))
    expect(findings.map(findingLine)).toEqual(['11 ERROR_ADDED error safe'])
  })

  test('a field that was required must still be answered: until the activation the handlers answer in the older version', async () => {
    const two = 'a: Type.Integer(), b: Type.String()'
    const { findings } = evolutionOf(await editedFrom({ part: two }, { part: 'a: Type.Integer()', retired: 'clients: [1]' }))
    expect(findings.map(findingLine)).toContain('3 FIELD_REMOVED_REQUIRED result breaking')
  })
})

/** A rule, the parts before and after, and all that is found. */
type Case = readonly [rule: string, before: Parts, after: Parts, found: readonly string[], message: string]
const bare = { state: '', errors: '', queries: '' }
const go = (more: string): Parts => ({ ...bare, commands: `go: { input: Type.Object({})${more} },` })
const cell = (state: string, initial = ''): Parts => ({ ...go(''), state, initial })
const held = 'Held: Type.Object({}), Full: Type.Object({})'
const answering = (errors: string, more: Parts = {}): Parts => ({ ...go(`, errors: [${errors}]`), errors: held, ...more })
const asked = (queries: string, retired = ''): Parts => ({ ...go(''), queries, retired })
const see = 'see: { input: Type.Object({}), output: Type.Integer() },'
const cases: readonly Case[] = [
  [
    'OUTPUT_ADDED',
    go(''),
    go(', output: Type.Integer()'),
    ['11 OUTPUT_ADDED result migration'],
    'go had no output and has integer, in the result of go',
  ],
  [
    'OUTPUT_REMOVED',
    go(', output: Type.Integer()'),
    go(''),
    ['11 OUTPUT_REMOVED result breaking'],
    'go had the output integer and has none, in the result of go',
  ],
  ['STATE_ADDED', cell(''), cell('n: Type.Integer()', 'n: 1'), ['7 STATE_ADDED state safe'], 'state.n is new, in the state'],
  [
    'STATE_REMOVED',
    cell('n: Type.Optional(Type.Integer())'),
    cell(''),
    ['7 STATE_REMOVED state migration'],
    'state.n is gone, in the state',
  ],
  [
    'STATE_RENAMED',
    cell('n: Type.Integer()', 'n: 1'),
    cell("m: Type.Integer({ was: 'n' })", 'm: 1'),
    ['7 STATE_RENAMED state safe'],
    'state.m was called n, in the state',
  ],
  [
    'STATE_KIND_CHANGED',
    cell('n: Record(Type.String(), Type.Integer())'),
    cell('n: Type.Optional(Type.Integer())'),
    ['7 STATE_KIND_CHANGED state migration'],
    'state.n was a table and is a cell, in the state',
  ],
  [
    'INITIAL_CHANGED',
    cell('n: Type.Integer()', 'n: 1'),
    cell('n: Type.Integer()', 'n: 2'),
    ['7 INITIAL_CHANGED state safe'],
    'the initial value of state.n was 1 and is 2, in the state',
  ],
  [
    'FIELD_MADE_OPTIONAL',
    cell('n: Type.Integer()', 'n: 1'),
    cell('n: Type.Optional(Type.Integer())', 'n: 1'),
    ['7 FIELD_MADE_OPTIONAL state safe'],
    'state.n was required and is optional, in the state',
  ],
  [
    'FIELD_MADE_REQUIRED',
    cell('n: Type.Optional(Type.Integer())', 'n: 1'),
    cell('n: Type.Integer()', 'n: 1'),
    ['7 FIELD_MADE_REQUIRED state migration'],
    'state.n was optional and is required, in the state',
  ],
  [
    'TYPE_CHANGED',
    cell('n: Record(Type.String(), Type.Integer())'),
    cell('n: Record(Type.Integer(), Type.Integer())'),
    ['7 TYPE_CHANGED state migration'],
    'state.n{key} was string and is integer, in the state',
  ],
  [
    'COMMAND_ADDED',
    go(''),
    { ...bare, commands: 'go: { input: Type.Object({}) },\n    on: { input: Type.Object({}) },' },
    ['12 COMMAND_ADDED command safe'],
    'the command on is new',
  ],
  [
    'COMMAND_RENAMED',
    go(''),
    { ...bare, commands: "on: { was: 'go', input: Type.Object({}) }," },
    ['11 COMMAND_RENAMED command safe'],
    'the command on was called go',
  ],
  [
    'COMMAND_RETIRED',
    go(''),
    { ...bare, commands: '', retired: "commands: ['go']" },
    ['16 COMMAND_RETIRED command safe'],
    'the command go is retired',
  ],
  ['COMMAND_REMOVED', go(''), { ...bare, commands: '' }, ['10 COMMAND_REMOVED command breaking'], 'the command go is gone'],
  ['QUERY_ADDED', asked(''), asked(see), ['14 QUERY_ADDED query safe'], 'the query see is new'],
  [
    'QUERY_RENAMED',
    asked(see),
    asked(see.replace('see: {', "look: { was: 'see',")),
    ['14 QUERY_RENAMED query safe'],
    'the query look was called see',
  ],
  ['QUERY_RETIRED', asked(see), asked('', "queries: ['see']"), ['16 QUERY_RETIRED query safe'], 'the query see is retired'],
  ['QUERY_REMOVED', asked(see), asked(''), ['13 QUERY_REMOVED query breaking'], 'the query see is gone'],
  ['ERROR_ADDED', answering("'Held'"), answering("'Held', 'Full'"), ['11 ERROR_ADDED error breaking'], 'go may answer Full'],
  [
    'ERROR_RENAMED',
    answering("'Held'"),
    answering("'Taken'", { errors: "Taken: Type.Object({}, { was: 'Held' }), Full: Type.Object({})" }),
    ['9 ERROR_RENAMED error safe'],
    'the error Taken was called Held',
  ],
  [
    'ERROR_RETIRED',
    answering("'Held', 'Full'"),
    answering("'Held'", { errors: 'Held: Type.Object({})', retired: "errors: ['Full']" }),
    ['11 ERROR_RETIRED error safe'],
    'go does not answer Full any more',
  ],
  [
    'ERROR_REMOVED',
    answering("'Held', 'Full'"),
    answering("'Held'"),
    ['11 ERROR_REMOVED error migration'],
    'go does not answer Full any more',
  ],
]

const point = (fields: string): Parts => cell(`at: Type.Object({ ${fields} }, { title: 'T${fields.length}' })`, 'at: { x: 1, y: 2 }')

test('an initial value is the same in whatever order its fields are', async () => {
  const generation = await editedFrom(point('x: Type.Integer(), y: Type.Integer()'), point('y: Type.Integer(),  x: Type.Integer()'))

  expect(evolutionOf(generation).findings).toEqual([])
})

describe('what is different in operations and in the state is found in its line', () => {
  test.each(cases)('%s: %j to %j', async (rule, before, after, found, message) => {
    const { findings } = evolutionOf(await editedFrom(before, after))

    expect(findings.map(findingLine)).toEqual(found)
    expect(findings[0]).toMatchObject({ rule: `EVOLVE_${rule}`, message, file: 'schema.ts' })
  })
})

/** Of the lock itself: `compare.test.ts` has their pairs. */
const ofTheLock = ['TAG_CHANGED', 'TAG_REUSED', 'TOMBSTONE_DELETED', 'MACHINE_RENAMED', 'BASE_OPEN']

test('every rule has a pair of schemas', () => {
  const tried = new Set([...valueCases.map(([rule]) => rule), ...cases.map(([rule]) => rule), ...ofTheLock])
  expect([...tried].map((rule) => `EVOLVE_${rule}`).sort()).toEqual(Object.keys(evolutionRules).sort())
})

function codeOf(name: string): EvolutionCode {
  const code = codes.find((candidate) => candidate === name)
  if (code === undefined) throw new Error(`there is no rule ${name}`)
  return code
}
const isCode = (name: string): name is EvolutionCode => Object.hasOwn(evolutionRules, name)
const codes = Object.keys(evolutionRules).filter(isCode)

test('the table in docs/evolution.md has the rules of the code, with their levels and ways out', () => {
  const docs = readFileSync(new URL('../../../docs/evolution.md', import.meta.url), 'utf8')
  const rows = docs.split('\n').filter((line) => line.startsWith('| `EVOLVE_'))

  const expected = codes.map((code) => {
    const rule = ruleOf(code)
    const levels = (['input', 'result', 'state'] as const).map((use) => levelIn(rule, use) ?? '')
    return `| \`${code}\` | ${rule.what} | ${levels.join(' | ')} | ${rule.wayOut} |`
  })
  expect(rows).toEqual(expected)
})
