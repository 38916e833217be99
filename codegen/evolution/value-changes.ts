// What is different in the values of a type, through all that it is made of.
import type { Spot } from '../build/where.ts'
import { boundText, nodeText } from '../locked-text.ts'
import type { Field, TypeNode } from '../model.ts'
import type { Change } from './finding.ts'
import type { EvolutionCode } from './rules.ts'
import { shownValue } from './shown-value.ts'
import { type BoundStep, fieldSteps, type FieldStep, type ModelPair, type NodeStep, nodeStep, typeStep, type VariantStep } from './step.ts'

/** Where a node stands: its path in messages, and its place in the schema. */
export interface At {
  readonly path: string
  readonly spot: Spot
}

export class ValueChanges {
  readonly #pair: ModelPair
  readonly #walked = new Set<string>()
  readonly changes: Change[] = []

  constructor(pair: ModelPair) {
    this.#pair = pair
  }

  node(before: TypeNode, after: TypeNode, at: At): void {
    this.#step(nodeStep(this.#pair, before, after), at)
  }

  fields(before: readonly Field[], after: readonly Field[], owner: { readonly kind: 'type' | 'error'; readonly name: string }): void {
    for (const step of fieldSteps(this.#pair, before, after)) this.#field(step, owner)
  }

  #step(step: NodeStep, at: At): void {
    const { path } = at
    switch (step.kind) {
      case 'same':
        return
      case 'bounds':
        return this.#bounds(step.bounds, at)
      case 'literals':
        for (const value of step.added) this.#say('EVOLVE_LITERAL_ADDED', `${path} may be ${JSON.stringify(value)}`, at, [undefined, value])
        for (const value of step.removed)
          this.#say('EVOLVE_LITERAL_REMOVED', `${path} may not be ${JSON.stringify(value)} any more`, at, [value])
        return
      case 'number':
        if (step.to === 'number') return this.#say('EVOLVE_INTEGER_WIDENED', `${path} was an integer and is a number`, at)
        return this.#say('EVOLVE_NUMBER_NARROWED', `${path} was a number and is an integer`, at)
      case 'nullable':
        if (step.null === 'added') this.#say('EVOLVE_NULL_ADDED', `${path} may be null`, at)
        if (step.null === 'removed') this.#say('EVOLVE_NULL_REMOVED', `${path} may not be null any more`, at)
        return this.#step(step.of, at)
      case 'array':
        this.#bounds(step.bounds, at)
        return this.#step(step.items, { ...at, path: `${path}[]` })
      case 'tuple':
        for (const [i, item] of step.items.entries()) this.#step(item, { ...at, path: `${path}[${i}]` })
        return
      case 'map':
        this.#bounds(step.bounds, at)
        this.#step(step.key, { ...at, path: `${path}{key}` })
        return this.#step(step.value, { ...at, path: `${path}{}` })
      case 'named':
        return this.#named(step.before, step.after, at)
      case 'replaced': {
        const [before, after] = [nodeText(step.before), nodeText(step.after)]
        return this.#texts('EVOLVE_TYPE_CHANGED', `${path} was ${before} and is ${after}`, at, { before, after })
      }
    }
  }

  #named(before: string, after: string, at: At): void {
    const names = `${before} ${after}`
    if (this.#walked.has(names)) return
    this.#walked.add(names)
    const step = typeStep(this.#pair, { before, after })
    const type: At = { path: after, spot: { kind: 'type', name: after } }
    switch (step.kind) {
      case 'object':
        for (const field of step.fields) this.#field(field, { kind: 'type', name: after })
        return
      case 'union':
        for (const variant of step.variants) this.#variant(variant, type)
        return
      case 'alias':
        return this.#step(step.type, type)
      case 'replaced': {
        const [was, is] = [this.#pair.before.types.get(before)?.kind, this.#pair.after.types.get(after)?.kind]
        const message = `${at.path} was the ${was} ${before} and is the ${is} ${after}`
        return this.#texts('EVOLVE_TYPE_CHANGED', message, at, { before, after })
      }
    }
  }

  #variant(step: VariantStep, { path, spot }: At): void {
    switch (step.kind) {
      case 'added':
        return this.#say('EVOLVE_VARIANT_ADDED', `${path} has the new variant ${step.after.key}`, { path, spot }, [
          undefined,
          step.after.key,
        ])
      case 'dropped':
        return this.#say('EVOLVE_VARIANT_REMOVED', `${path} has no variant ${step.before.key} any more`, { path, spot }, [step.before.key])
      case 'kept':
        return this.#step(step.type, { path: `${path}[${step.after.key}]`, spot })
    }
  }

