import { relative, sep } from 'node:path'
import { styleText } from 'node:util'

/** Where a command speaks: data on `out`, the rest on `err`. */
export interface Terminal {
  out(line: string): void
  err(line: string): void
  readonly paint: Paint
  /** Resolves when whoever reads `out` keeps up: for who has a lot to say. Default: he does. */
  readonly drained?: () => Promise<void>
  /** What a person answers; there is none where nobody sits at a terminal. */
  readonly ask?: (question: string) => Promise<string>
}
export type Paint = (style: 'red' | 'yellow' | 'dim' | 'bold', text: string) => string

/** Colour only where somebody sees it: on a terminal, unless NO_COLOR says otherwise. */
export const processTerminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  paint: (style, text) => (process.stderr.isTTY === true && process.stderr.hasColors() ? styleText(style, text) : text),
  drained: () => (process.stdout.writableNeedDrain ? new Promise((resolve) => process.stdout.once('drain', resolve)) : Promise.resolve()),
  ...(process.stdin.isTTY === true && process.stderr.isTTY === true ? { ask } : {}),
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const asked = createInterface({ input: process.stdin, output: process.stderr })
  // The end of input is an answer, too.
  const ended = new Promise<string>((resolve) => asked.once('close', () => resolve('')))
  try {
    return await Promise.race([asked.question(`${question} `), ended])
  } finally {
    asked.close()
  }
}

/** Relative to the working directory, with `/`. */
export const shownPath = (path: string): string => {
  const shown = relative(process.cwd(), path).split(sep).join('/')
  return shown === '' ? '.' : shown
}

/** `1 error`, `3 errors`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** `12,345` */
export const grouped = (count: number): string => count.toLocaleString('en')
