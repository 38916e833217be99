import { WrongUse } from './wrong-use.ts'
import { grouped } from './terminal.ts'

export interface Bounds {
  readonly min: number
  readonly max: number
  /** Where the option is not given. */
  readonly otherwise: number
}

/** What the option says. Throws `WrongUse` for what is no whole number within the bounds. */
export function wholeNumber(option: string, text: string | undefined, { min, max, otherwise }: Bounds): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `from ${min} to ${grouped(max)}`
  throw new WrongUse(`${option}: '${text}' is not a whole number ${range}`, `Default: ${grouped(otherwise)}.`)
}