  #field(step: FieldStep, owner: { readonly kind: 'type' | 'error'; readonly name: string }): void {
    if (step.kind === 'dropped') {
      const { name, presence, type } = step.before
      const rule = presence === 'required' ? 'EVOLVE_FIELD_REMOVED_REQUIRED' : 'EVOLVE_FIELD_REMOVED'
      const at: At = { path: `${owner.name}.${name}`, spot: owner }
      return this.#texts(rule, `${at.path} is gone`, at, { before: nodeText(type), after: undefined })
    }
    const { name, presence, type } = step.after
    const at: At = { path: `${owner.name}.${name}`, spot: { kind: 'field', owner: owner.kind, of: owner.name, name } }
    if (step.kind === 'added') {
      const rule = presence === 'required' ? 'EVOLVE_FIELD_ADDED_REQUIRED' : 'EVOLVE_FIELD_ADDED'
      const how = presence === 'required' ? 'new and required' : presence === 'optional' ? 'new and optional' : 'new and has a default'
      return this.#texts(rule, `${at.path} is ${how}`, at, { before: undefined, after: nodeText(type) })
    }
    const { before } = step
    if (before.name !== name) this.#say('EVOLVE_FIELD_RENAMED', `${at.path} was called ${before.name}`, at, [before.name, name])
    this.#presence(before, step.after, at)
    this.#step(step.type, at)
  }

  #presence(before: Field, after: Field, at: At): void {
    const values: Values = [before.presence, after.presence]
    const say = (rule: EvolutionCode, how: string): void => this.#say(rule, `${at.path} ${how}`, at, values)
    switch (`${before.presence} ${after.presence}` as const) {
      case 'optional required':
        return say('EVOLVE_FIELD_MADE_REQUIRED', 'was optional and is required')
      case 'optional default':
        return say('EVOLVE_FIELD_MADE_DEFAULT', 'was optional and has a default')
      case 'required optional':
        return say('EVOLVE_FIELD_MADE_OPTIONAL', 'was required and is optional')
      case 'required default':
        return say('EVOLVE_DEFAULT_ADDED', 'was required and has a default')
      case 'default optional':
        return say('EVOLVE_DEFAULT_REMOVED', 'had a default and is optional')
      case 'default required':
        return say('EVOLVE_DEFAULT_REMOVED', 'had a default and is required')
      case 'default default': {
        const [was, is] = [shownValue(before.default), shownValue(after.default)]
        if (was !== is)
          this.#texts('EVOLVE_DEFAULT_CHANGED', `the default of ${at.path} was ${was} and is ${is}`, at, { before: was, after: is })
        return
      }
      case 'optional optional':
      case 'required required':
        return
    }
  }

  #bounds(bounds: readonly BoundStep[], at: At): void {
    for (const { name, before, after, narrowed } of bounds) {
      const [was, is] = [before, after].map((value) => (value === undefined ? undefined : boundText(value)))
      const message = `the bound ${name} of ${at.path} was ${was ?? 'none'} and is ${is ?? 'none'}`
      this.#texts(narrowed ? 'EVOLVE_BOUND_NARROWED' : 'EVOLVE_BOUND_WIDENED', message, at, { before: was, after: is })
    }
  }

  #say(rule: EvolutionCode, message: string, at: At, [before, after]: Values = []): void {
    this.#texts(rule, message, at, {
      before: before === undefined ? undefined : String(before),
      after: after === undefined ? undefined : String(after),
    })
  }

  #texts(rule: EvolutionCode, message: string, { spot }: At, texts: Pick<Change, 'before' | 'after'>): void {
    this.changes.push({ rule, message, ...texts, where: spot })
  }
}

type Values = readonly [before?: string | number | boolean | undefined, after?: string | number | boolean | undefined]
