// The processes of a stage: ended by their own process ids alone, and watched. One that ends without having been told to is a problem.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** Built by `npm run build:examples`. */
export const programFile = (name: string): string => new URL(`../../dist/test/chaos/programs/${name}.js`, import.meta.url).pathname

/** Of what a process writes to stderr, the end is kept. */
const saidMax = 20_000

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  readonly stderr: string
}

export class Process {
  readonly exited: Promise<Exit>
  exit: Exit | undefined
  /** It was told to end. */
  isEnding = false
  residentBytesMax = 0
  readonly #child: ChildProcess
  #stderr = ''

  constructor([file = '', ...args]: readonly string[], options: { readonly onMessage: (message: unknown) => void }) {
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child = child
    started.add(child)
    child.stderr?.on('data', (chunk) => {
      this.#stderr = (this.#stderr + String(chunk)).slice(-saidMax)
    })
    child.on('message', options.onMessage)
    // It ends while an order is on its way to it.
    child.on('error', () => undefined)
    this.exited = once(child, 'close').then(([code, signal]) => {
      started.delete(child)
      this.exit = { code, signal, stderr: this.#stderr.trim() }
      return this.exit
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Whether it was given to the process; perhaps that has ended. */
  send(order: object): void {
    if (this.#child.connected) this.#child.send(order, () => undefined)
  }

  /** Of a process that may have ended. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.isEnding = true
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited
  }

  /** Looks at how much memory it has now, where the system tells. */
  sample(): void {
    try {
      const text = readFileSync(`/proc/${this.pid}/status`, 'utf8')
      const kibibytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0)
      this.residentBytesMax = Math.max(this.residentBytesMax, kibibytes * 1_024)
    } catch {
      // It has ended, or the system is another one.
    }
  }
}

const started = new Set<ChildProcess>()
// However this process ends, short of kill -9, those that it started end with it; stopped ones, too.
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})
