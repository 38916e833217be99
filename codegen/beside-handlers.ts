// Files of the user's that raftgen begins beside the handlers, and what they are called.
import { basename, dirname, extname, join } from 'node:path'

/** Handlers of a generation that is over: `handlers.v1.ts`. */
export function olderHandlersFile(handlersFile: string, version: number): string {
  const extension = extname(handlersFile)
  return join(dirname(handlersFile), `${basename(handlersFile, extension)}.v${version}${extension}`)
}

/** Functions between versions: `migrations.ts`; beside handlers of another name, `bank.ts`, it is `bank.migrations.ts`, since others may be there. */
export function migrationsFileOf(handlersFile: string): string {
  const extension = extname(handlersFile)
  const name = basename(handlersFile, extension)
  return join(dirname(handlersFile), name === 'handlers' ? `migrations${extension}` : `${name}.migrations${extension}`)
}
