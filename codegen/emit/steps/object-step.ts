// The step of something with fields: an object type, or a declared error.
import type { FieldStep } from '../../evolution/step.ts'
import type { Field } from '../../model.ts'
import { lowerFirst, propertyAccess, propertyName, quoted } from '../../names.ts'
import { ownerOf } from '../codec-writer.ts'
import { valueText } from '../literal-text.ts'
import type { Side, StepWriter } from './step-writer.ts'
import { endsOf, type Way } from './way.ts'

export interface ObjectShape {
  /** In messages. */
  readonly owner: string
  /** Of what comes of it. */
  readonly type: string
  readonly way: Way
  /** Of an error, in the version that it goes to. */
  readonly code?: string
}

/** The body of a function. */
export function objectLines(writer: StepWriter, steps: readonly FieldStep[], shape: ObjectShape): readonly string[] {
  const lines = new ObjectLines(writer, shape)
  for (const step of steps) lines.field(step)
  return lines.all()
}

class ObjectLines {
  readonly #writer: StepWriter
  readonly #shape: ObjectShape
  readonly #source: string
  readonly #target: string
  readonly #guards: string[] = []
  readonly #entries: string[] = []
  /** Of fields that may be absent. */
  readonly #late: string[] = []
  #refusal: string | undefined

  constructor(writer: StepWriter, shape: ObjectShape) {
    this.#writer = writer
    this.#shape = shape
    const { source, target } = endsOf(shape.way)
    this.#source = source
    this.#target = target
    if (shape.code !== undefined) this.#entries.push(`code: ${quoted(shape.code)}`)
  }

  field(step: FieldStep): void {
    const isUp = this.#shape.way === 'up'
    if (step.kind === 'kept') {
      const [given, made] = isUp ? [step.before, step.after] : [step.after, step.before]
      const value = propertyAccess(this.#source, given.name)
      const at = `${this.#shape.owner}.${step.after.name}`
      return this.#kept({ given, made, value, converted: this.#writer.step(step.type, { value, at, way: this.#shape.way }) })
    }
    if ((step.kind === 'added') === isUp) return this.#missing(step.kind === 'added' ? step.after : step.before)
    if (step.kind === 'added') this.#leftOut(step.after)
  }

  all(): readonly string[] {
    if (this.#refusal !== undefined) return [`  return ${this.#refusal}`]
    const entries = this.#entries.map((entry) => `    ${entry},`)
    const [only] = this.#entries
    if (this.#late.length === 0 && entries.length < 2)
      return [...this.#guards, `  return Object.freeze({${only === undefined ? '' : ` ${only} `}})`]
    if (this.#late.length === 0) return [...this.#guards, '  return Object.freeze({', ...entries, '  })']
    const head = `  const ${this.#target}: ${this.#writer.module.useType('Mutable')}<${this.#shape.type}> =`
    const start = entries.length === 0 ? [`${head} {}`] : [`${head} {`, ...entries, '  }']
    return [...this.#guards, ...start, ...this.#late, `  return Object.freeze(${this.#target})`]
  }

  #kept({ given, made, value, converted }: KeptField): void {
    if (given.presence !== 'optional') return this.#entry(made, converted)
    if (made.presence === 'optional') {
      this.#late.push(`  if (${value} !== undefined) ${propertyAccess(this.#target, made.name)} = ${converted}`)
      return
    }
    const { owner, way } = this.#shape
    const { version } = this.#writer.sides(way).to.model
    const absent =
      made.presence === 'default'
        ? this.#defaultText(made)
        : this.#writer.refuse(`${owner}.${given.name} is absent, and version ${version} requires it`, way)
    this.#entry(made, `${value} === undefined ? ${absent} : ${converted}`)
  }

  /** What is given has no such field. */
  #missing(made: Field): void {
    if (made.presence === 'optional') return
    if (made.presence === 'default') return this.#entry(made, this.#defaultText(made))
    const { owner, way } = this.#shape
    const { before, after } = this.#writer.pair
    const field = `${owner}.${made.name}`
    const isGone = `${field} is gone since version ${after.version}, and version ${before.version} requires it`
    this.#refusal ??= this.#writer.refuse(way === 'up' ? `${field} is new and required in version ${after.version}` : isGone, way)
  }

  /** What comes of it has no such field. */
  #leftOut(given: Field): void {
    const { owner, way } = this.#shape
    if (way !== 'exactly') return
    const message = `${owner}.${given.name} is new in version ${this.#writer.pair.after.version}`
    if (given.presence === 'required') {
      this.#refusal ??= this.#writer.inexpressible(message)
      return
    }
    const value = propertyAccess(this.#source, given.name)
    const isSet = given.presence === 'optional' ? `${value} !== undefined` : this.#differs(value, given)
    this.#guards.push(`  if (${isSet}) throw new ${this.#writer.module.use('Inexpressible')}(${quoted(message)})`)
  }

  #differs(value: string, field: Field): string {
    const text = this.#defaultText(field, this.#writer.newer)
    return isScalar(field.default) ? `${value} !== ${text}` : `!${this.#writer.module.use('isSame')}(${value}, ${text})`
  }

  #entry(made: Field, value: string): void {
    this.#entries.push(`${propertyName(made.name)}: ${value}`)
  }

  /** Scalars stand where they are used; anything larger is made once. */
  #defaultText(field: Field, side: Side = this.#writer.sides(this.#shape.way).to): string {
    const { module } = this.#writer
    const text = valueText(field.default, () => module.use('frozenMap'))
    if (isScalar(field.default)) return text
    const name = `${lowerFirst(ownerOf(this.#shape.owner, field.name))}Default${side.label.toUpperCase()}`
    module.once(`const ${name}: ${side.text.of(field.type)} = ${text}`)
    return name
  }
}

interface KeptField {
  readonly given: Field
  readonly made: Field
  readonly value: string
  readonly converted: string
}

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null
