// Whether raftgen can write the step between two types by itself, and which way.
import type { Model, TypeNode } from '../model.ts'
import type { Change } from './finding.ts'
import { type Plainness, ruleOf } from './rules.ts'
import { type ModelPair, type NodeStep, nodeStep, type TypePair, type TypeStep, typeStep } from './step.ts'
import { ValueChanges } from './value-changes.ts'

/** Of all that a type is made of, however deep. */
export type PlainStep<Step> = Plainness & { readonly step: Step }

/** From a declared type to what it is in the next version. `names`: one, or those of the two versions where they differ. */
export function stepOf(before: Model, after: Model, names: string | TypePair): PlainStep<TypeStep> {
  const types = typeof names === 'string' ? { before: names, after: names } : names
  const pair: ModelPair = { before, after }
  const nodes = [types.before, types.after].map((name): TypeNode => ({ kind: 'named', name }))
  return { step: typeStep(pair, types), ...plainnessOf(pair, nodes) }
}

/** Of what is no declared type: an output, the value of a table. */
export const nodeStepOf = (pair: ModelPair, before: TypeNode, after: TypeNode): PlainStep<NodeStep> => ({
  step: nodeStep(pair, before, after),
  ...plainnessOf(pair, [before, after]),
})

function plainnessOf(pair: ModelPair, [before, after]: readonly TypeNode[]): Plainness {
  const changes = new ValueChanges(pair)
  if (before !== undefined && after !== undefined) changes.node(before, after, { path: '', spot: { kind: 'machine', key: 'state' } })
  return changes.changes.reduce(together, { up: 'plain', down: 'plain', keeps: true })
}

const ups = ['plain', 'bounded', 'user'] as const
const downs = ['plain', 'partial', 'none'] as const

/** A step is as plain as the least plain change in it. */
function together(all: Plainness, { rule }: Change): Plainness {
  const one = ruleOf(rule)
  if (one.of === 'machine') return all
  return { up: worse(ups, all.up, one.up), down: worse(downs, all.down, one.down), keeps: all.keeps && one.keeps }
}

const worse = <T>(order: readonly T[], a: T, b: T): T => (order.indexOf(a) > order.indexOf(b) ? a : b)
