// A temporary directory that is gone when the command ends, however it ends.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export async function withScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'raftgen-log-')))
  const remove = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  const onSignal = (signal: NodeJS.Signals): void => {
    end()
    // As if nobody had listened.
    process.kill(process.pid, signal)
  }
  const end = (): void => {
    process.removeListener('exit', remove)
    for (const signal of signals) process.removeListener(signal, onSignal)
    remove()
  }
  process.once('exit', remove)
  for (const signal of signals) process.once(signal, onSignal)
  try {
    return await work(dir)
  } finally {
    end()
  }
}
