import type { DraftType } from '../../codegen/draft.ts'
import { Evaluator } from '../../codegen/evaluate.ts'
import type { TypeNode } from '../../codegen/model.ts'
import { InvalidValue } from '../contract/v1/values-invalid.ts'

/** Looked at first: a refusal costs an error with its stack. */
const kinds: Readonly<Partial<Record<TypeNode['kind'], string>>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  bigint: 'bigint',
  bytes: 'object',
}

/** Whether `value` is one of `node`, bounds and all. */
export function fits(types: ReadonlyMap<string, DraftType>, node: TypeNode, value: unknown): boolean {
  const type = kinds[node.kind]
  if (type !== undefined && typeof value !== type) return false
  try {
    new Evaluator(types).check(node, value)
    return true
  } catch (error) {
    if (error instanceof InvalidValue) return false
    throw error
  }
}
