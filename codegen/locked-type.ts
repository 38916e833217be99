// Types as the wire lock writes them, read back: the inverse of `nodeText`. Where an older release wrote them there are no bounds.
import { isFormatName } from '../src/contract/v1/values-format.ts'
import type { KeyNode, LiteralValue, TypeNode } from './model.ts'

const scalars = ['string', 'integer', 'number', 'bigint', 'bytes', 'boolean', 'null'] as const
type Scalar = (typeof scalars)[number]
const tokens = /\s+|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[\p{ID_Start}$_][\p{ID_Continue}$]*|\[\]|[()[\]<>,|]/uy

/** Throws a `SyntaxError` for what no release of raftgen has written. */
export function parseLockedType(text: string): TypeNode {
  const parser = new Parser(text)
  const node = parser.union()
  parser.end()
  return node
}

/** A field of the state: a table has no other place. */
export type LockedStateNode =
  | { readonly kind: 'table'; readonly key: KeyNode; readonly value: TypeNode }
  | { readonly kind: 'cell'; readonly type: TypeNode }

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

  union(): TypeNode {
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

  #postfix(): TypeNode {
    let node = this.#primary()
    while (this.#maybe('[]')) {
      const bounds = this.#bounds(['minItems', 'maxItems', 'unique'])
      const [minItems, maxItems] = [bounds.number('minItems'), bounds.number('maxItems')]
      node = { kind: 'array', items: node, minItems, maxItems, unique: bounds.has('unique') }
    }
    return node
  }

  #primary(): TypeNode {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw this.#wrong()
    if (token === '(') return this.#closed(this.union(), ')')
    // A tuple without items looks like an array's end.
    if (token === '[]') return { kind: 'tuple', items: [] }
    if (token === '[') return this.#closed({ kind: 'tuple', items: this.#list() }, ']')
    if (token === 'Map' && this.#maybe('<')) {
      const [key, value, ...more] = this.#list()
      if (key === undefined || !isKey(key) || value === undefined || more.length > 0) throw this.#wrong()
      const map = this.#closed({ kind: 'map', key, value } as const, '>')
      const bounds = this.#bounds(['minEntries', 'maxEntries'])
      return { ...map, minEntries: bounds.number('minEntries'), maxEntries: bounds.number('maxEntries') }
    }
    const literal = literalOf(token)
    if (literal !== undefined) return { kind: 'literals', values: [literal] }
    const scalar = scalars.find((name) => name === token)
    if (scalar !== undefined) return this.#scalar(scalar)
    if (!/^[\p{ID_Start}$_]/u.test(token)) throw this.#wrong()
    return { kind: 'named', name: token }
  }

  #scalar(kind: Scalar): TypeNode {
    switch (kind) {
      case 'string': {
        const bounds = this.#bounds(['minLength', 'maxLength', 'pattern', 'flags', 'format'])
        const format = bounds.text('format')
        if (format !== undefined && !isFormatName(format)) throw this.#wrong()
        const source = bounds.text('pattern')
        const pattern = source === undefined ? undefined : { source, flags: bounds.text('flags') ?? 'u' }
        return { kind, ...lengths(bounds), pattern, format }
      }
      case 'integer': {
        const bounds = this.#bounds(['minimum', 'maximum', 'multipleOf'])
        return { kind, minimum: bounds.number('minimum'), maximum: bounds.number('maximum'), multipleOf: bounds.number('multipleOf') }
      }
      case 'number': {
        const names = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'] as const
        const bounds = this.#bounds(names)
        const [minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf] = names.map((name) => bounds.number(name))
        return { kind, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }
      }
      case 'bigint': {
        const bounds = this.#bounds(['minimum', 'maximum', 'multipleOf'])
        return { kind, minimum: bounds.bigint('minimum'), maximum: bounds.bigint('maximum'), multipleOf: bounds.bigint('multipleOf') }
      }
      case 'bytes':
        return { kind, ...lengths(this.#bounds(['minLength', 'maxLength'])) }
      default:
        return { kind }
    }
  }

  /** `(name value, name value, name)`, of `names`, each at most once; none where no bracket opens. */
  #bounds(names: readonly string[]): Bounds {
    const tokens = new Map<string, string>()
    const bounds = new Bounds(tokens, () => this.#wrong())
    if (!this.#maybe('(')) return bounds
    do {
      const name = this.#tokens[this.#at++] ?? ''
      if (!names.includes(name) || tokens.has(name)) throw this.#wrong()
      tokens.set(name, name === 'unique' ? '' : (this.#tokens[this.#at++] ?? ''))
    } while (this.#maybe(','))
    return this.#closed(bounds, ')')
  }

  #list(): readonly TypeNode[] {
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
function literalsOf(nodes: readonly TypeNode[]): TypeNode | undefined {
  const values = nodes.flatMap((node) => (node.kind === 'literals' ? node.values : []))
  return values.length === nodes.length ? { kind: 'literals', values } : undefined
}

const isKey = (node: TypeNode): node is KeyNode => node.kind === 'string' || node.kind === 'integer'

const lengths = (bounds: Bounds): { readonly minLength: number | undefined; readonly maxLength: number | undefined } => ({
  minLength: bounds.number('minLength'),
  maxLength: bounds.number('maxLength'),
})

/** What stood between the brackets behind a type. */
class Bounds {
  readonly #tokens: ReadonlyMap<string, string>
  readonly #wrong: () => Error

  constructor(tokens: ReadonlyMap<string, string>, wrong: () => Error) {
    this.#tokens = tokens
    this.#wrong = wrong
  }

  has(name: string): boolean {
    return this.#tokens.has(name)
  }

  number(name: string): number | undefined {
    const token = this.#matching(name, /^-?\d/)
    return token === undefined ? undefined : Number(token)
  }

  bigint(name: string): bigint | undefined {
    const token = this.#matching(name, /^-?\d+$/)
    return token === undefined ? undefined : BigInt(token)
  }

  text(name: string): string | undefined {
    const token = this.#matching(name, /^"/)
    return token === undefined ? undefined : String(JSON.parse(token))
  }

  #matching(name: string, form: RegExp): string | undefined {
    const token = this.#tokens.get(name)
    if (token !== undefined && !form.test(token)) throw this.#wrong()
    return token
  }
}
