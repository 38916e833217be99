import type { VariantStep } from '../../evolution/step.ts'
import type { NamedType, UnionType, Variant } from '../../model.ts'
import { propertyAccess } from '../../names.ts'
import { literalText } from '../type-text.ts'
import { shapeTest } from '../variants.ts'
import type { StepWriter } from './step-writer.ts'
import { endsOf, type Way } from './way.ts'

export interface UnionNames {
  readonly before: string
  readonly after: string
  readonly way: Way
}

/** The body of a function. Which variant a value is shows as it does in the codec of the version that it comes from. */
export function unionLines(writer: StepWriter, steps: readonly VariantStep[], { before, after, way }: UnionNames): readonly string[] {
  const { source } = endsOf(way)
  const { types } = writer.sides(way).from.model
  const { variants, discriminator } = unionOf(types.get(way === 'up' ? before : after))
  const made = (variant: Variant): string => {
    const step = steps.find((one) => one.kind === 'kept' && (way === 'up' ? one.before : one.after).key === variant.key)
    if (step?.kind === 'kept') return writer.step(step.type, { value: source, at: after, way })
    return writer.refuse(
      `${after} is of a kind that is ${way === 'up' ? 'gone since' : 'new in'} version ${writer.pair.after.version}: ${variant.key}`,
      way,
    )
  }
  const objects = variants.filter(({ shape }) => shape === 'object')
  const plain = variants.filter(({ shape }) => shape !== 'object')
  const tested = (variant: Variant): string => `  if (${shapeTest(writer.module, variant.shape, source)}) return ${made(variant)}`
  if (discriminator !== undefined && objects.length > 1) {
    const cases = objects.flatMap((variant) => [
      `    case ${variant.discriminant === undefined ? 'undefined' : literalText(variant.discriminant)}:`,
      `      return ${made(variant)}`,
    ])
    return [...plain.map(tested), `  switch (${propertyAccess(source, discriminator)}) {`, ...cases, '  }']
  }
  const ordered = [...plain, ...objects]
  return ordered.map((variant, i) => (i === ordered.length - 1 ? `  return ${made(variant)}` : tested(variant)))
}

function unionOf(type: NamedType | undefined): UnionType {
  if (type?.kind !== 'union') throw new Error('the step of a union is between unions')
  return type
}
