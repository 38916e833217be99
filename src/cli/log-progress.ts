// What a long reading says on the way: nothing in its first second, then a line every two.
import { basename } from 'node:path'
import type { InspectOptions } from '../storage/inspect.ts'
import type { Terminal } from './terminal.ts'

const quietMs = 1_000
const betweenMs = 2_000

/** Says what it is told on `terminal.err`, and not more of it than that. `what` is asked for only then. */
export function slowly(terminal: Terminal): (what: () => string) => void {
  let next = performance.now() + quietMs
  return (what) => {
    const now = performance.now()
    if (now < next) return
    next = now + betweenMs
    terminal.err(what())
  }
}

export function progressOf(dir: string, terminal: Terminal): Pick<InspectOptions, 'onProgress' | 'onSnapshot'> {
  const say = slowly(terminal)
  const verifying = (what: string): void => say(() => `verifying ${dir}: ${what}`)
  return {
    onProgress: ({ index, lastIndex }) =>
      verifying(lastIndex === undefined ? `entry ${index}` : `entry ${index} of ${Math.max(index, lastIndex)}`),
    onSnapshot: (file) => verifying(basename(file)),
  }
}
