/** A value in a message, the same whatever the order of its fields. */
export function shownValue(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return `${value}`
    case 'object':
      return value === null ? 'null' : shownObject(value)
    default:
      return JSON.stringify(value) ?? 'none'
  }
}

function shownObject(value: object): string {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `[${value.map(shownValue).join(', ')}]`
  const entries: readonly (readonly [unknown, unknown])[] =
    value instanceof Map ? [...value] : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, item]) => `${String(key)}: ${shownValue(item)}`).join(', ')} }`
}
