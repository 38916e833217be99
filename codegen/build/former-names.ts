// `was: 'old'`: nobody else may be called so, or claim it. Whether there has been an `old` only the wire lock knows.
import type { Draft } from '../draft.ts'
import type { Place } from '../place.ts'
import type { TypeBuilder } from './type-builder.ts'

interface Named {
  readonly name: string
  readonly was: string | undefined
}

export function checkFormerNames(draft: Draft, builder: TypeBuilder, place: Place): void {
  const check = (items: readonly Named[], placeOf: (name: string) => Place): void => checkScope(items, placeOf, builder)
  for (const list of ['commands', 'queries', 'errors'] as const) check(draft[list], (name) => place.property(list).property(name))
  check(draft.state, (name) => place.property('state').field(name))
  for (const { name: error, fields } of draft.errors) check(fields, (name) => place.property('errors').property(error).field(name))
  for (const [type, declared] of draft.types) {
    if (declared.kind === 'object') check(declared.fields, (name) => (builder.places.get(type) ?? place).field(name))
  }
}

function checkScope(items: readonly Named[], placeOf: (name: string) => Place, { reporter }: TypeBuilder): void {
  const names = new Set(items.map(({ name }) => name))
  const claimed = new Map<string, string>()
  for (const { name, was } of items) {
    if (was === undefined) continue
    const place = placeOf(name)
    const other = claimed.get(was)
    const taken = other === undefined ? (names.has(was) ? `there is a ${was} still` : undefined) : `so was ${other}`
    claimed.set(was, name)
    if (taken === undefined) continue
    reporter.report(place.namePosition, {
      code: 'RENAME_TAKEN',
      message: `${place.path} was called ${was}, and ${taken}`,
      hint: 'Leave `was` out of one of them; a rename that an earlier version has made needs none.',
    })
  }
}
