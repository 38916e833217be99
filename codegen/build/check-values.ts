// Defaults and the initial state must fit their own schema: found here, not by the first node that starts.
import { InvalidValue } from '../../src/contract/v1/values-invalid.ts'
import type { Draft, DraftTable } from '../draft.ts'
import { Evaluator } from '../evaluate.ts'
import { initialOf, initialRows } from '../initial.ts'
import type { Place } from '../place.ts'
import { sameInIndex } from './indexes.ts'
import type { Reporter } from './reporter.ts'
import { isPlainObject } from './schema-value.ts'
import { suggestion } from './shape.ts'
import type { TypeBuilder } from './type-builder.ts'

export function checkValues(draft: Draft, builder: TypeBuilder, place: Place, initial: unknown, reporter: Reporter): void {
  const evaluator = new Evaluator(draft.types)
  for (const { place: at, type, value } of builder.defaults) {
    const problem = problemOf(() => evaluator.check(type, value), 'default')
    if (problem !== undefined) {
      reporter.report(at, {
        code: 'DEFAULT_INVALID',
        message: `the default of ${at.path} does not fit: ${problem}`,
        hint: 'Correct the default, or the bound.',
      })
    }
  }
  if (!reporter.failed) checkInitial(draft, evaluator, place, initial, reporter)
}

function checkInitial(draft: Draft, evaluator: Evaluator, place: Place, initial: unknown, reporter: Reporter): void {
  if (initial !== undefined && !isPlainObject(initial)) {
    reporter.report(place, {
      code: 'INITIAL_INVALID',
      message: 'initial is no object',
      hint: 'Write { property: value }; what is empty may be left out.',
    })
    return
  }
  const names = draft.state.map((property) => property.name)
  for (const name of Object.keys(initial ?? {})) {
    if (names.includes(name)) continue
    const hint = suggestion(name, names) ?? 'Leave it out, or add it to `state`.'
    reporter.report(place.property(name).namePosition, {
      code: 'INITIAL_INVALID',
      message: `initial has ${name}, which is not in state`,
      hint,
    })
  }
  for (const property of draft.state) {
    const given = Object.hasOwn(draft.initial, property.name)
    if (!given && property.kind === 'cell' && !property.optional && property.default === undefined) {
      reporter.report(place, {
        code: 'INITIAL_MISSING',
        message: `state.${property.name} has no value at the start`,
        hint: `Give it one: initial: { ${property.name}: ... }; or a default in its schema, or make it optional.`,
      })
      continue
    }
    const problem = problemOf(() => initialOf(property, draft.initial, evaluator), `initial.${property.name}`)
    if (problem === undefined) {
      if (property.kind === 'table') checkUnique(property, initialRows(property, draft.initial, evaluator), place, reporter)
      continue
    }
    reporter.report(place.property(property.name), {
      code: 'INITIAL_INVALID',
      message: problem,
      hint: 'Correct it, or the schema of the state.',
    })
  }
}

function checkUnique(table: DraftTable, rows: ReadonlyMap<string | number, unknown>, place: Place, reporter: Reporter): void {
  for (const index of table.indexes) {
    const same = sameInIndex(rows, index)
    if (same === undefined) continue
    const [first, second] = same.map((key) => JSON.stringify(key))
    const fields = index.fields.map(({ name }) => name).join(', ')
    reporter.report(place.property(table.name), {
      code: 'INITIAL_INVALID',
      message: `initial.${table.name} has the same ${fields} under ${first} and ${second}, and indexes.${table.name}.${index.name} is unique`,
      hint: 'Correct one of the two, or the index.',
    })
  }
}

function problemOf(check: () => unknown, root: string): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof InvalidValue) return error.from(root).message
    throw error
  }
}
