import { createHash } from 'node:crypto'
import type { LockedField, LockedVersion } from './lock.ts'

export interface HashedSchema extends Pick<LockedVersion, 'commands' | 'queries' | 'errors' | 'state' | 'types'> {
  readonly machine: string
  readonly version: number
}

/** Of all that decides what bytes mean, with types as `bareText` writes them. Names of types, defaults and bounds do not; types are numbered as they come up. */
export function wireHash(content: HashedSchema): string {
  const numbers = new Map<string, number>()
  const queue: string[] = []
  const numbered = (text: string): string =>
    text.replace(/"(?:[^"\\]|\\.)*"|[\p{ID_Start}$_][\p{ID_Continue}$]*/gu, (word) => {
      if (!Object.hasOwn(content.types, word)) return word
      if (!numbers.has(word)) {
        numbers.set(word, numbers.size + 1)
        queue.push(word)
      }
      return `#${numbers.get(word)}`
    })
  const fields = (list: readonly LockedField[]): unknown =>
    list.map(({ name, type, optional }) => [name, numbered(type), optional === true])
  const byTag = (operations: LockedVersion['commands']): unknown =>
    Object.entries(operations)
      .sort(([, a], [, b]) => a.tag - b.tag)
      .map(([name, { tag, input, output, errors }]) => [
        tag,
        name,
        numbered(input),
        output === undefined ? null : numbered(output),
        [...(errors ?? [])].sort(),
      ])
  const parts: unknown[] = [content.machine, content.version, byTag(content.commands), byTag(content.queries)]
  const errors = Object.entries(content.errors).sort(([, a], [, b]) => a.tag - b.tag)
  parts.push(
    errors.map(([name, error]) => [error.tag, name, fields(error.fields)]),
    fields(content.state),
  )
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const type = content.types[name]
    if (type === undefined) continue
    if ('fields' in type) parts.push(fields(type.fields))
    else if ('is' in type) parts.push(numbered(type.is))
    else parts.push(type.variants.map((variant) => [variant.tag, numbered(variant.type)]))
  }
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}
