// A temporary directory that is gone when the command ends, however it ends.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** A thread of LevelDB's may be making a file meanwhile. */
const tries = 50
const pauseMs = 10

export async function withScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'raftgen-log-')))
  const onExit = (): void => remove(dir)
  const onSignal = (signal: NodeJS.Signals): void => {
    end()
    // As if nobody had listened.
    process.kill(process.pid, signal)
  }
  const end = (): void => {
    process.removeListener('exit', onExit)
    for (const signal of signals) process.removeListener(signal, onSignal)
    remove(dir)
  }
  process.once('exit', onExit)
  for (const signal of signals) process.once(signal, onSignal)
  try {
    return await work(dir)
  } finally {
    end()
  }
}

/** What is left all the same is in the way of nobody: the system clears its temporary directory. */
function remove(dir: string): void {
  for (let tried = 0; tried < tries; tried++) {
    try {
      return rmSync(dir, { recursive: true, force: true })
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
    }
  }
}
