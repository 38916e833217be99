import { isMigration } from '../machine/evolution.ts'
import type { Halt } from './options.ts'

/** What has happened, and the way out. */
export const haltSentence = (id: number, halt: Halt): string => `node ${id} ${haltText(halt)}`

/** The same of a node that was named before. */
export function haltText({ index, command, message, isFatal }: Halt): string {
  const start = `applies nothing from entry ${index} on:`
  if (isMigration(command) && !isFatal)
    return `${start} ${message}. Once a majority has stopped there, the leader skips that entry, and the version before stays in force`
  const what = `${isMigration(command) ? command : `the handler of ${command === '' ? 'that command' : command}`} failed there: ${message}`
  const again = isFatal ? 'start the nodes again with `retryHalted: true`' : 'start the nodes again'
  return `${start} ${what}. Mend it and ${again}, or skip the command: raftgen cluster skip ${index}`
}
