// What is said when a value does not fit its schema. The path is put together while the error travels up, so that a value that fits costs
// nothing for it.

/** A value that does not fit its schema: `input.name has 0 characters, at least 1 is required`. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue'
  /** Where it is: `input.items[3].name`. */
  path: string
  /** What is wrong there, without the path. */
  readonly problem: string

  constructor(key: string | number, problem: string) {
    super(problem)
    this.path = segment(key)
    this.problem = problem
  }

  /** Says that what this error is about lies under `key`. */
  under(key: string | number): this {
    return this.from(segment(key))
  }

  /** Says that the path begins at `root`, a word of its own. */
  from(root: string): this {
    this.path = root + this.path
    this.message = `${this.path} ${this.problem}`
    return this
  }
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** One step of a path; none for the empty key. */
function segment(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`
  if (key === '') return ''
  return identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

/** Refuses `value` because it is not `wanted`: `is 5, a string is required`. */
export function refuse(value: unknown, key: string | number, wanted: string): never {
  throw new InvalidValue(key, value === undefined ? 'is missing' : `is ${show(value)}, ${wanted} is required`)
}

/** A value as messages name it; long text is cut. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}...` : JSON.stringify(value)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return 'an array'
      if (value instanceof Uint8Array) return 'bytes'
      if (value instanceof Map) return 'a Map'
      return value instanceof Date ? 'a Date' : 'an object'
    case 'function':
      return 'a function'
    case 'bigint':
      return shorten(`${value}n`)
    default:
      return String(value)
  }
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text)

/** Runs `check` on the value of a field or item, and completes the path of what it throws. */
export function within<T>(value: unknown, key: string | number, check: (value: unknown) => T): T {
  try {
    return check(value)
  } catch (error) {
    throw error instanceof InvalidValue ? error.under(key) : error
  }
}
