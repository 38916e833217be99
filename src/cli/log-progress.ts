// What a long reading says on the way: nothing in its first second, then a line every two.
import { basename } from 'node:path'
import type { InspectOptions } from '../storage/inspect.ts'
import type { Terminal } from './terminal.ts'

const quietMs = 1_000
const betweenMs = 2_000

export function progressOf(dir: string, terminal: Terminal): Pick<InspectOptions, 'onProgress' | 'onSnapshot'> {
  let next = performance.now() + quietMs
  const say = (what: string): void => {
    const now = performance.now()
    if (now < next) return
    next = now + betweenMs
    terminal.err(`verifying ${dir}: ${what}`)
  }
  return {
    onProgress: ({ index, lastIndex }) =>
      say(lastIndex === undefined ? `entry ${index}` : `entry ${index} of ${Math.max(index, lastIndex)}`),
    onSnapshot: (file) => say(basename(file)),
  }
}
