// A file that lines are added to. What was given to it is in the hands of the system before the next turn of the event loop is over: a process that is
// killed later loses none of it. The last line may be torn.
import { openSync, writeSync } from 'node:fs'

export class LineFile {
  readonly #descriptor: number
  #lines: string[] = []

  constructor(path: string) {
    this.#descriptor = openSync(path, 'a')
    // Ends a line that an earlier process had begun.
    writeSync(this.#descriptor, '\n')
  }

  add(line: string): void {
    if (this.#lines.push(line) === 1) setImmediate(() => this.flush())
  }

  flush(): void {
    if (this.#lines.length === 0) return
    let bytes = Buffer.from(`${this.#lines.join('\n')}\n`)
    this.#lines = []
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#descriptor, bytes))
  }
}
