// Values that were there before, for later inputs: a token that one command gave out is one that another asks for.
import type { DraftType } from '../../codegen/draft.ts'
import type { TypeNode } from '../../codegen/model.ts'
import { fits } from './fits.ts'

/** Stands in an input for a value that an answer held before. */
export class Recall {
  readonly node: TypeNode
  /** Of the field that it stands in. */
  readonly name: string
  /** 0: the newest of those that fit. */
  readonly age: number
  /** Where no answer held one that fits. */
  readonly otherwise: unknown

  constructor(node: TypeNode, { name, age, otherwise }: { readonly name: string; readonly age: number; readonly otherwise: unknown }) {
    this.node = node
    this.name = name
    this.age = age
    this.otherwise = otherwise
  }
}

const isTable = (value: unknown): value is Iterable<readonly [unknown, unknown]> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value && !isValue(value)

/** Of a property that holds one. */
const isValue = (value: object): boolean => Array.isArray(value) || value instanceof Map || value instanceof Uint8Array

function firstKeys(table: Iterable<readonly [unknown, unknown]>): readonly unknown[] {
  const keys: unknown[] = []
  for (const [key] of table) {
    if (keys.push(key) === itemsMax) break
  }
  return keys
}

interface Remembered {
  readonly name: string
  readonly value: unknown
}

const rememberedMax = 40
/** Of a list that was answered, and of a table. */
const itemsMax = 8

export class Memory {
  readonly #types: ReadonlyMap<string, DraftType>
  /** What is in the tables now. */
  #keys: readonly Remembered[] = []
  /** Of inputs and answers; newest first. */
  #values: Remembered[] = []

  constructor(types: ReadonlyMap<string, DraftType>) {
    this.#types = types
  }

  /** Keeps the scalars of `value`. */
  keep(value: unknown, name = ''): void {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint8Array) {
      const others = this.#values.filter((other) => other.value !== value || other.name !== name)
      this.#values = [{ name, value }, ...others].slice(0, rememberedMax)
    } else if (Array.isArray(value)) for (const item of value.slice(0, itemsMax)) this.keep(item, name)
    else if (value instanceof Map) {
      for (const [key, item] of [...value].slice(0, itemsMax)) {
        this.keep(key, name)
        this.keep(item, name)
      }
    } else if (typeof value === 'object' && value !== null) for (const [field, item] of Object.entries(value)) this.keep(item, field)
  }

  /** Keeps the keys of the first entries of the tables of `state`, as a handler is given it. */
  keepKeys(state: object): void {
    this.#keys = Object.entries(state).flatMap(([name, property]) =>
      isTable(property) ? firstKeys(property).map((value) => ({ name, value })) : [],
    )
  }

  /** `drawn` with what it recalls in its place. Values of a field of the same name come first, then keys of the state. */
  resolve(drawn: unknown): unknown {
    if (drawn instanceof Recall) return this.#recall(drawn)
    if (Array.isArray(drawn)) return drawn.map((item) => this.resolve(item))
    if (drawn instanceof Map) return new Map([...drawn].map(([key, item]) => [this.resolve(key), this.resolve(item)]))
    if (typeof drawn !== 'object' || drawn === null || drawn instanceof Uint8Array) return drawn
    return Object.fromEntries(Object.entries(drawn).map(([field, item]) => [field, this.resolve(item)]))
  }

  #recall({ node, name, age, otherwise }: Recall): unknown {
    const isNamesake = (remembered: Remembered): boolean => remembered.name === name
    const known = [...this.#values.filter(isNamesake), ...this.#keys, ...this.#values.filter((remembered) => !isNamesake(remembered))]
    const fitting = [...new Set(known.map(({ value }) => value))].filter((value) => fits(this.#types, node, value))
    return fitting[age % Math.max(1, fitting.length)] ?? otherwise
  }
}
