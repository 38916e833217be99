// What the commands of the benchmark share: their options, folders that go with them, and how they end.
import { InvalidArgumentError } from 'commander'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Of an option that is a number above 0. */
export function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('Give a number above 0.')
  return value
}

/** Wrong use, in a sentence. */
export class BenchRefused extends Error {
  override readonly name = 'BenchRefused'
}

/** Runs `work`; where it cannot be done, says why and ends with 1. */
export async function ended(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    console.error(error instanceof BenchRefused ? `error: ${error.message}` : error)
    process.exit(1)
  }
}

const tasks: (() => void)[] = []

/** Runs `task` when this process ends, whatever ends it, but for a SIGKILL. */
export function atExit(task: () => void): void {
  if (tasks.length === 0) {
    process.once('exit', () => {
      for (const one of tasks.toReversed()) one()
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGPIPE'] as const) process.once(signal, () => process.exit(1))
  }
  tasks.push(task)
}

/** An empty folder in `dir` that goes with this process. */
export function folderIn(dir: string): string {
  try {
    const folder = mkdtempSync(join(dir, 'raftgen-bench-'))
    atExit(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
    return folder
  } catch (error) {
    throw new BenchRefused(`--dir ${dir}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
