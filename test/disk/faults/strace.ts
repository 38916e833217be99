// Calls of the system that fail or take long, injected by strace: into a process that runs, or into one from its start.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from '../../server/servers.ts'
import type { Wrap } from '../replicas.ts'
import { missingTools, output } from './tools.ts'

/** `calls`: of the system, with commas. `what`: as strace has it, `error=EIO` or `delay_enter=100000` (microseconds). */
export interface Injection {
  readonly calls: string
  readonly what: string
  /** Only calls for this file. */
  readonly path: string
  /** File that gets a line for each of them. Default: none does. */
  readonly trace?: string
}

const flags = ({ calls, what, path, trace = '/dev/null' }: Injection): readonly string[] => [
  '-qq',
  '-f',
  ...['-e', 'signal=none'],
  ...['-P', path],
  ...['-e', `trace=${calls}`],
  ...['-e', `inject=${calls}:${what}`],
  ...['-o', trace],
]

/** Whether strace may trace at all: containers often forbid it. */
export async function missingStrace(): Promise<string | undefined> {
  const missing = await missingTools(['strace'])
  if (missing !== undefined) return missing
  const probe = output('strace', ['-qq', '-o', '/dev/null', '-e', 'trace=openat', 'true'])
  return await probe.then(
    () => undefined,
    (error: Error) => `strace does not work here: ${error.message.split('\n').at(-1)}`,
  )
}

/** Into a process that is started. */
export const straced = (injection: Injection): Wrap => ({ command: ['strace', ...flags(injection)], env: { UV_THREADPOOL_SIZE: '1' } })

/** Into a process that runs. Resolves once it is in force; the result ends it. */
export async function inject(pid: number, injection: Injection): Promise<() => Promise<void>> {
  // Without -qq it says to whom it is attached.
  const args = flags(injection).filter((flag) => flag !== '-qq')
  const child = spawn('strace', [...args, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] })
  const closed = once(child, 'close')
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
  })
  await eventually('strace', () => (said.includes('attached') ? true : undefined)).catch(() => {
    throw new Error(`strace cannot attach to process ${pid}: ${said}`)
  })
  return async () => {
    child.kill('SIGTERM')
    await closed
  }
}
