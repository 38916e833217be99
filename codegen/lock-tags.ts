// Who keeps which tag, and which place.
import type { Draft, DraftVariant } from './draft.ts'
import type { LockedField, LockedVersion, RetiredTags } from './lock.ts'

/** By name. */
export type Tags = ReadonlyMap<string, number>
export interface Given {
  readonly tags: Tags
  readonly retired: RetiredTags
}

/** What has a name, and may have had another one. */
export interface Renamed {
  readonly name: string
  readonly was?: string | undefined
}

/** Known names keep their tags, those of what is called otherwise now among them; new ones follow after the largest ever given. */
export function tagged(
  items: readonly Renamed[],
  base: Readonly<Record<string, { readonly tag: number }>> | undefined,
  retired: RetiredTags | undefined,
): Given {
  const known = new Map<string, number>(Object.entries(retired ?? {}))
  for (const [name, { tag }] of Object.entries(base ?? {})) known.set(name, tag)
  let last = Math.max(0, ...known.values())
  const kept = (item: Renamed): number | undefined => known.get(formerName(item, items) ?? item.name) ?? known.get(item.name)
  const tags = new Map(items.map((item) => [item.name, kept(item) ?? ++last]))
  const former = new Set(items.map((item) => formerName(item, items)))
  const gone = [...known].filter(([name]) => !tags.has(name) && !former.has(name)).sort(([, a], [, b]) => a - b)
  return { tags, retired: Object.fromEntries(gone) }
}

/** What it was called, unless something else is called so now. */
const formerName = ({ was }: Renamed, items: readonly Renamed[]): string | undefined =>
  was === undefined || items.some(({ name }) => name === was) ? undefined : was

export interface UnionTags {
  readonly tags: ReadonlyMap<string, Tags>
  readonly retired: Readonly<Record<string, RetiredTags>>
}

export function variantTags(draft: Draft, base: LockedVersion | undefined): UnionTags {
  const tags = new Map<string, Tags>()
  const retired = new Map(Object.entries(base?.retired.variants ?? {}))
  for (const [name, type] of draft.types) {
    if (type.kind !== 'union') continue
    const locked = base?.types[name]
    const known =
      locked !== undefined && 'variants' in locked ? Object.fromEntries(locked.variants.map(({ key, tag }) => [key, { tag }])) : undefined
    const given = tagged(
      type.variants.map(({ key }) => ({ name: key })),
      known,
      retired.get(name),
    )
    tags.set(name, given.tags)
    if (Object.keys(given.retired).length > 0) retired.set(name, given.retired)
    else retired.delete(name)
  }
  for (const [name, type] of Object.entries(base?.types ?? {})) {
    if ('variants' in type && !tags.has(name)) retired.set(name, Object.fromEntries(type.variants.map(({ key, tag }) => [key, tag])))
  }
  return { tags, retired: Object.fromEntries(retired) }
}

/** Known names first, in their old order; new ones after them, as the schema has them. */
export function inOrder<T extends Renamed>(items: readonly T[], before: readonly string[]): readonly T[] {
  const known = new Map(before.map((name, i) => [name, i]))
  const rank = (item: T): number => known.get(formerName(item, items) ?? item.name) ?? known.get(item.name) ?? before.length
  return items.toSorted((a, b) => rank(a) - rank(b))
}
export const fieldNames = (fields: readonly LockedField[] | undefined): readonly string[] => (fields ?? []).map((field) => field.name)

export const variantTag = (tags: Tags | undefined, variant: DraftVariant): number => tags?.get(variant.key) ?? 0

/** What a name was in the version before: what `was` says, where that is news. */
export const renamedFrom = ({ name, was }: Renamed, before: readonly string[]): string | undefined =>
  was !== undefined && before.includes(was) && !before.includes(name) ? was : undefined
