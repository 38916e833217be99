// Types as the wire lock writes them, read back: the inverse of `nodeText`. All that is on the wire is in the lock, for every version that it has.
import type { LiteralValue } from './model.ts'

/** What bytes mean, without what bounds them. */
export type LockedNode =
  | { readonly kind: 'string' | 'integer' | 'number' | 'bigint' | 'bytes' | 'boolean' | 'null' }
  | { readonly kind: 'literals'; readonly values: readonly LiteralValue[] }
  | { readonly kind: 'nullable'; readonly of: LockedNode }
  | { readonly kind: 'array'; readonly items: LockedNode }
  | { readonly kind: 'tuple'; readonly items: readonly LockedNode[] }
  | { readonly kind: 'map'; readonly key: LockedNode; readonly value: LockedNode }
  | { readonly kind: 'named'; readonly name: string }

const scalars = ['string', 'integer', 'number', 'bigint', 'bytes', 'boolean', 'null'] as const
const tokens = /\s+|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[\p{ID_Start}$_][\p{ID_Continue}$]*|\[\]|[()[\]<>,|]/uy

/** Throws a `SyntaxError` for what no release of raftgen has written. */
export function parseLockedType(text: string): LockedNode {
  const parser = new Parser(text)
  const node = parser.union()
  parser.end()
  return node
}

/** A field of the state: a table has no other place. */
export type LockedStateNode =
  | { readonly kind: 'table'; readonly key: LockedNode; readonly value: LockedNode }
  | { readonly kind: 'cell'; readonly type: LockedNode }

/** The same for a field of the state. */
export function parseLockedState(text: string): LockedStateNode {
  const entry = /^Table<(.*)>$/su.exec(text)?.[1]
  if (entry === undefined) return { kind: 'cell', type: parseLockedType(text) }
  // What a table has between its brackets is written as in a Map.
  const node = parseLockedType(`Map<${entry}>`)
  if (node.kind !== 'map') throw new SyntaxError(`the wire lock has the type ${text}, which is none`)
  return { kind: 'table', key: node.key, value: node.value }
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly string[]
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  union(): LockedNode {
    const members = [this.#postfix()]
    while (this.#maybe('|')) members.push(this.#postfix())
    const [only] = members
    if (only !== undefined && members.length === 1) return only
    const isNullable = members.at(-1)?.kind === 'null'
    const rest = isNullable ? members.slice(0, -1) : members
    const of = rest.length === 1 ? rest[0] : literalsOf(rest)
    if (of === undefined) throw this.#wrong()
    return isNullable ? { kind: 'nullable', of } : of
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw this.#wrong()
  }

  #postfix(): LockedNode {
    let node = this.#primary()
    while (this.#maybe('[]')) node = { kind: 'array', items: node }
    return node
  }

  #primary(): LockedNode {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw this.#wrong()
    if (token === '(') return this.#closed(this.union(), ')')
    // A tuple without items looks like an array's end.
    if (token === '[]') return { kind: 'tuple', items: [] }
    if (token === '[') return this.#closed({ kind: 'tuple', items: this.#list() }, ']')
    if (token === 'Map' && this.#maybe('<')) {
      const [key, value, ...more] = this.#list()
      if (key === undefined || value === undefined || more.length > 0) throw this.#wrong()
      return this.#closed({ kind: 'map', key, value }, '>')
    }
    const literal = literalOf(token)
    if (literal !== undefined) return { kind: 'literals', values: [literal] }
    const scalar = scalars.find((name) => name === token)
    if (scalar !== undefined) return { kind: scalar }
    if (!/^[\p{ID_Start}$_]/u.test(token)) throw this.#wrong()
    return { kind: 'named', name: token }
  }

  #list(): readonly LockedNode[] {
    const items = [this.union()]
    while (this.#maybe(',')) items.push(this.union())
    return items
  }

  #closed<T>(node: T, end: string): T {
    if (!this.#maybe(end)) throw this.#wrong()
    return node
  }

  #maybe(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false
    this.#at++
    return true
  }

  #wrong(): SyntaxError {
    return new SyntaxError(`the wire lock has the type ${this.#text}, which is none`)
  }
}

function tokensOf(text: string): readonly string[] {
  const found = [...text.matchAll(new RegExp(tokens, 'guy'))].map(([token]) => token)
  if (found.join('') !== text) throw new SyntaxError(`the wire lock has the type ${text}, which is none`)
  return found.filter((token) => token.trim() !== '')
}

function literalOf(token: string): LiteralValue | undefined {
  if (!/^["\d-]|^(?:true|false)$/.test(token)) return undefined
  const value: unknown = JSON.parse(token)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}

/** Several literals are one set of them. */
function literalsOf(nodes: readonly LockedNode[]): LockedNode | undefined {
  const values = nodes.flatMap((node) => (node.kind === 'literals' ? node.values : []))
  return values.length === nodes.length ? { kind: 'literals', values } : undefined
}
