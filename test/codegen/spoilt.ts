// Values that nearly fit.
import fc from 'fast-check'

/** Something else in place of one part of `value`. */
export const spoilt = (value: unknown): fc.Arbitrary<unknown> =>
  fc.tuple(fc.nat(), fc.anything({ withBigInt: true, withMap: true, withTypedArray: true, withNullPrototype: true })).map(([at, other]) => {
    const places = placesOf(value)
    return replaced(value, places[at % places.length] ?? [], other)
  })

type Path = readonly (string | number)[]
function placesOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Map) return [path]
  return [path, ...Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]))]
}

function replaced(value: unknown, [key, ...rest]: Path, other: unknown): unknown {
  if (key === undefined) return other
  if (Array.isArray(value)) return value.map((item, i) => (String(i) === key ? replaced(item, rest, other) : item))
  if (typeof value !== 'object' || value === null) return other
  return { ...value, [key]: replaced(Reflect.get(value, key), rest, other) }
}
