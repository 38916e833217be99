// How a value of one version becomes one of the next, as data: what an emitter writes functions from. Everything is read upwards: `added` is
// what the newer version has and the older does not.
import { type Bound, type BoundValue, boundsOf } from '../locked-text.ts'
import type { Field, KeyNode, LiteralValue, Model, NamedType, TypeNode, Variant } from '../model.ts'
import { isNarrowed } from './narrowed.ts'

export interface BoundStep {
  readonly name: string
  readonly before: BoundValue | undefined
  readonly after: BoundValue | undefined
  /** Whether something that fitted does not fit any more. */
  readonly narrowed: boolean
}
export type NodeStep =
  | { readonly kind: 'same' }
  /** A scalar that is bounded otherwise. */
  | { readonly kind: 'bounds'; readonly bounds: readonly BoundStep[] }
  | { readonly kind: 'literals'; readonly added: readonly LiteralValue[]; readonly removed: readonly LiteralValue[] }
  /** `to`: what became of an integer, or of a number. */
  | { readonly kind: 'number'; readonly to: 'number' | 'integer' }
  | { readonly kind: 'nullable'; readonly null: 'kept' | 'added' | 'removed'; readonly of: NodeStep }
  | { readonly kind: 'array'; readonly items: NodeStep; readonly bounds: readonly BoundStep[] }
  | { readonly kind: 'tuple'; readonly items: readonly NodeStep[] }
  | { readonly kind: 'map'; readonly key: NodeStep; readonly value: NodeStep; readonly bounds: readonly BoundStep[] }
  /** Two declared types: `stepOf` tells the step between them. */
  | { readonly kind: 'named'; readonly before: string; readonly after: string }
  | { readonly kind: 'replaced'; readonly before: TypeNode; readonly after: TypeNode }

export type FieldStep =
  /** `before.name` is another one where the field was renamed. */
  | { readonly kind: 'kept'; readonly before: Field; readonly after: Field; readonly type: NodeStep }
  | { readonly kind: 'added'; readonly after: Field }
  | { readonly kind: 'dropped'; readonly before: Field }
export type VariantStep =
  | { readonly kind: 'kept'; readonly before: Variant; readonly after: Variant; readonly type: NodeStep }
  | { readonly kind: 'added'; readonly after: Variant }
  | { readonly kind: 'dropped'; readonly before: Variant }
export type TypeStep =
  /** In the order of the newer version, then what was dropped. */
  | { readonly kind: 'object'; readonly fields: readonly FieldStep[] }
  | { readonly kind: 'union'; readonly variants: readonly VariantStep[] }
  | { readonly kind: 'alias'; readonly type: NodeStep }
  | { readonly kind: 'replaced' }

/** Two models, the older first. */
export interface ModelPair {
  readonly before: Model
  readonly after: Model
}
/** The names that a type has in the two: mostly the same. */
export interface TypePair {
  readonly before: string
  readonly after: string
}

/** Between two declared types. Throws an `Error` where one is not declared. */
export function typeStep(pair: ModelPair, names: TypePair): TypeStep {
  const [before, after] = [declared(pair.before, names.before), declared(pair.after, names.after)]
  if (before.kind === 'object' && after.kind === 'object') return { kind: 'object', fields: fieldSteps(pair, before.fields, after.fields) }
  if (before.kind === 'union' && after.kind === 'union')
    return { kind: 'union', variants: variantSteps(pair, before.variants, after.variants) }
  if (before.kind === 'alias' && after.kind === 'alias') return { kind: 'alias', type: nodeStep(pair, before.type, after.type) }
  return { kind: 'replaced' }
}

function declared({ name: machine, version, types }: Model, name: string): NamedType {
  const type = types.get(name)
  if (type === undefined) throw new Error(`version ${version} of ${machine} has no type ${name}`)
  return type
}

export function fieldSteps(pair: ModelPair, before: readonly Field[], after: readonly Field[]): readonly FieldStep[] {
  const kept = new Set<string>()
  const steps = after.map((field): FieldStep => {
    const old = formerOf(field, before)
    if (old === undefined) return { kind: 'added', after: field }
    kept.add(old.name)
    return { kind: 'kept', before: old, after: field, type: nodeStep(pair, old.type, field.type) }
  })
  return [...steps, ...before.filter(({ name }) => !kept.has(name)).map((field): FieldStep => ({ kind: 'dropped', before: field }))]
}

/** What it was in the version before, under its former name if that is another one. */
export const formerOf = <T extends { readonly name: string }>(
  { name, was }: { readonly name: string; readonly was: string | undefined },
  before: readonly T[],
): T | undefined => before.find((candidate) => candidate.name === (was ?? name))

