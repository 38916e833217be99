// Values as source text.
import type { Wire } from '../../src/contract/v1/descriptor.ts'
import { propertyName, quoted } from '../names.ts'

/** `30_000`: whole numbers of five digits and more are grouped. */
export function numberText(value: number | bigint): string {
  const text = String(value)
  const grouped = /^-?\d{5,}$/.test(text) ? text.replace(/\B(?=(\d{3})+$)/g, '_') : text
  return typeof value === 'bigint' ? `${grouped}n` : grouped
}

export const bytesText = (bytes: Uint8Array): string => (bytes.length === 0 ? 'new Uint8Array(0)' : `Uint8Array.of(${bytes.join(', ')})`)

export function wireText(wire: Wire): string {
  if (typeof wire === 'string') return quoted(wire)
  if (typeof wire === 'number') return numberText(wire)
  if (wire instanceof Uint8Array) return bytesText(wire)
  return Array.isArray(wire) ? `[${wire.map(wireText).join(', ')}]` : String(wire)
}

/** A canonical value, frozen. `map` names the function that makes maps. */
export function valueText(value: unknown, map: () => string): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
    case 'bigint':
      return numberText(value)
    case 'object': {
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return bytesText(value)
      const inner = (item: unknown): string => valueText(item, map)
      if (Array.isArray(value)) return `Object.freeze([${value.map(inner).join(', ')}])`
      if (value instanceof Map) return `${map()}([${[...value].map(([key, item]) => `[${inner(key)}, ${inner(item)}]`).join(', ')}])`
      const fields = Object.entries(value).map(([name, item]) => `${propertyName(name)}: ${inner(item)}`)
      return fields.length === 0 ? 'Object.freeze({})' : `Object.freeze({ ${fields.join(', ')} })`
    }
    default:
      return String(value)
  }
}
