// Both ways of a value, as an object that `versions.ts` holds.
import type { TypeNode } from '../../model.ts'
import type { StepWriter } from './step-writer.ts'
import { endsOf, type Way } from './way.ts'

export interface Nodes {
  readonly before: TypeNode
  readonly after: TypeNode
}

export interface StepOptions {
  readonly at: string
  readonly down: 'down' | 'exactly'
  /** Of what goes up. */
  readonly check?: (text: string) => string
}

export function valueStep(writer: StepWriter, { before, after }: Nodes, { at, down, check }: StepOptions): string {
  const one = (way: Way): string => {
    const { source } = endsOf(way)
    const text = writer.convert(before, after, { value: source, at, way })
    if (text === source) return writer.module.use('asIs')
    const given = writer.sides(way).from.text.of(way === 'up' ? before : after)
    if (way === 'up' && check !== undefined) return `(${source}: ${given}) => ${check(text)}`
    const [, called] = /^(\w+V\d+ToV\d+\w*|upcast\w+)\((older|newer)\)$/.exec(text) ?? []
    return called ?? `(${source}: ${given}) => ${text}`
  }
  return `{ up: ${one('up')}, down: ${one(down)} }`
}
