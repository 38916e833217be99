import Type, { type TUnsafe } from 'typebox'

export interface BytesOptions {
  /** Default 0. */
  readonly minLength?: number
  /** Default: as many as fit in a command. */
  readonly maxLength?: number
  /** Becomes the comment on the field. */
  readonly description?: string
}

/** Bytes, as a schema. */
export interface TBytes extends TUnsafe<Uint8Array> {
  readonly '~raftgen': 'bytes'
  readonly minLength?: number
  readonly maxLength?: number
}

/**
 * A schema for `Uint8Array`, which TypeBox has none for. TypeBox's own `Value.Check` judges it as raftgen does. Throws a `RangeError` when
 * a bound is not a whole number of bytes.
 */
export function bytes(options: BytesOptions = {}): TBytes {
  const { minLength = 0, maxLength } = options
  checkBound('minLength', minLength)
  if (maxLength !== undefined) checkBound('maxLength', maxLength)
  const fits = (value: unknown): boolean =>
    value instanceof Uint8Array && value.length >= minLength && (maxLength === undefined || value.length <= maxLength)
  const schema = Type.Unsafe<Uint8Array>({ '~raftgen': 'bytes', ...options })
  return Object.assign(
    Type.Refine(schema, fits, () => `must be a Uint8Array within its bounds`),
    { '~raftgen': 'bytes' } as const,
  )
}

function checkBound(name: string, bound: number): void {
  if (!Number.isSafeInteger(bound) || bound < 0) throw new RangeError(`bytes: ${name} is ${bound}, a whole number of bytes is required`)
}
