// What a node says of its damage, read as its operator would: where, what, and what to do.
import type { Ended } from './replicas.ts'

/**
 * join         start on an empty directory, with `join`
 * putBack      what belongs there is to be put back: a wrong directory was given, or a file of another node
 * removeFile   the file that the message names is to be removed
 * startAgain   nothing but that
 */
export type Advice = 'join' | 'putBack' | 'removeFile' | 'startAgain'

/** Of one that moves a database aside. */
const movingFile = /says (\S+)\. Stop it; .* remove that file/

const advices: readonly (readonly [Advice, RegExp])[] = [
  ['removeFile', movingFile],
  ['putBack', /Put back|Correct|restore a backup|Go back|Mend that|Run the version of raftgen that wrote it/],
  ['join', /start (?:it|the node) (?:on an empty one )?with `join`/],
  ['startAgain', /[Ss]tart (?:the node )?again|then start the node again|Stop the other process/],
]

export const adviceOf = (message: string): Advice | undefined => advices.find(([, pattern]) => pattern.test(message))?.[0]

export const fileToRemove = (message: string): string | undefined => movingFile.exec(message)?.[1]

/** A message names the path and a way out. */
export const isComplete = ({ code, message }: Ended, dir: string): boolean =>
  code !== '' && message.includes(dir) && adviceOf(message) !== undefined

/** Said by nodes of which nothing is damaged, too: peers come and go. */
export const isRoutine = (message: string): boolean => routine.some((pattern) => pattern.test(message))

const routine = [/^cannot connect to node/, /^lost the connection to node/, /has known no leader for/]
