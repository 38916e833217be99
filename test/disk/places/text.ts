// Files of text: JSON, by its fields, and the one line of `CURRENT`.
import { type Place, place } from './place.ts'

/** The value of each field, and what holds them together. */
export function jsonPlaces(content: Buffer): readonly Place[] {
  const text = content.toString('latin1')
  const places = [...text.matchAll(/"(\w+)":\s*("[^"]*"|\d+|\[.*\])/g)].map(([all, name, value = ''], i, matches) => {
    const start = (matches[i]?.index ?? 0) + all.length - value.length
    const isText = value.startsWith('"')
    return place(`value of ${name}`, start + (isText ? 1 : 0), value.length - (isText ? 2 : 0))
  })
  const [first] = [...text.matchAll(/"\w+"/g)]
  const name = first === undefined ? [] : [place('name of the first field', first.index + 1, first[0].length - 2)]
  return [place('first brace', text.indexOf('{'), 1), ...name, ...places, place('last brace', text.lastIndexOf('}'), 1)]
}

export function currentPlaces(content: Buffer): readonly Place[] {
  const text = content.toString('latin1')
  const dash = text.indexOf('-')
  return [place('name', 0, dash), place('number', dash + 1, text.length - dash - 2), place('end of line', text.length - 1, 1)]
}

export const plainPlaces = (content: Buffer): readonly Place[] => [place('all of it', 0, content.length)]
