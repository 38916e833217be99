// Values that say less, for a smaller case. Whether they still fit a schema is not known here.

/** Simplest first; each is strictly simpler, so that taking one after the other comes to an end. */
export function simpler(value: unknown): readonly unknown[] {
  switch (typeof value) {
    case 'number':
      return numbersBelow(value)
    case 'bigint':
      return [0n, 1n, value / 2n, value > 0n ? value - 1n : value + 1n].filter((other) => magnitude(other) < magnitude(value))
    case 'boolean':
      return value ? [false] : []
    case 'string':
      return textsBelow(value)
    case 'object':
      return value === null ? [] : objectsBelow(value)
    default:
      return []
  }
}

function numbersBelow(value: number): readonly number[] {
  const toZero = value > 0 ? value - 1 : value + 1
  const candidates = [0, 1, 2, 3, Math.trunc(value / 1_000), Math.trunc(value / 2), Math.trunc(value), toZero]
  return candidates.filter((other) => Math.abs(other) < Math.abs(value) || (Math.abs(other) === Math.abs(value) && other > value))
}

const magnitude = (value: bigint): bigint => (value < 0n ? -2n * value + 1n : 2n * value)

function textsBelow(text: string): readonly string[] {
  const plain = ['', 'a', 'b', 'c'].filter((other) => other.length < text.length || (other.length === text.length && other < text))
  return text.length < 2 ? plain : [...plain, text.slice(0, Math.floor(text.length / 2))]
}

function objectsBelow(value: object): readonly unknown[] {
  if (value instanceof Uint8Array) return value.length === 0 ? [] : [value.slice(0, Math.floor(value.length / 2))]
  if (Array.isArray(value)) {
    const fewer = value.map((_, i) => value.toSpliced(i, 1))
    return [...fewer, ...value.flatMap((item, i) => simpler(item).map((other) => value.with(i, other)))]
  }
  if (value instanceof Map) {
    const entries = [...value]
    const fewer = entries.map((_, i) => new Map(entries.toSpliced(i, 1)))
    return [...fewer, ...entries.flatMap(([key, item], i) => simpler(item).map((other) => new Map(entries.with(i, [key, other]))))]
  }
  const fields = Object.entries(value)
  const fewer = fields.map((_, i) => Object.fromEntries(fields.toSpliced(i, 1)))
  return [...fewer, ...fields.flatMap(([name, item], i) => simpler(item).map((other) => Object.fromEntries(fields.with(i, [name, other]))))]
}
