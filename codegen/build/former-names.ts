// `was: 'old'`: nobody else may be called so, or claim it. Whether there has been an `old` only the wire lock knows: `codegen/renames.ts`.
import type { Draft } from '../draft.ts'
import type { Reporter } from './reporter.ts'
import type { Spot, Where } from './where.ts'

interface Named {
  readonly name: string
  readonly was: string | undefined
}
/** Things among which a name is unique. */
export interface Scope {
  /** As it stands in messages before the name of one of them: `Lease.`. */
  readonly prefix: string
  readonly items: readonly Named[]
  spot(name: string): Spot
  /** Where they are in the wire lock. */
  readonly of:
    | { readonly list: 'commands' | 'queries' | 'errors' | 'state' }
    | { readonly error: string; readonly was: string | undefined }
    | { readonly type: string }
}

export function scopesOf(draft: Draft): readonly Scope[] {
  const named = (list: 'commands' | 'queries' | 'errors', kind: 'command' | 'query' | 'error'): Scope => ({
    prefix: `the ${kind} `,
    items: draft[list],
    spot: (name) => ({ kind, name }),
    of: { list },
  })
  const errors = draft.errors.map(({ name: error, was, fields }): Scope => {
    const spot = (name: string): Spot => ({ kind: 'field', owner: 'error', of: error, name })
    return { prefix: `${error}.`, items: fields, spot, of: { error, was } }
  })
  const types = [...draft.types.values()].flatMap((type): readonly Scope[] => {
    if (type.kind !== 'object') return []
    const spot = (name: string): Spot => ({ kind: 'field', owner: 'type', of: type.name, name })
    return [{ prefix: `${type.name}.`, items: type.fields, spot, of: { type: type.name } }]
  })
  const state: Scope = { prefix: 'state.', items: draft.state, spot: (name) => ({ kind: 'property', name }), of: { list: 'state' } }
  return [named('commands', 'command'), named('queries', 'query'), named('errors', 'error'), state, ...errors, ...types]
}

export function checkFormerNames(draft: Draft, where: Where, reporter: Reporter): void {
  for (const { prefix, items, spot } of scopesOf(draft)) {
    const names = new Set(items.map(({ name }) => name))
    const claimed = new Map<string, string>()
    for (const { name, was } of items) {
      if (was === undefined) continue
      const other = claimed.get(was)
      const taken = other === undefined ? (names.has(was) ? `there is a ${was} still` : undefined) : `so was ${other}`
      claimed.set(was, name)
      if (taken === undefined) continue
      reporter.report(where.place(spot(name)).namePosition, {
        code: 'RENAME_TAKEN',
        message: `${prefix}${name} was called ${was}, and ${taken}`,
        hint: 'Leave `was` out of one of them; a rename that an earlier version has made needs none.',
      })
    }
  }
}
