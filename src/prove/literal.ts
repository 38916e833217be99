// Values as the source text of a test.
import { bytesText, numberText } from '../../codegen/emit/literal-text.ts'
import { propertyName, quoted } from '../../codegen/names.ts'

/** `{ name: 'a', shares: new Map([['b', 30_000]]) }` */
export function literal(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
    case 'bigint':
      return Object.is(value, -0) ? '-0' : numberText(value)
    case 'object': {
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return bytesText(value)
      if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
      if (value instanceof Map) return `new Map([${[...value].map(([key, item]) => `[${literal(key)}, ${literal(item)}]`).join(', ')}])`
      const fields = Object.entries(value).flatMap(([name, item]) =>
        item === undefined ? [] : [`${propertyName(name)}: ${literal(item)}`],
      )
      return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
    }
    default:
      return String(value)
  }
}
