import type { EvolutionCode } from '../../evolution/rules.ts'
import type { Way } from './way.ts'

const always: readonly EvolutionCode[] = ['EVOLVE_BOUND_WIDENED', 'EVOLVE_BOUND_NARROWED', 'EVOLVE_DEFAULT_ADDED', 'EVOLVE_DEFAULT_CHANGED']
const up: ReadonlySet<EvolutionCode> = new Set<EvolutionCode>([
  ...always,
  'EVOLVE_DEFAULT_REMOVED',
  'EVOLVE_FIELD_MADE_OPTIONAL',
  'EVOLVE_LITERAL_ADDED',
  'EVOLVE_VARIANT_ADDED',
  'EVOLVE_NULL_ADDED',
  'EVOLVE_INTEGER_WIDENED',
])
const down: ReadonlySet<EvolutionCode> = new Set<EvolutionCode>([
  ...always,
  'EVOLVE_FIELD_MADE_REQUIRED',
  'EVOLVE_FIELD_MADE_DEFAULT',
  'EVOLVE_LITERAL_REMOVED',
  'EVOLVE_VARIANT_REMOVED',
  'EVOLVE_NULL_REMOVED',
  'EVOLVE_NUMBER_NARROWED',
])

/** Changes that leave a value on that way what it is. */
export const asIsRules = (way: Way): ReadonlySet<EvolutionCode> => (way === 'up' ? up : down)

/** Changes by which something may be left out on the way down. */
export const losesByWay: ReadonlySet<EvolutionCode> = new Set<EvolutionCode>(['EVOLVE_FIELD_ADDED', 'EVOLVE_FIELD_ADDED_REQUIRED'])
