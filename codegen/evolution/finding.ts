import type { Spot } from '../build/where.ts'
import { type EvolutionCode, type Level, levelOf, ruleOf, type Use } from './rules.ts'

/** Where a type is used: the same edit of it is told once for each. */
export type Subject = 'command' | 'result' | 'error' | 'query' | 'state' | 'machine'

/** One edit between two versions, in one use. */
export interface Finding {
  readonly rule: EvolutionCode
  readonly subject: Subject
  readonly level: Level
  /** A sentence with the values in it. */
  readonly message: string
  /** What it was and what it is: types, names, values, as the wire lock writes them. None where there was or is nothing. */
  readonly before: string | undefined
  readonly after: string | undefined
  /** The way out. */
  readonly hint: string
  readonly where: Spot
}

export interface UsedAs {
  readonly subject: Subject
  readonly use: Use
  /** `the result of acquire` */
  readonly words: string
}

export interface Change {
  readonly rule: EvolutionCode
  /** What is different, without where it is used. */
  readonly message: string
  readonly before: string | undefined
  readonly after: string | undefined
  readonly where: Spot
}

/** Of something whose level depends on where it is used. `readersReady`: no client of the older version is left. */
export function findingOf(
  { rule, message, before, after, where }: Change,
  { subject, use, words }: UsedAs,
  readersReady: boolean,
): Finding {
  const found = ruleOf(rule)
  const level = found.of === 'value' ? levelOf(found, use, readersReady) : found.level
  return { rule, subject, level, message: `${message}, in ${words}`, before, after, hint: found.wayOut, where }
}

/** Of an operation, or of the lock. */
export function machineFinding({ rule, message, before, after, where }: Change, subject: Subject, readersReady: boolean): Finding {
  const found = ruleOf(rule)
  const own = found.of === 'machine' ? found.level : 'breaking'
  const level = readersReady && found.of === 'machine' && found.readers === true ? 'safe' : own
  return { rule, subject, level, message, before, after, hint: found.wayOut, where }
}
