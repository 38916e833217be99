// Nodes as TypeScript types.
import { mentionsAny, typesWithInputForm } from '../input-forms.ts'
import type { LiteralValue, Model, TypeNode } from '../model.ts'
import { quoted } from '../names.ts'

/** `log`: what the log and the state hold. `input`: what a caller gives, where defaults may be left out. */
export type Form = 'log' | 'input'

/** Types as one file writes them; told of every name it mentions. */
export class TypeText {
  /** Types whose two forms differ. */
  readonly twofold: ReadonlySet<string>
  readonly #mention: (name: string) => string

  constructor(model: Model, mention: (name: string) => string) {
    this.twofold = typesWithInputForm(
      model.types,
      [...model.commands, ...model.queries].map(({ input }) => input),
    )
    this.#mention = mention
  }

  of(node: TypeNode, form: Form = 'log'): string {
    switch (node.kind) {
      case 'string':
        return 'string'
      case 'integer':
      case 'number':
        return 'number'
      case 'bigint':
      case 'boolean':
      case 'null':
        return node.kind
      case 'bytes':
        return 'Uint8Array'
      case 'literals':
        return node.values.map(literalText).join(' | ')
      case 'array':
        return `readonly ${grouped(this.of(node.items, form))}[]`
      case 'tuple':
        return `readonly [${node.items.map((item) => this.of(item, form)).join(', ')}]`
      case 'map':
        return `ReadonlyMap<${this.of(node.key)}, ${this.of(node.value, form)}>`
      case 'nullable':
        return `${this.of(node.of, form)} | null`
      case 'named':
        return this.#mention(form === 'input' && mentionsAny(node, this.twofold) ? `${node.name}Input` : node.name)
    }
  }
}

export const literalText = (value: LiteralValue): string => (typeof value === 'string' ? quoted(value) : String(value))

/** What stands before `[]`. */
const grouped = (text: string): string => (text.includes(' | ') || text.startsWith('readonly ') ? `(${text})` : text)