function variantSteps(pair: ModelPair, before: readonly Variant[], after: readonly Variant[]): readonly VariantStep[] {
  const steps = after.map((variant): VariantStep => {
    const old = before.find(({ key }) => key === variant.key)
    if (old === undefined) return { kind: 'added', after: variant }
    return { kind: 'kept', before: old, after: variant, type: nodeStep(pair, old.type, variant.type) }
  })
  const keys = new Set(after.map(({ key }) => key))
  return [...steps, ...before.filter(({ key }) => !keys.has(key)).map((variant): VariantStep => ({ kind: 'dropped', before: variant }))]
}

/** Between two nodes. An alias on one side only is what it stands for. */
export function nodeStep(pair: ModelPair, before: TypeNode, after: TypeNode): NodeStep {
  const [old, now] = [aliased(pair.before, before), aliased(pair.after, after)]
  const bothAliases = old !== undefined && now !== undefined && before.kind === 'named' && after.kind === 'named'
  if (!bothAliases && old !== undefined) return nodeStep(pair, old, after)
  if (!bothAliases && now !== undefined) return nodeStep(pair, before, now)
  if (before.kind === 'named' && after.kind === 'named') return { kind: 'named', before: before.name, after: after.name }
  if (before.kind === 'nullable' || after.kind === 'nullable') return nullableStep(pair, before, after)
  return partsStep(pair, before, after) ?? scalarStep(before, after)
}

function aliased({ types }: Model, node: TypeNode): TypeNode | undefined {
  const type = node.kind === 'named' ? types.get(node.name) : undefined
  return type?.kind === 'alias' ? type.type : undefined
}

function nullableStep(pair: ModelPair, before: TypeNode, after: TypeNode): NodeStep {
  const of = nodeStep(pair, before.kind === 'nullable' ? before.of : before, after.kind === 'nullable' ? after.of : after)
  if (before.kind === after.kind) return of.kind === 'same' ? of : { kind: 'nullable', null: 'kept', of }
  if (of.kind === 'replaced') return { kind: 'replaced', before, after }
  return { kind: 'nullable', null: after.kind === 'nullable' ? 'added' : 'removed', of }
}

function partsStep(pair: ModelPair, before: TypeNode, after: TypeNode): NodeStep | undefined {
  if (before.kind === 'array' && after.kind === 'array') {
    const [items, bounds] = [nodeStep(pair, before.items, after.items), boundSteps(before, after)]
    return items.kind === 'same' && bounds.length === 0 ? items : { kind: 'array', items, bounds }
  }
  if (before.kind === 'tuple' && after.kind === 'tuple' && before.items.length === after.items.length) {
    const items = before.items.map((item, i) => nodeStep(pair, item, after.items[i] ?? item))
    return items.every(({ kind }) => kind === 'same') ? { kind: 'same' } : { kind: 'tuple', items }
  }
  if (before.kind === 'map' && after.kind === 'map') {
    const [key, value] = [nodeStep(pair, before.key, after.key), nodeStep(pair, before.value, after.value)]
    const bounds = boundSteps(before, after)
    return key.kind === 'same' && value.kind === 'same' && bounds.length === 0 ? key : { kind: 'map', key, value, bounds }
  }
  return undefined
}

function scalarStep(before: TypeNode, after: TypeNode): NodeStep {
  if (before.kind === 'literals' && after.kind === 'literals') return literalsStep(before.values, after.values)
  if (before.kind === after.kind && before.kind !== 'tuple') {
    const bounds = boundSteps(before, after)
    return bounds.length === 0 ? { kind: 'same' } : { kind: 'bounds', bounds }
  }
  if (before.kind === 'integer' && after.kind === 'number') return { kind: 'number', to: 'number' }
  if (before.kind === 'number' && after.kind === 'integer') return { kind: 'number', to: 'integer' }
  return { kind: 'replaced', before, after }
}

function literalsStep(before: readonly LiteralValue[], after: readonly LiteralValue[]): NodeStep {
  const added = after.filter((value) => !before.includes(value))
  const removed = before.filter((value) => !after.includes(value))
  return added.length === 0 && removed.length === 0 ? { kind: 'same' } : { kind: 'literals', added, removed }
}

/** Bounds of the two that differ; those of what they are made of are told there. */
export function boundSteps(before: TypeNode | KeyNode, after: TypeNode | KeyNode): readonly BoundStep[] {
  const [old, now] = [comparableBounds(before), comparableBounds(after)]
  return [...new Set([...old, ...now].map(({ name }) => name))].flatMap((name) => {
    const change = { name, before: old.find((bound) => bound.name === name)?.value, after: now.find((bound) => bound.name === name)?.value }
    return change.before === change.after ? [] : [{ ...change, narrowed: isNarrowed(change) }]
  })
}

/** A pattern with its flags is one bound. */
function comparableBounds(node: TypeNode | KeyNode): readonly Bound[] {
  const pattern = node.kind === 'string' ? node.pattern : undefined
  return boundsOf(node).flatMap((bound) => {
    if (bound.name === 'flags') return []
    return bound.name === 'pattern' && pattern !== undefined ? [{ name: 'pattern', value: `/${pattern.source}/${pattern.flags}` }] : [bound]
  })
}
