// A value as people read it, in one line; and as JSON. Whoever may send a command must not be able to write to the terminal of who looks at it.

/** Characters of a value beyond which its text is cut. */
const shownMax = 1_000
const hexMax = 64
/** What a terminal acts on, and what turns the direction of text, besides what JSON escapes already. */
const unsafe = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g

/** `{ name: "orders/42", ttlMs: 30000 }` */
export function valueText(value: unknown): string {
  const text = textOf(value)
  return text.length <= shownMax ? text : `${text.slice(0, shownMax)}... (${text.length - shownMax} more characters; --json shows all)`
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return bytesText(value)
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(textOf).join(', ')}]`
  if (value instanceof Map) return braced([...value].map(([key, item]) => `${textOf(key)}: ${textOf(item)}`))
  if (typeof value !== 'object' || value === null) return String(value)
  return braced(
    Object.entries(value).map(
      ([key, item]) => `${/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : quoted(key)}: ${textOf(item)}`,
    ),
  )
}

function bytesText(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, hexMax)).toString('hex')
  return `0x${shown}${bytes.length > hexMax ? `... (${bytes.length} bytes)` : ''}`
}

/** Bytes of which nothing is known: as text where they are nothing else, or else in hexadecimal. */
export function rawText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8')
  const isText = bytes.length > 0 && !/[\p{Cc}\ufffd]/u.test(text)
  return isText ? valueText(text) : bytesText(bytes)
}

const braced = (parts: readonly string[]): string => (parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`)

const quoted = (text: string): string => visibleText(JSON.stringify(text))

/** Of text that quotes values as JSON does. */
export const visibleText = (text: string): string =>
  text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** What JSON can hold: bytes in hexadecimal, integers of any size as text, Maps as lists of pairs. The schema says which is which. */
export function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plainValue)
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plainValue(item)])
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]))
}

/** Log time, milliseconds. Beyond what a date can be: the number itself. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9_999 ? `${ms} ms` : date.toISOString()
}
