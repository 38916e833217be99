// Workers that share the cases. One that ends in the middle of a case has shown something: the case failed, and another worker goes on.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Result } from './result.ts'
import { isReport, type Order, type Report } from './worker.ts'

const jiti = new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url).pathname
const workerFile = new URL('./worker.ts', import.meta.url).pathname
/** Far beyond what all that a case waits for may take together. */
const caseTimeoutMs = 150_000

export interface PoolOptions {
  readonly seed: number
  /** Folder for whatever the workers write. */
  readonly folder: string
}

/** Runs all cases that `choose` takes of those drawn and of all there are; tells of each as it ends. */
export async function runCases(
  { workers, each, ...options }: PoolOptions & { readonly workers: number; readonly each: number },
  choose: (drawn: readonly string[], all: readonly string[]) => readonly string[],
  told: (result: Result, progress: { readonly done: number; readonly count: number }) => void,
): Promise<void> {
  const first = await Worker.start(options)
  const { names, all } = await first.draw(each)
  const chosen = choose(names, all)
  const waiting = [...chosen]
  let done = 0
  const loop = async (begun?: Worker): Promise<void> => {
    let worker = begun
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      worker ??= await Worker.start(options)
      const result = await worker.run(name)
      if (worker.hasEnded) worker = undefined
      done++
      told(result, { done, count: chosen.length })
    }
    await worker?.end()
  }
  await Promise.all(Array.from({ length: Math.max(1, workers) }, (_, i) => loop(i === 0 ? first : undefined)))
}

class Worker {
  hasEnded = false
  readonly #child: ChildProcess
  #stderr = ''
  #receive: (report: Report | undefined) => void = () => undefined

  static async start({ seed, folder }: PoolOptions): Promise<Worker> {
    const child = spawn(process.execPath, [jiti, workerFile, String(seed)], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      env: { ...process.env, TMPDIR: folder },
    })
    const worker = new Worker(child)
    if ((await worker.#next()) === undefined) throw new Error(`a worker does not start: ${worker.#stderr}`)
    return worker
  }

  /** For `start`. */
  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.on('data', (chunk) => {
      this.#stderr += String(chunk)
    })
    child.on('message', (report) => isReport(report) && this.#receive(report))
    child.once('close', () => {
      this.hasEnded = true
      this.#receive(undefined)
    })
  }

  async draw(each: number): Promise<{ readonly names: readonly string[]; readonly all: readonly string[] }> {
    const report = await this.#ask({ kind: 'draw', each })
    if (report?.kind !== 'drawn') throw new Error(`a worker does not say which cases there are: ${this.#stderr}`)
    return report
  }

  async run(name: string): Promise<Result> {
    const begun = performance.now()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), caseTimeoutMs)
    const report = await this.#ask({ kind: 'run', name })
    clearTimeout(timer)
    if (report?.kind === 'done') return report.result
    const tookMs = Math.round(performance.now() - begun)
    const what = tookMs < caseTimeoutMs ? 'the process that ran the case has ended' : `the case hung for ${caseTimeoutMs} ms`
    const kind = name.slice(0, name.indexOf(':'))
    return {
      name,
      kind,
      outcome: 'failed',
      isEndedBySignal: false,
      problems: [`${what}: ${this.#stderr}`],
      lost: [],
      wrong: [],
      said: [],
      tookMs,
    }
  }

  async end(): Promise<void> {
    if (this.hasEnded) return
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await closed
  }

  async #ask(order: Order): Promise<Report | undefined> {
    const answer = this.#next()
    this.#child.send(order)
    return await answer
  }

  #next(): Promise<Report | undefined> {
    return new Promise((resolve) => {
      this.#receive = resolve
    })
  }
}
