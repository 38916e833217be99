// Operations that a schema does not have any more, and older versions still have: their entries are replayed, so they need handlers.
import type { Model, OperationModel } from './model.ts'

export interface RetiredOperation {
  readonly name: string
  /** In each version that has it, the oldest first. */
  readonly was: readonly { readonly model: Model; readonly operation: OperationModel }[]
}

/** Commands, then queries, the oldest first. */
export function retiredOperations(model: Model, older: readonly Model[]): readonly RetiredOperation[] {
  const found = new Map<string, RetiredOperation>()
  for (const list of ['commands', 'queries'] as const) {
    const kept = new Set(model[list].map(({ tag }) => tag))
    for (const one of older)
      for (const operation of one[list].filter(({ tag }) => !kept.has(tag))) {
        // A version asks for it by the name that it has there.
        const key = `${list} ${operation.name}`
        found.set(key, { name: operation.name, was: [...(found.get(key)?.was ?? []), { model: one, operation }] })
      }
  }
  return [...found.values()]
}
