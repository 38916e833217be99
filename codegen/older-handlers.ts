// Where the handlers of a generation that is over are.
import { extname } from 'node:path'

/** `handlers.v1.ts`, beside `handlers.ts`. */
export function olderHandlersFile(handlersFile: string, version: number): string {
  const extension = extname(handlersFile)
  return `${handlersFile.slice(0, handlersFile.length - extension.length)}.v${version}${extension}`
}
